// Texts of the page: one catalogue for each language, chosen by the address, the reader or the browser.

import { computed, signal } from "@preact/signals";
import en from "./en.json";
import zh from "./zh.json";

export type Key = keyof typeof en;
export type Lang = "en" | "zh";

const CATALOGUES: Record<Lang, Record<Key, string>> = { en, zh };
export const NAMES: Record<Lang, string> = { en: "English", zh: "简体中文" };

const STORED = "danlu-language";

function preferred(): Lang {
  const given = document.documentElement.dataset.lang ?? stored() ?? navigator.language;
  return given.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // a file opened where storage is forbidden
  }
}

const chosen = signal<Lang>(preferred());
export const lang = computed(() => chosen.value);

export function speak(language: Lang): void {
  chosen.value = language;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  try {
    localStorage.setItem(STORED, language);
  } catch { /* it holds for this visit */ }
}

// The text of a key, with {0}, {1}, … filled in.
export function t(key: Key, ...values: (string | number)[]): string {
  return CATALOGUES[chosen.value][key].replace(/\{(\d)\}/g, (_, i: string) => String(values[Number(i)] ?? ""));
}

// The text of a key that is made at run time, such as a state; the key's own word if there is none.
export function word(kind: "state" | "verb" | "code" | "severity", name: string): string {
  const key = `${kind}.${name}` as Key;
  return CATALOGUES[chosen.value][key] ?? name;
}
