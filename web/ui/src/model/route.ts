// The whole state of the view lies in the fragment of the address: #/s/digits/curves?top=3&log=1

import { computed, signal } from "@preact/signals";

export const PAGES = ["overview", "curves", "parameters", "trials", "stages", "findings", "settings"] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  study: string | null;
  page: Page;
  trial: number | null;
  query: URLSearchParams;
}

const text = signal(fragment());

function fragment(): string {
  return location.hash.replace(/^#/, "");
}

export function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const pinned = /^trial-(\d+)$/.exec(hash);
  const page = PAGES.find((p) => p === parts[2]) ?? "overview";
  const number = page === "trials" && /^\d+$/.test(parts[3] ?? "") ? Number(parts[3]) : pinned ? Number(pinned[1]) : null;
  return {
    study: parts[0] === "s" && parts[1] ? parts[1] : null,
    page: pinned ? "trials" : page,
    trial: number,
    query: new URLSearchParams(query),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = computed(() => readRoute(text.value));

addEventListener("hashchange", () => {
  text.value = fragment();
});

export function link(study: string, page: Page | "trials", trial?: number, query?: Record<string, string>): string {
  const tail = trial === undefined ? "" : `/${trial}`;
  const asked = query && Object.keys(query).length ? `?${new URLSearchParams(query)}` : "";
  return `#/s/${encodeURIComponent(study)}/${page}${tail}${asked}`;
}

export const go = (hash: string): void => {
  location.hash = hash;
};

export const asked = (name: string): string | null => route.value.query.get(name);

// Change parts of the view without a step in the browser's history.
export function change(parts: Record<string, string | null>): void {
  const query = new URLSearchParams(route.value.query);
  for (const [name, value] of Object.entries(parts)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const [path] = fragment().split("?", 1);
  const tail = query.size ? `?${query}` : "";
  history.replaceState(null, "", `#${path}${tail}`);
  text.value = fragment();
}
