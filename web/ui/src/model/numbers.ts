// Numbers, durations and moments as short text; as `danlu.reporting.text` writes them.

import { lang } from "../language";

export function show(value: unknown, digits = 4): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size >= 1e-4 && size < 1e6) {
    const fixed = value.toFixed(Math.max(0, Math.min(12, digits - 1 - Math.floor(Math.log10(size)))));
    return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
  }
  return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
}

export const count = (n: number): string => n.toLocaleString(lang.value);
export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)} %`;

const two = (n: number): string => String(n).padStart(2, "0");

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${two(Math.floor((whole % 86400) / 3600))} h`;
}

export const moment = (at: number): string =>
  at > 0 ? new Date(at * 1000).toLocaleString(lang.value, { dateStyle: "medium", timeStyle: "short" }) : "–";

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(1)} kB`;
  return `${(n / 1024 / 1024).toFixed(1)} MB`;
}
