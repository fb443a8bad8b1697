// One trial: its curves, why it ran and why it ended, how it differs from the best, its log and files.

import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { say, t, word } from "../language";
import { bytes, duration, moment, show } from "../model/numbers";
import { connection, canAct, download, fetchDetail, wordsOf } from "../model/source";
import { isOpen, overview, rank, trials, type Trial } from "../model/study";
import type { Metric, TrialDetail } from "../model/types";
import { CurveChart } from "../charts/CurveChart";
import { hasFan } from "../charts/nearest";
import { pin, pinned } from "../charts/look";
import { ask } from "../parts/Ask";
import { isUnderWay } from "../parts/Header";
import { Copy, Empty, StateMark, studyName, Toggle } from "../parts/common";
import { curveTable } from "../parts/CurvesPanel";
import { Panel } from "../parts/Panel";
import { options } from "../parts/view";

export function TrialPage({ n }: { n: number }) {
  const trial = trials.get(n);
  const detail = useSignal<TrialDetail | null>(null), problem = useSignal("");
  const state = trial?.state, epoch = trial?.epoch;
  useEffect(() => {
    if (connection.value === "file" || !trial) return;
    let gone = false;
    fetchDetail(studyName(), n).then((d) => { if (!gone) detail.value = d; }, (e: unknown) => { problem.value = wordsOf(e); });
    return () => { gone = true; };
  }, [n, state, epoch]);
  if (!trial) return <section class="card"><Empty>{t("trial.none", n)}</Empty></section>;
  return (
    <>
      <Head trial={trial} />
      <div class="pair">
        <div class="rows">
          <Metrics trial={trial} />
          <Log trial={trial} detail={detail.value} problem={problem.value} />
        </div>
        <div class="rows">
          <Config trial={trial} />
          <Take trial={trial} detail={detail.value} />
        </div>
      </div>
    </>
  );
}

function Head({ trial }: { trial: Trial }) {
  const place = rank.value.get(trial.n), o = overview.value!;
  const stopping = o.waiting.some((w) => w.verb === "stop trial" && w.trial === trial.n);
  const notes = o.notes.filter((x) => x.trial === trial.n);
  return (
    <section class="card trial-head">
      <div class="head">
        <h2>{t("trial.title", trial.n)}</h2>
        <StateMark state={trial.state} />
        <span>{o.study.metric} <strong>{show(trial.value)}</strong>{trial.at ? ` · ${t("figure.at", trial.at)}` : ""}{place ? ` · ${t("trial.rank", place)}` : ""}</span>
        <span class="grow" />
        <Toggle on={pinned.value.includes(trial.n)} label={t("trial.pin")} title="." act={() => (canAct() ? ask(o.pinned.includes(trial.n) ? "unpin" : "pin", trial.n) : pin(trial.n))} />
        {canAct() && <button type="button" onClick={() => ask("note", trial.n)}>{t("action.note")}</button>}
        {canAct() && <button type="button" onClick={() => ask("enqueue", undefined, trial.config)}>{t("best.vary")}</button>}
        {canAct() && isOpen(trial.state) && isUnderWay() && <button type="button" disabled={stopping} onClick={() => ask("stop trial", trial.n)}>{t("running.stop", trial.n)}</button>}
      </div>
      <dl class="facts">
        {trial.why && <><dt>{t("trial.why")}</dt><dd class="text">{say(trial.why)}</dd></>}
        {trial.message && <><dt>{t(trial.state === "failed" ? "trial.failed" : "trial.ended")}</dt><dd class={`text ${trial.state === "failed" ? "bad" : ""}`}>{say(trial.message)}</dd></>}
        {trial.findings.map((f, i) => <><dt key={i}>{word("severity", f.severity)}</dt><dd class="text">{say(f.message)}</dd></>)}
        {notes.map((x) => <><dt>{t("trial.note", x.by)}</dt><dd class="text">{x.text}</dd></>)}
        <dt>{t("trial.facts")}</dt>
        <dd class="parts">{[
          t("running.epoch", trial.epoch, trial.until), trial.stage, say(trial.proxy), trial.seconds ? duration(trial.seconds) : "",
          trial.epoch && trial.seconds ? t("trial.per_epoch", show(trial.seconds / trial.epoch, 3)) : "",
          t("trial.seed", trial.seed), trial.attempt > 1 ? t("trial.attempt", trial.attempt) : "", trial.launched ? moment(trial.launched) : "",
        ].filter(Boolean).map((words, i) => <span class="text" key={i}>{words}</span>)}</dd>
      </dl>
    </section>
  );
}

