// The top of each page: which study, its state and stage, what can be asked for, and the connection.

import type { Ref } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { lang, NAMES, speak, t, word, type Lang } from "../language";
import { duration } from "../model/numbers";
import { link, PAGES, route } from "../model/route";
import { canAct, connection, frozen, heardAt, list, retryAt, serverOffset, trouble } from "../model/source";
import { counts, isSilent, loaded, overview } from "../model/study";
import { setTheme, theme } from "../charts/look";
import type { State } from "../model/types";
import { Ask, ask } from "./Ask";

// Seconds since 1970 by the server's clock; in a file the time of its last event.
export const now = (): number => (connection.value === "file" ? (overview.value?.study.last_at ?? 0) : Date.now() / 1000 + serverOffset.value);

// Ticks once a second, for ages and countdowns.
export function useClock(): number {
  const clock = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => { clock.value = Date.now(); }, 1000);
    return () => clearInterval(timer);
  }, []);
  return clock.value;
}

// A study's state in a word, as one sees it who looks from outside.
export function stateNow(): string {
  const o = overview.value;
  if (!o) return "";
  if (o.study.state === "not begun" && o.study.alive) return "starting";
  if (o.study.state !== "running" || connection.value === "file") return o.study.state;
  if (!o.study.alive) return "killed";
  if (o.waiting.some((w) => w.verb === "stop" || w.verb === "stop now")) return "stopping";
  if (o.hold) return "paused";
  return isStale() ? "stale" : "running";
}

// A trial's state, as one sees it who looks from outside: what a killed process trained is lost until it runs again.
export const trialState = (state: State): State => (state === "running" && stateNow() === "killed" ? "lost" : state);

// Whether a process runs it that could act on what is asked.
export const isUnderWay = (): boolean => ["running", "paused", "stale", "stopping"].includes(stateNow());

// No event for much longer than usual, though trials run.
export function isStale(): boolean {
  const o = overview.value;
  if (!o?.study.alive || connection.value === "file" || !(counts.value.running ?? 0)) return false;
  return isSilent(now() - o.study.last_at, o.progress.epoch_s);
}

function stageNow(): string {
  const stages = overview.value?.stages ?? [];
  if (!stages.length) return "";
  return t("header.stage", stages.length, stages.at(-1)![0]);
}

// On a narrow screen the row of pages scrolls: the one that is open stays in sight.
function useOpenPageInSight(open: string): Ref<HTMLElement> {
  const row = useRef<HTMLElement>(null);
  useEffect(() => {
    const here = row.current?.querySelector<HTMLElement>("[aria-current]");
    if (here) row.current!.scrollLeft = here.offsetLeft - (row.current!.clientWidth - here.offsetWidth) / 2;
  }, [open]);
  return row;
}

export function Header() {
  useClock();
  const { page } = route.value, known = !!overview.value;
  const row = useOpenPageInSight(`${page} ${known} ${lang.value}`);
  const o = overview.value, study = route.value.study ?? o?.study.name;
  const state = stateNow();
  return (
    <header>
      <div class="top">
        {study && list.value && list.value.studies.length > 0 && <a class="home" href="#/" aria-label={t("page.studies")}>danlu</a>}
        <h1><span class="text">{study ?? "danlu"}</span></h1>
        {o && <span class={`pill ${state}`}>{word("state", state)}</span>}
        {o && <span class="facts"><span class="text">{stageNow()}</span></span>}
        {o && list.value?.role === "look" && <span class="facts">{t("header.look")}</span>}
        <span class="grow" />
        {o && canAct() && <Actions state={state} />}
        <span class="tools">
        <Connection />
        <button type="button" class="icon" aria-label={t("theme.switch")} title={t("theme.switch")} onClick={() => setTheme(theme.value === "dark" ? "light" : "dark")}>
          <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true"><path d="M8 1a7 7 0 1 0 7 7A5.5 5.5 0 0 1 8 1z" /></svg>
        </button>
        <select class="language" aria-label={t("language.choose")} value={lang.value} onChange={(e) => speak(e.currentTarget.value as Lang)}>
          {Object.entries(NAMES).map(([code, name]) => <option value={code} key={code}>{name}</option>)}
        </select>
        </span>
      </div>
      {o && study && (
        <nav ref={row} aria-label={t("header.pages")}>
          {PAGES.map((name) => (
            <a key={name} href={link(study, name)} aria-current={page === name ? "page" : undefined}>{t(`page.${name}`)}</a>
          ))}
        </nav>
      )}
      <Ask />
    </header>
  );
}

function Actions({ state }: { state: string }) {
  const waiting = overview.value!.waiting.map((w) => w.verb);
  const running = isUnderWay();
  return (
    <span class="actions">
      {running && (state === "paused"
        ? <button type="button" disabled={waiting.includes("resume")} onClick={() => ask("resume")}>{t("action.resume")}</button>
        : <button type="button" disabled={waiting.includes("pause")} onClick={() => ask("pause")}>{waiting.includes("pause") ? t("action.pausing") : t("action.pause")}</button>)}
      {running && <button type="button" disabled={state === "stopping"} onClick={() => ask("stop")}>{t("action.stop")}</button>}
      <select class="more" aria-label={t("action.more")} value="" onChange={(e) => { const verb = e.currentTarget.value; e.currentTarget.value = ""; ask(verb); }}>
        <option value="" disabled hidden>⋯</option>
        {running && <option value="stop now">{t("action.stop_now")}</option>}
        {running && <option value="add budget">{t("action.add_budget")}</option>}
        <option value="enqueue">{t("action.enqueue")}</option>
        <option value="note">{t("action.note")}</option>
      </select>
    </span>
  );
}

function Connection() {
  const kind = connection.value;
  if (kind === "file") return null;
  const { have, of } = loaded.value;
  const left = Math.max(0, Math.round((retryAt.value - Date.now()) / 1000));
  const age = (Date.now() - heardAt.value) / 1000;
  const words =
    kind === "loading" ? (of ? t("connection.loading", have, of) : t("connection.waiting"))
    : have < of && kind === "live" ? t("connection.loading", have, of)
    : kind === "lost" ? t("connection.lost", left)
    : kind === "refused" ? t("connection.refused")
    : kind === "missing" ? ""
    : frozen.value ? t("connection.frozen")
    : overview.value?.study.last_at ? t("connection.last", duration(Math.max(0, now() - overview.value.study.last_at))) : "";
  if (!words) return null;
  return (
    <span class={`connection ${frozen.value ? "frozen" : kind}`} title={trouble.value || t("connection.heard", duration(age))}>
      <i aria-hidden="true" /><span class="words">{words}</span>
    </span>
  );
}

// What went wrong with the line stays in sight; the last picture stays too.
export function Banner() {
  useClock();
  const kind = connection.value;
  if (kind === "lost" && overview.value) {
    return <p class="banner" role="status">{t("banner.lost", trouble.value, Math.max(0, Math.round((retryAt.value - Date.now()) / 1000)))}</p>;
  }
  if (stateNow() === "killed") return <p class="banner" role="status">{t("banner.killed")}</p>;
  if (isStale()) return <p class="banner" role="status">{t("banner.stale", duration(now() - overview.value!.study.last_at), duration(overview.value!.progress.epoch_s))}</p>;
  return null;
}
