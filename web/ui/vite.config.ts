import { defineConfig } from "vite";

// One script and one style sheet with fixed names: the server sends them, the report holds them.
export default defineConfig({
  build: {
    outDir: "../../src/danlu/reporting/page",
    emptyOutDir: false,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: true,
    lib: { entry: "src/main.tsx", formats: ["iife"], name: "danlu", fileName: () => "dashboard.js", cssFileName: "dashboard" },
  },
  define: { "process.env.NODE_ENV": '"production"' },
});
