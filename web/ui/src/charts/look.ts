// Colours (they stand in the style sheet), fonts, and who has which.

import { computed, signal } from "@preact/signals";
import { asked, change } from "../model/route";
import { leaders, overview } from "../model/study";

const BEST = 6, ALL = 10; // hues in the style sheet: those of the best, and with those of pinned trials

export const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "DejaVu Sans", sans-serif';

const STORED = "danlu-theme";

function preferred(): "light" | "dark" {
  try {
    const kept = localStorage.getItem(STORED);
    if (kept === "light" || kept === "dark") return kept;
  } catch { /* a file opened where storage is forbidden */ }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export const theme = signal<"light" | "dark">(preferred());

export function setTheme(to: "light" | "dark", keep = true): void {
  document.documentElement.dataset.theme = to; // before anything is painted in its colours
  theme.value = to;
  try {
    if (keep) localStorage.setItem(STORED, to);
  } catch { /* it holds for this visit */ }
}

const tones = new Map<string, string>(); // reading them from the style each time is slow

// A colour of the style sheet in the theme that holds.
export function tone(name: string): string {
  const key = `${theme.peek()} ${name}`;
  let found = tones.get(key);
  if (!found) tones.set(key, (found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()));
  return found;
}

// How many of the best are coloured.
export const top = computed(() => Math.max(0, Math.min(BEST, Number(asked("top") ?? 5))));
export const chosen = computed(() => leaders.value.slice(0, top.value));

// Pinned in this view (in its address), and pinned for all by a request.
export const pinned = computed<number[]>(() => {
  const here = (asked("pin") ?? "").split(",").map(Number).filter((n) => n > 0);
  return [...new Set([...(overview.value?.pinned ?? []), ...here])];
});

export function pin(n: number): void {
  const here = (asked("pin") ?? "").split(",").map(Number).filter((k) => k > 0);
  const now = here.includes(n) ? here.filter((k) => k !== n) : [...here, n];
  change({ pin: now.join(",") || null });
}

export const lit = signal<number | null>(null); // the trial under the pointer, in all panels

// Trials that are compared; no two of them look alike.
const compared = computed<number[]>(() => (asked("view") === "compare" ? (asked("compare") ?? "").split(",").map(Number) : []));

// Who has which colour: leaders, then trials that are compared or pinned, of what is left.
const hues = computed(() => {
  void theme.value;
  const all = huesTo(ALL), known = new Map(chosen.value.map((n, i) => [n, all[i]!]));
  const seen = compared.value;
  const taken = [...known].filter(([n]) => !seen.length || seen.includes(n)).map(([, colour]) => colour);
  const free = [...all.slice(BEST), ...all.slice(0, BEST)].filter((colour) => !taken.includes(colour));
  const rest = [...new Set([...seen, ...pinned.value])].filter((n) => !known.has(n));
  rest.forEach((n, i) => known.set(n, free[i % free.length]!));
  return known;
});

// The colour of a leader, pinned or compared trial; null for all others.
export const hue = (n: number): string | null => hues.value.get(n) ?? null;

const huesTo = (count: number): string[] => Array.from({ length: count }, (_, i) => tone(`hue-${i + 1}`));

export const groupHues = (): string[] => huesTo(BEST);
export const splitHues = (): { val: string; train: string } => ({ val: tone("hue-2"), train: tone("hue-1") });
