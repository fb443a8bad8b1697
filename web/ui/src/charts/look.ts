// Colours (Okabe and Ito 2008, and lighter ones on dark), fonts, and who has which.

import { computed, signal } from "@preact/signals";
import { asked, change } from "../model/route";
import { leaders, overview } from "../model/study";

const HUES = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"],
  dark: ["#3B9EDB", "#F0813A", "#2CC197", "#E09CC4", "#F2B63C", "#7FCBF5"],
};
const MORE = { light: ["#7A5230", "#6A4FB3", "#5B7F00", "#A3195B"], dark: ["#C69A6D", "#A48CF0", "#A5C93A", "#F07CB0"] };

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
export const top = computed(() => Math.max(0, Math.min(6, Number(asked("top") ?? 5))));
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

// The colour of a leader or pinned trial; null for all others.
export function hue(n: number): string | null {
  const place = chosen.value.indexOf(n);
  if (place >= 0) return HUES[theme.value][place]!;
  const extra = pinned.value.filter((k) => !chosen.value.includes(k)).indexOf(n);
  return extra >= 0 ? MORE[theme.value][extra % MORE.light.length]! : null;
}

export const groupHues = (): string[] => HUES[theme.value];
export const splitHues = (): { val: string; train: string } => ({ val: HUES[theme.value][1]!, train: HUES[theme.value][0]! });
