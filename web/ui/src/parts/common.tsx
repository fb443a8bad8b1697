// Small parts that many pages share.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { t, word } from "../language";
import { link } from "../model/route";
import { overview } from "../model/study";
import { hue, lit } from "../charts/look";
import type { State } from "../model/types";
import { trialState } from "./Header";

export const studyName = (): string => overview.value?.study.name ?? "";

// The number of a trial as a link to its page; all panels light it up under the pointer.
export function TrialLink({ n, words }: { n: number; words?: string }) {
  return (
    <a class="trial" href={link(studyName(), "trials", n)} onMouseEnter={() => { lit.value = n; }} onMouseLeave={() => { lit.value = null; }}>
      {hue(n) && <i class="mark" style={{ background: hue(n)! }} />}#{n}{words}
    </a>
  );
}

const MOST = 12;

export function TrialLinks({ numbers }: { numbers: number[] }) {
  return (
    <span class="links">
      {numbers.slice(0, MOST).map((n) => <TrialLink n={n} key={n} />)}
      {numbers.length > MOST && <span> … +{numbers.length - MOST}</span>}
    </span>
  );
}

const SHAPES: Record<State, string> = {
  running: "M6 1a5 5 0 1 0 .01 0z",
  finished: "M1.5 6.5 4.5 9.5 10.5 2.5",
  stopped: "M1.5 6h9",
  failed: "M2 2 10 10M10 2 2 10",
  paused: "M4 2v8M8 2v8",
  lost: "M6 2v5M6 9.4v.6",
};

// A state has a shape as well as a colour.
export function StateMark({ state: recorded }: { state: State }) {
  const state = trialState(recorded);
  return (
    <span class={`state ${state}`}>
      <svg viewBox="0 0 12 12" width="11" height="11" aria-hidden="true"><path d={SHAPES[state] ?? ""} /></svg>
      {word("state", state)}
    </span>
  );
}

export function Copy({ text, label }: { text: string; label: string }) {
  const done = useSignal(false);
  const act = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a file, or a page that is not secure: let the browser copy what is selected
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    done.value = true;
    setTimeout(() => { done.value = false; }, 1500);
  };
  return <button type="button" onClick={() => void act()}>{done.value ? t("copy.done") : label}</button>;
}

export function Toggle({ on, label, act, title }: { on: boolean; label: string; act: () => void; title?: string }) {
  return <button type="button" aria-pressed={on} onClick={act} title={title}>{label}</button>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}
