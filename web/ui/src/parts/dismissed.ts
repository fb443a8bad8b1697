// Findings that this reader has put aside; kept in the browser, for each study.

import { computed, signal } from "@preact/signals";
import { overview } from "../model/study";

const STORED = "danlu-dismissed";

function stored(): Record<string, string[]> {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}") as Record<string, string[]>;
  } catch {
    return {}; // a file opened where storage is forbidden, or something else's text
  }
}

const kept = signal(stored());
const study = (): string => overview.value?.study.name ?? "";

export const dismissed = computed(() => new Set(kept.value[study()] ?? []));

export function dismiss(key: string, on: boolean): void {
  const now = new Set(dismissed.value);
  if (on) now.add(key);
  else now.delete(key);
  kept.value = { ...kept.value, [study()]: [...now] };
  try {
    localStorage.setItem(STORED, JSON.stringify(kept.value));
  } catch { /* it holds for this visit */ }
}