// The objective's pair first; then each other metric that the trial reported, learning rate and gradient norm too.
function Metrics({ trial }: { trial: Trial }) {
  const o = overview.value!;
  const shown = o.metrics.filter((m) => trial.curves.has(m.val ?? "") || trial.curves.has(m.train ?? ""));
  const first = shown[0];
  if (!first) return <Panel title={t("curves.title")}><p class="empty">{t("curves.none")}</p></Panel>;
  return (
    <Panel title={t("curves.title")} table={() => ({ head: [t("column.epoch"), ...trial.curves.keys()], rows: trial.epochs.map((e, i) => [e, ...[...trial.curves.values()].map((c) => { const v = c[i]; return v === undefined || v === -Number.MAX_VALUE ? null : v; })]) })}
      caption={<><span class="key train"><i class="dashed" />{t("curves.training")}</span><span class="key val"><i />{t("curves.validation")}</span></>}>
      <MetricChart trial={trial} m={first} height={320} />
      <div class="multiples">
        {shown.slice(1).map((m) => <div key={m.label}><h3><span class="text">{m.label}</span></h3><MetricChart trial={trial} m={m} height={140} /></div>)}
      </div>
    </Panel>
  );
}

function MetricChart({ trial, m, height }: { trial: Trial; m: Metric; height: number }) {
  return <CurveChart metric={withFan(ownRange(m, trial), trial)} height={height} only={[trial]} split small={height < 200} options={options.value} label={t("multiples.label", trial.n)} lastEpoch={trial.until} />;
}

// The same with room for where the trial leads, which changes though the trial does not.
function withFan(m: Metric, trial: Trial): Metric {
  if (!hasFan(trial, m, true)) return m;
  const ahead = overview.value!.fans[trial.n]!.flatMap((row) => row.slice(1)), { range } = m;
  const low = Math.min(range.low, ...ahead), high = Math.max(range.high, ...ahead);
  return { ...m, range: { ...range, low: range.log && low <= 0 ? range.low : low, high } };
}

const known = new WeakMap<Trial, Map<string, Metric>>();

// The metric with a range that holds this trial's values.
function ownRange(m: Metric, trial: Trial): Metric {
  const kept = known.get(trial)?.get(m.label);
  if (kept) return kept;
  const values = curveTable(m, [trial]).rows.flatMap((r) => r.slice(2)).filter((v): v is number => typeof v === "number" && Number.isFinite(v)).sort((a, b) => a - b);
  let made = m;
  if (values.length) {
    const low = values[0]!, high = values[Math.ceil(0.99 * (values.length - 1))]!, log = m.range.log && low > 0;
    const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    made = { ...m, range: { low: log ? low / 1.1 : low - room, high: log ? high * 1.1 : high + room, full: [low, values.at(-1)!], log, can_log: low > 0 } };
  }
  known.set(trial, (known.get(trial) ?? new Map<string, Metric>()).set(m.label, made));
  return made;
}

function Config({ trial }: { trial: Trial }) {
  const best = trials.get(overview.value!.leaders[0] ?? 0);
  const names = [...new Set([...Object.keys(trial.config), ...Object.keys(best?.config ?? {})])];
  const other = best && best.n !== trial.n ? best : null;
  return (
    <Panel title={t("trial.config")} table={() => ({ head: [t("column.parameter"), t("best.value"), ...(other ? [`#${other.n}`] : [])], rows: names.map((n) => [n, trial.config[n] ?? null, ...(other ? [other.config[n] ?? null] : [])]) })}>
      <table class="config">
        <thead><tr><th scope="col">{t("column.parameter")}</th><th scope="col" class="number">{t("best.value")}</th>{other && <th scope="col" class="number">{t("trial.best", other.n)}</th>}</tr></thead>
        <tbody>
          {names.map((name) => {
            const same = !other || JSON.stringify(trial.config[name]) === JSON.stringify(other.config[name]);
            return <tr key={name} class={same ? "" : "changed"}><td><span class="text">{name}</span></td><td class="number"><span class="text">{show(trial.config[name])}</span></td>{other && <td class="number soft"><span class="text">{show(other.config[name])}</span></td>}</tr>;
          })}
        </tbody>
      </table>
    </Panel>
  );
}

function Take({ trial, detail }: { trial: Trial; detail: TrialDetail | null }) {
  const forms = detail ? ([[t("best.command"), detail.command], ["TOML", detail.toml], ["Python", detail.python]] as const).filter(([, text]) => text) : [["JSON", JSON.stringify(trial.config, null, 1)] as const];
  return (
    <Panel title={t("trial.rerun")}>
      {forms.slice(0, 1).map(([label, text]) => <pre class="snippet" key={label} tabIndex={0}>{text}</pre>)}
      <div class="copies">{forms.map(([label, text]) => <Copy key={label} text={text} label={t("copy.as", label)} />)}</div>
    </Panel>
  );
}

function Log({ trial, detail, problem }: { trial: Trial; detail: TrialDetail | null; problem: string }) {
  const text = detail?.log || trial.log, files = (detail?.files ?? []).filter((f) => f.bytes > 0);
  if (!text && !files.length && !problem) return null;
  return (
    <Panel title={t("trial.log")} long>
      {problem && <p class="problem">{problem}</p>}
      {text && <pre class="snippet log" tabIndex={0}>{text}</pre>}
      {files.length > 0 && (
        <ul class="files">
          {files.map((f) => <li key={f.id}><button type="button" onClick={() => void download(studyName(), trial.n, f)}><span class="text">{f.path}</span></button> <span class="soft">{bytes(f.bytes)}</span></li>)}
        </ul>
      )}
    </Panel>
  );
}
