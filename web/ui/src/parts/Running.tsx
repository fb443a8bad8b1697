// Trials that train now: a row each with both curves as sparklines, how far, and a stop button.

import { say, t } from "../language";
import { duration, show } from "../model/numbers";
import { link } from "../model/route";
import { canAct } from "../model/source";
import { GAP, lastOf, overview, running, type Trial } from "../model/study";
import { lit } from "../charts/look";
import { ask } from "./Ask";
import { studyName } from "./common";
import { now, stateNow } from "./Header";
import { Panel } from "./Panel";

const WIDTH = 120, HEIGHT = 30;

export function Sparkline({ trial, train, val }: { trial: Trial; train: string | null; val: string | null }) {
  const both = [val, train].map((name) => clean(trial, name));
  const values = both.flat().map((p) => p[1]).sort((a, b) => a - b);
  if (!values.length) return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const low = values[0]!, high = values[Math.floor(0.97 * (values.length - 1))]!;
  const last = Math.max(trial.until, trial.epochs.at(-1) ?? 1, 2);
  const place = ([e, v]: [number, number]) =>
    `${(2 + ((e - 1) / (last - 1)) * (WIDTH - 6)).toFixed(1)},${(HEIGHT - 3 - ((Math.min(high, v) - low) / (high - low || 1)) * (HEIGHT - 6)).toFixed(1)}`;
  const head = both[0]!.at(-1) ?? both[1]!.at(-1);
  const [x, y] = head ? place(head).split(",") : ["0", "0"];
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <polyline class="train" points={both[1]!.map(place).join(" ")} />
      <polyline class="val" points={both[0]!.map(place).join(" ")} />
      {head && <circle cx={x} cy={y} r="2.6" />}
    </svg>
  );
}

const MOST_POINTS = 60;

function clean(trial: Trial, name: string | null): [number, number][] {
  const values = name === null ? undefined : trial.curves.get(name);
  const found: [number, number][] = [];
  for (let i = 0; values && i < values.length; i++) {
    const v = values[i]!;
    if (v !== GAP && !Number.isNaN(v)) found.push([trial.epochs[i]!, v]);
  }
  const step = Math.ceil(found.length / MOST_POINTS);
  return step > 1 ? found.filter((_, i) => i % step === 0 || i === found.length - 1) : found;
}

export function RunningTrials() {
  const o = overview.value!, metric = o.metrics[0];
  const rows = running.value;
  return (
    <Panel title={t("running.title", rows.length)} id="running">
      {!rows.length && <p class="empty">{stateNow() === "paused" ? t("running.paused") : t("running.none")}</p>}
      <ul class="running-list">
        {rows.map((trial) => <RunningRow key={trial.n} trial={trial} train={metric?.train ?? null} val={metric?.val ?? null} />)}
      </ul>
    </Panel>
  );
}

function RunningRow({ trial, train, val }: { trial: Trial; train: string | null; val: string | null }) {
  const o = overview.value!, fan = o.fans[trial.n]?.at(-1), last = lastOf(trial, o.study.metric);
  const stopping = o.waiting.some((w) => w.verb === "stop trial" && w.trial === trial.n);
  const ran = trial.seconds + Math.max(0, now() - trial.launched);
  return (
    <li class={lit.value === trial.n ? "lit" : ""} onMouseEnter={() => { lit.value = trial.n; }} onMouseLeave={() => { lit.value = null; }}>
      <a href={link(studyName(), "trials", trial.n)}>#{trial.n}</a>
      <Sparkline trial={trial} train={train} val={val} />
      <span class="what">
        <span>{trial.state === "lost" ? t("running.lost") : t("running.epoch", trial.epoch, trial.until)} · {duration(ran)}{trial.full ? "" : ` · ${say(trial.proxy)}`}</span>
        <span class="soft">{last ? show(last.value) : "–"}{fan ? ` → ${show(fan[2], 3)} (${show(fan[1], 3)} … ${show(fan[3], 3)})` : ""}</span>
      </span>
      {canAct() && (
        <button type="button" class="icon" disabled={stopping} aria-label={t("running.stop", trial.n)} title={t("running.stop", trial.n)} onClick={() => ask("stop trial", trial.n)}>
          <svg viewBox="0 0 12 12" width="11" height="11" aria-hidden="true"><rect x="1.5" y="1.5" width="9" height="9" rx="1.5" /></svg>
        </button>
      )}
    </li>
  );
}
