// What a person asks of the study: what needs words or care comes as a dialog first.

import { useEffect, useRef } from "preact/hooks";
import { signal, useSignal } from "@preact/signals";
import { t, word } from "../language";
import { wish } from "../model/source";
import { overview, running, trials } from "../model/study";
import type { Value } from "../model/types";
import { studyName } from "./common";

interface Asking {
  verb: string;
  trial?: number;
  config?: Record<string, Value>;
}

const asking = signal<Asking | null>(null);
export const told = signal("");

const DIALOG = ["stop", "stop now", "stop trial", "add budget", "enqueue", "note"];

export function ask(verb: string, trial?: number, config?: Record<string, Value>): void {
  if (DIALOG.includes(verb)) asking.value = { verb, ...(trial === undefined ? {} : { trial }), ...(config ? { config } : {}) };
  else void send(verb, trial === undefined ? {} : { trial });
}

async function send(verb: string, more: Record<string, unknown>): Promise<boolean> {
  const problem = await wish(studyName(), verb, more);
  told.value = problem ? problem : t("ask.sent", word("verb", verb));
  setTimeout(() => { told.value = ""; }, problem ? 9000 : 4000);
  return !problem;
}

export function Ask() {
  return (
    <>
      {asking.value && <Dialog key={asking.value.verb} given={asking.value} />}
      <p class={`toast ${told.value ? "" : "gone"}`} role="status">{told.value}</p>
    </>
  );
}

function Dialog({ given }: { given: Asking }) {
  const node = useRef<HTMLDialogElement>(null);
  const text = useSignal(given.verb === "add budget" ? suggested() : "");
  const values = useSignal<Record<string, string>>(startValues(given));
  const problem = useSignal("");
  useEffect(() => node.current?.showModal(), []);
  const close = () => { asking.value = null; };
  const submit = async (e: Event) => {
    e.preventDefault();
    const more: Record<string, unknown> = given.trial === undefined ? {} : { trial: given.trial };
    if (given.verb === "add budget") more.budget = text.value;
    if (given.verb === "note") more.text = text.value;
    if (given.verb === "enqueue") more.config = parsed(values.value);
    problem.value = await wish(studyName(), given.verb, more);
    if (problem.value) return;
    told.value = t("ask.sent", word("verb", given.verb));
    setTimeout(() => { told.value = ""; }, 4000);
    close();
  };
  return (
    <dialog ref={node} onClose={close} aria-labelledby="ask-title">
      <form onSubmit={(e) => void submit(e)}>
        <h2 id="ask-title">{word("verb", given.verb)}{given.trial === undefined ? "" : ` #${given.trial}`}</h2>
        <p>{explained(given)}</p>
        {given.verb === "add budget" && <input aria-label={t("action.add_budget")} value={text.value} onInput={(e) => { text.value = e.currentTarget.value; }} autofocus />}
        {given.verb === "note" && <textarea aria-label={t("action.note")} rows={4} maxLength={2000} value={text.value} onInput={(e) => { text.value = e.currentTarget.value; }} autofocus />}
        {given.verb === "enqueue" && <Fields values={values.value} change={(v) => { values.value = v; }} />}
        {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        <div class="buttons">
          <button type="button" onClick={close}>{t("ask.cancel")}</button>
          <button type="submit" class="main">{word("verb", given.verb)}</button>
        </div>
      </form>
    </dialog>
  );
}

function explained({ verb, trial }: Asking): string {
  const count = running.value.length;
  switch (verb) {
    case "stop": return t("ask.stop", count);
    case "stop now": return t("ask.stop_now", count);
    case "stop trial": return t("ask.stop_trial", trial ?? 0, trials.get(trial ?? 0)?.epoch ?? 0);
    case "add budget": return t("ask.add_budget");
    case "enqueue": return t("ask.enqueue");
    default: return t("ask.note");
  }
}

function suggested(): string {
  const b = overview.value?.progress.budget;
  return b?.trials ? "10 trials" : b?.seconds && !b.trainings ? "30 min" : "5x";
}

function startValues({ verb, config }: Asking): Record<string, string> {
  if (verb !== "enqueue") return {};
  const from = config ?? trials.get(overview.value?.leaders[0] ?? 0)?.config ?? {};
  return Object.fromEntries((overview.value?.names ?? []).map((n) => [n, Object.hasOwn(from, n) ? String(from[n] ?? "none") : ""]));
}

// What was typed, with the type that the parameter has; what is empty takes its default.
function parsed(values: Record<string, string>): Record<string, Value> {
  const space = overview.value?.settings.space ?? {};
  const found: Record<string, Value> = {};
  for (const [name, text] of Object.entries(values)) {
    const trimmed = text.trim();
    if (!trimmed) continue;
    const choices = (space[name]?.choices ?? []) as Value[];
    const choice = choices.find((c) => (c === null ? "none" : String(c)) === trimmed);
    found[name] = choice !== undefined ? choice : Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed);
  }
  return found;
}

function Fields({ values, change }: { values: Record<string, string>; change: (v: Record<string, string>) => void }) {
  const space = overview.value?.settings.space ?? {};
  const put = (name: string, v: string) => change({ ...values, [name]: v });
  return (
    <div class="fields">
      {Object.entries(values).map(([name, value]) => {
        const choices = space[name]?.choices as Value[] | undefined;
        const { low, high } = (space[name] ?? {}) as { low?: number; high?: number };
        return (
          <label key={name}>
            <span class="text">{name}</span>
            {choices
              ? <select value={value} onChange={(e) => put(name, e.currentTarget.value)}><option value="" />{choices.map((c) => { const w = c === null ? "none" : String(c); return <option value={w} key={w}>{w}</option>; })}</select>
              : <input inputMode="decimal" value={value} placeholder={low === undefined ? "" : `${low} … ${high}`} onInput={(e) => put(name, e.currentTarget.value)} />}
          </label>
        );
      })}
    </div>
  );
}
