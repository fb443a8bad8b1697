// The plan as it went: stages, the log-book of each move, and which worker trained what, when.

import { t, word } from "../language";
import { duration, moment, show } from "../model/numbers";
import { all, loss, overview, type Trial } from "../model/study";
import { go, link } from "../model/route";
import { hue, lit } from "../charts/look";
import { Xy } from "../charts/Xy";
import { Empty, studyName, TrialLink } from "../parts/common";
import { Panel } from "../parts/Panel";

interface Stage {
  name: string;
  trials: Trial[];
  spent: number;
}

// Stages in the order in which they began, with what each spent in full trainings.
function stages(): Stage[] {
  const o = overview.value!, found = new Map<string, Stage>();
  for (const trial of all.value) {
    const stage = found.get(trial.stage) ?? { name: trial.stage, trials: [], spent: 0 };
    stage.trials.push(trial);
    stage.spent += trial.epoch / o.study.epochs;
    found.set(trial.stage, stage);
  }
  return [...found.values()];
}

export function Stages() {
  const o = overview.value!, list = stages();
  return (
    <>
      <Panel title={t("stages.title")} table={() => ({ head: [t("column.stage"), t("column.trials"), t("stages.epochs"), o.study.metric], rows: list.map((s) => [s.name, s.trials.length, s.spent, best(s)?.value ?? null]) })}>
        {!list.length ? <Empty>{t("figure.none")}</Empty> : (
          <div class="scroll" tabIndex={0} role="region" aria-label={t("stages.title")}><table class="wide">
            <thead><tr><th scope="col">{t("column.stage")}</th><th scope="col" class="number">{t("column.trials")}</th><th scope="col" class="number">{t("stages.epochs")}</th><th scope="col">{t("stages.best")}</th><th scope="col">{t("stages.why")}</th></tr></thead>
            <tbody>{list.map((s) => (
              <tr key={s.name}>
                <td><strong class="text">{s.name || "–"}</strong></td><td class="number">{s.trials.length}</td><td class="number">{show(s.spent, 3)}</td>
                <td>{best(s) ? <><TrialLink n={best(s)!.n} /> {show(best(s)!.value)}</> : "–"}</td>
                <td><span class="text soft">{s.trials[0]!.why}</span></td>
              </tr>
            ))}</tbody>
          </table></div>
        )}
      </Panel>
      <LogBook />
      <Gantt />
    </>
  );
}

const best = (s: Stage): Trial | undefined =>
  s.trials.filter((x) => x.value !== null && x.state !== "failed").sort((a, b) => loss(a.value!) - loss(b.value!))[0];

function LogBook() {
  const o = overview.value!;
  return (
    <Panel title={t("logbook.title")} long table={() => ({ head: [t("column.stage"), t("logbook.code"), t("logbook.seen"), t("logbook.done"), t("stages.why")], rows: o.logbook.map((e) => [e.stage, e.code, e.seen, e.done, e.why]) })}>
      {!o.logbook.length && !o.notes.length && <Empty>{t("logbook.none")}</Empty>}
      <ol class="logbook">
        {o.logbook.map((e, i) => (
          <li key={i} class={e.code}>
            <span class="code">{word("code", e.code)}</span>
            <span><span class="text">{e.seen}</span>{e.seen && e.done ? ": " : ""}<strong class="text">{e.done}</strong>{e.why && <span class="text soft"> {e.why}</span>} {typeof e.data.trial === "number" && <TrialLink n={e.data.trial} />}{e.stage && <span class="soft"> · {e.stage}</span>}</span>
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
  const end = (x: Trial) => x.launched + Math.max(0.02, x.state === "running" ? o.study.last_at - x.launched : Math.min(x.seconds, o.study.last_at - x.launched));
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
    <Panel title={t("gantt.title")} caption={t("gantt.caption", duration(last), list.length)} long
      table={() => ({ head: [t("column.trial"), t("gantt.begin"), t("gantt.end"), t("column.stage"), t("column.state")], rows: list.map((x) => [x.n, x.launched - zero, end(x) - zero, x.stage, x.state]) })}>
      <Xy x={{ kind: "linear", low: 0, high: Math.max(last / unit, 1e-3), label: name }} y={{ kind: "category", low: 0, high: free.length, names: free.map((_, i) => String(i + 1)), label: t("gantt.lane") }} height={Math.max(120, free.length * LANE + 60)} label={t("gantt.title")}>
        {(place) => list.map((x) => {
          const x0 = place.x((x.launched - zero) / unit), x1 = place.x((end(x) - zero) / unit), y = place.y(lane.get(x.n)!);
          return (
            <rect key={x.n} class={`span ${x.state} ${lit.value === x.n ? "lit" : ""}`} x={x0} width={Math.max(1.5, x1 - x0 - 0.5)} y={y - 5} height="10" rx="2" style={hue(x.n) ? { fill: hue(x.n)! } : {}}
              onMouseEnter={() => { lit.value = x.n; }} onMouseLeave={() => { lit.value = null; }} onClick={() => go(link(studyName(), "trials", x.n))}><title>{`#${x.n} ${x.stage} ${duration(end(x) - x.launched)}`}</title></rect>
          );
        })}
      </Xy>
    </Panel>
  );
}
