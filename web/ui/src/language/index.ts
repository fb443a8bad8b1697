// Texts of the page: one catalogue for each language, chosen by the address, the reader or the browser.

import { computed, signal } from "@preact/signals";
import type { Told } from "../model/types";
import en from "../../../../src/danlu/language/en.json";
import zh from "./zh.page.json"; // made by scripts/page_texts.py

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
  return CATALOGUES[chosen.value][key] ?? name.replaceAll("_", " ");
}

const TEMPLATES: Record<Lang, Record<string, string>> = { en: {}, zh };
const COMMA: Record<Lang, string> = { en: ", ", zh: "、" }; // between things of a list
const JOINED = "{a}{b}"; // two sentences put together

// A sentence in the reader's language; text that is none, or that no catalogue has, stays English.
export function say(told: Told): string {
  if (typeof told === "string") return told;
  const own = told.say === JOINED ? JOINED : TEMPLATES[chosen.value][told.say];
  const comma = own === undefined ? COMMA.en : COMMA[chosen.value];
  return (own ?? told.say).replace(/\{(\w+)\}/g, (field, name: string) => {
    const value = told.with[name] ?? field;
    return Array.isArray(value) ? value.map(say).join(comma) : say(value);
  });
}
