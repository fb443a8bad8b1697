// The plan as it went: stages, the log-book of each move, and which worker trained what, when.

import { say, t, word } from "../language";
import { duration, moment, show } from "../model/numbers";
import { all, loss, overview, type Trial } from "../model/study";
import { go, link } from "../model/route";
import { hue, lit } from "../charts/look";
import { Xy } from "../charts/Xy";
import { Empty, studyName, TrialLink } from "../parts/common";
import { Panel } from "../parts/Panel";
import { VerdictPanel } from "../parts/Verdict";

export function Stages() {
  const list = overview.value!.why?.stages ?? [];
  return (
    <>
      <VerdictPanel />
      <Panel title={t("stages.title")} table={() => ({ head: [t("column.stage"), t("column.trials"), t("stages.epochs"), t("logbook.done")], rows: list.map(([name, trials, spent, done]) => [name, trials, spent, say(done)]) })}>
        {!list.length ? <Empty>{t("stages.none")}</Empty> : (
          <div class="scroll" tabIndex={0} role="group" aria-label={t("stages.title")}><table class="wide">
            <thead><tr><th scope="col">{t("column.stage")}</th><th scope="col" class="number">{t("column.trials")}</th><th scope="col" class="number">{t("stages.epochs")}</th><th scope="col">{t("stages.best")}</th><th scope="col">{t("logbook.done")}</th></tr></thead>
            <tbody>{list.map(([name, count, spent, done]) => {
              const best = bestOf(name);
              return (
                <tr key={name}>
                  <td><strong class="text">{name || "–"}</strong></td><td class="number">{count}</td><td class="number">{spent}</td>
                  <td>{best ? <><TrialLink n={best.n} /> {show(best.value)}</> : "–"}</td>
                  <td class="told"><span class="text soft">{say(done || (all.value.find((x) => x.stage === name)?.why ?? ""))}</span></td>
                </tr>
              );
            })}</tbody>
          </table></div>
        )}
      </Panel>
      <LogBook />
      <Gantt />
    </>
  );
}

const bestOf = (stage: string): Trial | undefined =>
  all.value.filter((x) => x.stage === stage && x.value !== null && x.state !== "failed").sort((a, b) => loss(a.value!) - loss(b.value!))[0];

function LogBook() {
  const o = overview.value!, entries = o.why?.logbook ?? [];
  return (
    <Panel title={t("logbook.title")} long table={() => ({ head: [t("column.stage"), t("logbook.code"), t("logbook.seen"), t("logbook.done"), t("stages.why")], rows: entries.map((e) => [e.stage, word("code", e.code), say(e.seen), say(e.done), say(e.why)]) })}>
      {!entries.length && !o.notes.length && <Empty>{t("logbook.none")}</Empty>}
      <ol class="logbook">
        {entries.map((e, i) => (
          <li key={i} class={e.code}>
            <span class="code">{word("code", e.code)}</span>
            <span><span class="text">{say(e.seen)}</span>{e.seen && e.done ? ": " : ""}<strong class="text">{say(e.done)}</strong>{e.trial !== null && <> <TrialLink n={e.trial} /></>}<span class="aside">{[e.stage, say(e.why)].filter(Boolean).join(" · ")}</span></span>
          </li>
        ))}
        {o.notes.map((x, i) => (
          <li key={`note-${i}`} class="note"><span class="code">{word("code", "note")}</span><span><span class="text">{x.text}</span> {x.trial !== null && <TrialLink n={x.trial} />} <span class="soft">{x.by}, {moment(x.at)}</span></span></li>
        ))}
      </ol>
    </Panel>
  );
}

const LANES = 64, LANE = 15, SHOWN = 400;

// Trials along time, packed into as few lanes as were busy at once; of the last launch of each.
function Gantt() {
  const list = all.value.filter((x) => x.launched > 0).sort((a, b) => a.launched - b.launched).slice(-SHOWN);
  const o = overview.value!;
  if (list.length < 2) return null;
  const end = (x: Trial) => Math.max(x.launched + 0.02, x.state === "running" ? o.study.last_at : x.till);
  const free: number[] = [], lane = new Map<number, number>();
  for (const x of list) {
    let i = free.findIndex((at) => at <= x.launched + 1e-3);
    if (i < 0) i = Math.min(free.length, LANES);
    free[i] = end(x);
    lane.set(x.n, i);
  }
  const zero = list[0]!.launched, last = Math.max(...list.map(end)) - zero;
  const unit = last > 7200 ? 3600 : last > 180 ? 60 : 1, name = unit === 3600 ? "h" : unit === 60 ? "min" : "s";
  return (
    <Panel vector title={t("gantt.title")} caption={t("gantt.caption", duration(last), list.length)} long
      table={() => ({ head: [t("column.trial"), t("gantt.begin"), t("gantt.end"), t("column.stage"), t("column.state")], rows: list.map((x) => [x.n, x.launched - zero, end(x) - zero, x.stage, word("state", x.state)]) })}>
      <Xy x={{ kind: "linear", low: 0, high: Math.max(last / unit, 1e-3), label: name }} y={{ kind: "category", low: 0, high: free.length, names: free.map((_, i) => String(i + 1)), label: t("gantt.lane") }} height={Math.max(120, free.length * LANE + 60)} label={t("gantt.title")}>
        {(place) => list.map((x) => (
          <Span key={x.n} trial={x} from={place.x((x.launched - zero) / unit)} to={place.x((end(x) - zero) / unit)} y={place.y(lane.get(x.n)!)} words={`#${x.n} ${x.stage} ${word("state", x.state)} ${duration(end(x) - x.launched)}`} />
        ))}
      </Xy>
    </Panel>
  );
}

// The shape tells the state: a cross at the end of what failed, a ring at the head of what runs.
function Span({ trial, from, to, y, words }: { trial: Trial; from: number; to: number; y: number; words: string }) {
  const width = Math.max(1.5, to - from - 0.5), end = from + width, colour = hue(trial.n);
  return (
    <g class={`span ${trial.state} ${lit.value === trial.n ? "lit" : ""}`} style={colour ? { fill: colour } : {}}
      onMouseEnter={() => { lit.value = trial.n; }} onMouseLeave={() => { lit.value = null; }} onClick={() => go(link(studyName(), "trials", trial.n))}>
      <title>{words}</title>
      <rect x={from} width={width} y={y - 5} height="10" rx="2" />
      {trial.state === "failed" && <path class="cross" d={`M${end - 4} ${y - 4}l8 8m0 -8l-8 8`} />}
      {trial.state === "running" && <circle cx={end} cy={y} r="4.5" />}
    </g>
  );
}
