// Value of each trial against what had been spent, and the best so far as a step.

import { useSignal } from "@preact/signals";
import { say, t, word } from "../language";
import { all, loss, overview, type Trial } from "../model/study";
import { show } from "../model/numbers";
import { clamp, type Axis } from "../charts/Xy";
import { Points, valueRows, type Point } from "../charts/Points";
import { Panel } from "./Panel";
import { values } from "./view";
import { Toggle } from "./common";

export function valueAxis(close = false): Axis | null {
  const o = overview.value!, whole = values.value, v = close ? (whole?.close ?? whole) : whole;
  return v && { kind: v.log && v.low > 0 ? "log" : "linear", low: v.low, high: v.high, label: o.study.metric };
}

export function HistoryPanel({ height }: { height: number }) {
  const close = useSignal(false), byTrial = useSignal(false);
  const y = valueAxis(close.value);
  const known = all.value.filter((x) => x.value !== null);
  if (!y || !known.length) return <Panel title={t("history.title")}><p class="empty">{t("figure.none")}</p></Panel>;
  const at = (x: Trial) => (byTrial.value ? x.n : x.spent);
  const points: Point[] = known.map((trial) => ({ trial, x: at(trial), y: trial.value! }));
  const last = Math.max(...points.map((p) => p.x), 1e-6);
  const steps = bestSoFar(known.filter((x) => x.full && x.state !== "failed" && x.feasible).sort((a, b) => at(a) - at(b)));
  return (
    <Panel vector
      title={t("history.title")}
      table={() => ({ head: [t("column.trial"), t("column.spent"), overview.value!.study.metric, t("column.stage"), t("column.data"), t("column.state")], rows: known.map((x) => [x.n, x.spent, x.value, x.stage, say(x.proxy), word("state", x.state)]) })}
      caption={known.some((x) => !x.full) && <span class="key"><i class="part" />{t("history.part")}</span>}
      controls={<>
        <Toggle on={byTrial.value} label={t("history.by_trial")} act={() => { byTrial.value = !byTrial.value; }} />
        {overview.value!.values?.close && <Toggle on={close.value} label={t("history.close")} act={() => { close.value = !close.value; }} />}
      </>}
    >
      <Points
        points={points}
        x={{ kind: "linear", low: byTrial.value ? 1 : 0, high: byTrial.value ? Math.max(last, 2) : rounded(last), label: byTrial.value ? t("column.trial") : t("column.spent") }}
        y={y}
        height={height}
        label={t("history.label")}
        rows={(p) => [...valueRows(p), [t("column.spent"), show(p.trial.spent, 3)]]}
        under={(place) => {
          let d = "";
          const y = (x: Trial) => clamp(place.y(x.value!), place.top, place.bottom);
          for (const x of steps) d += d ? `H${place.x(at(x))}V${y(x)}` : `M${place.x(at(x))} ${y(x)}`;
          return <path class="best-line" d={d ? `${d}H${place.right}` : "M0 0"} />;
        }}
      />
    </Panel>
  );
}

// An end of the axis that stays for a while, so that not all points move with each epoch.
function rounded(last: number): number {
  const step = 10 ** Math.floor(Math.log10(last)) / 5;
  return Math.ceil(last / step) * step;
}

function bestSoFar(list: Trial[]): Trial[] {
  const steps: Trial[] = [];
  for (const x of list) if (!steps.length || loss(x.value!) < loss(steps.at(-1)!.value!)) steps.push(x);
  return steps;
}
