// Keys: everything that is often done can be done without a pointer; "?" lists them.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { t, type Key } from "../language";
import { change, go, link, route, type Page } from "../model/route";
import { freeze, frozen } from "../model/source";
import { overview, ranked } from "../model/study";
import { pin } from "../charts/look";
import { cursor, pick, picked, sorted } from "../pages/Trials";
import { studyName } from "./common";
import { toggleLog } from "./CurvesPanel";
import { metric, options, set } from "./view";

const helping = signal(false);

const LIST: [string, Key][] = [
  ["?", "key.help"], ["g o / c / p / t / s / f", "key.go"], ["/", "key.filter"], ["j  k", "key.walk"], ["Enter", "key.open"],
  ["x", "key.pick"], ["c", "key.compare"], ["b", "key.best"], [".", "key.pin"], ["l", "key.log"], ["L", "key.logx"], ["f", "key.fit"],
  ["m", "key.many"], ["space", "key.freeze"], ["Esc", "key.back"],
];

const PAGES: Record<string, Page> = { o: "overview", c: "curves", p: "parameters", t: "trials", s: "stages", f: "findings" };
const SEQUENCE_MS = 1200;

let gone = 0; // when "g" was pressed

export function listenToKeys(): void {
  addEventListener("keydown", (e) => {
    const target = e.target as HTMLElement;
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    if (target.closest("input,textarea,select")) {
      if (e.key === "Escape") target.blur();
      return;
    }
    if ((e.key === " " || e.key === "Enter") && target.closest("button,a,summary")) return;
    if (act(e.key)) e.preventDefault();
  });
}

function act(key: string): boolean {
  const study = studyName();
  if (!study) return key === "?" && help();
  if (performance.now() - gone < SEQUENCE_MS && PAGES[key]) {
    gone = 0;
    go(link(study, PAGES[key]!));
    return true;
  }
  const m = metric.value, here = route.value.trial ?? cursor.value;
  switch (key) {
    case "?": return help();
    case "g": gone = performance.now(); return true;
    case "/": return focusFilter();
    case "j": case "k": return walk(key === "j" ? 1 : -1);
    case "Enter": if (cursor.value !== null) go(link(study, "trials", cursor.value)); return cursor.value !== null;
    case "x": if (here !== null) pick(here); return here !== null;
    case "c": if (picked().length > 1) go(`${link(study, "trials")}?${new URLSearchParams({ compare: picked().join(","), view: "compare" })}`); return true;
    case "b": if (ranked.value[0]) go(link(study, "trials", overview.value!.leaders[0] ?? ranked.value[0].n)); return true;
    case ".": if (here !== null) pin(here); return here !== null;
    case "l": if (m) toggleLog(m); return true;
    case "L": set("logx", !options.value.logX); return true;
    case "f": set("fit", !options.value.fit); return true;
    case "m": go(link(study, "curves", undefined, { many: "1" })); return true;
    case " ": freeze(!frozen.value); return true;
    case "Escape": return back();
  }
  return false;
}

function help(): boolean {
  helping.value = !helping.value;
  return true;
}

function focusFilter(): boolean {
  const box = document.querySelector<HTMLInputElement>("input.filter");
  if (box) box.focus();
  else {
    go(link(studyName(), "trials"));
    setTimeout(() => document.querySelector<HTMLInputElement>("input.filter")?.focus(), 80);
  }
  return true;
}

function walk(step: number): boolean {
  const list = sorted(), now = route.value.trial ?? cursor.value;
  const i = list.findIndex((x) => x.n === now), next = list[Math.max(0, Math.min(list.length - 1, i < 0 ? 0 : i + step))];
  if (!next) return false;
  cursor.value = next.n;
  if (route.value.trial !== null) go(link(studyName(), "trials", next.n));
  return true;
}

function back(): boolean {
  if (route.value.trial !== null) go(link(studyName(), "trials"));
  else change({ pin: null, filter: null, view: null });
  return true;
}

export function Help() {
  const node = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helping.value) node.current?.showModal();
  }, [helping.value]);
  if (!helping.value) return null;
  return (
    <dialog ref={node} onClose={() => { helping.value = false; }} aria-labelledby="help-title">
      <h2 id="help-title">{t("key.title")}</h2>
      <dl class="keys">{LIST.map(([key, words]) => <><dt><kbd>{key}</kbd></dt><dd>{t(words)}</dd></>)}</dl>
      <form method="dialog" class="buttons"><button type="submit">{t("key.close")}</button></form>
    </dialog>
  );
}
