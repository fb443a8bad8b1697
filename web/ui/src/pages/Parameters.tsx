// Which parameters matter and where the good values lie: shares, slices, pairs, parallel coordinates.

import { useSignal } from "@preact/signals";
import { t } from "../language";
import { show } from "../model/numbers";
import { all, byImportance, overview, ranked, type Trial } from "../model/study";
import type { Parameter } from "../model/types";
import { Parallel, viridis } from "../charts/Parallel";
import { Points, valueRows, type Point } from "../charts/Points";
import { forward } from "../charts/ticks";
import { Xy, type Axis } from "../charts/Xy";
import { valueAxis } from "../parts/History";
import { ImportancePanel } from "../parts/Importance";
import { Panel } from "../parts/Panel";
import { Toggle } from "../parts/common";
import { filter } from "../parts/view";

const ROOM = 1.06; // beside the ends of a log scale

export function axisOf(p: Parameter): Axis {
  if (p.kind === "choice") return { kind: "category", low: 0, high: p.choices!.length, names: p.choices!, label: p.name };
  const whole = p.kind === "int", step = whole ? 0.5 : 0.02 * (p.high! - p.low!); // so that no point lies on the frame
  const [low, high] = p.log ? [p.low! / ROOM, p.high! * ROOM] : [p.low! - step, p.high! + step];
  return { kind: p.log ? "log" : "linear", low, high, label: p.name, whole };
}

// Where a trial stands on a parameter's axis; categories get a little scatter so that points do not hide each other.
export function positionOf(p: Parameter, trial: Trial): number | null {
  const v = trial.config[p.name];
  if (v === undefined) return null;
  if (p.kind !== "choice") return typeof v === "number" ? v : null;
  const i = p.choices!.indexOf(show(v, 4));
  return i < 0 ? null : i + (((trial.n * 7919) % 100) / 100 - 0.5) * 0.5;
}

export function Parameters() {
  const byRank = useSignal(false);
  const list = byImportance.value, test = filter.value;
  const trials = all.value.filter((x) => x.value !== null && (!test || test(x)));
  if (!trials.length || !overview.value!.values) return <section class="card"><p class="empty">{t("parameters.none")}</p></section>;
  const place = new Map(ranked.value.map((x, i) => [x.n, i + 1]));
  const y: Axis = byRank.value ? { kind: "linear", low: Math.max(2, ranked.value.length), high: 1, label: t("column.rank") } : valueAxis()!;
  return (
    <>
      <ImportancePanel most={30} />
      <Panel vector title={t("slices.title")} controls={<Toggle on={byRank.value} label={t("slices.by_rank")} act={() => { byRank.value = !byRank.value; }} />}
        caption={t("slices.caption")}
        table={() => ({ head: [t("column.trial"), overview.value!.study.metric, ...list.map((p) => p.name)], rows: trials.map((x) => [x.n, x.value, ...list.map((p) => x.config[p.name] ?? null)]) })}>
        <div class="slices">
          {list.map((p) => <Slice key={p.name} p={p} trials={trials} y={y} value={(x) => (byRank.value ? (place.get(x.n) ?? null) : x.value)} />)}
        </div>
      </Panel>
      <Pairs list={list} trials={trials} />
      <Panel title={t("parallel.title")} caption={t("parallel.caption")}
        table={() => ({ head: [t("column.trial"), overview.value!.study.metric, ...list.map((p) => p.name)], rows: trials.map((x) => [x.n, x.value, ...list.map((p) => x.config[p.name] ?? null)]) })}>
        <Parallel trials={trials} />
      </Panel>
    </>
  );
}

function Slice({ p, trials, y, value }: { p: Parameter; trials: Trial[]; y: Axis; value: (x: Trial) => number | null }) {
  const points: Point[] = [];
  for (const trial of trials) {
    const x = positionOf(p, trial), v = value(trial);
    if (x !== null && v !== null) points.push({ trial, x, y: v });
  }
  const best = bestRegion(p);
  return (
    <div class="slice">
      <h3><span class="text">{p.name}</span></h3>
      <Points points={points} x={{ ...axisOf(p), label: "" }} y={y} height={180} label={t("slices.label", p.name)} rows={valueRows}
        under={(place) => best && <rect class="region" x={place.x(best[0])} width={Math.max(3, place.x(best[1]) - place.x(best[0]))} y={place.top} height={place.bottom - place.top} />} />
    </div>
  );
}

const BEST_SHARE = 0.1, FEWEST = 4;

// Where the best tenth of the trials lies.
function bestRegion(p: Parameter): [number, number] | null {
  if (p.kind === "choice") return null;
  const best = ranked.value.slice(0, Math.max(FEWEST, Math.round(ranked.value.length * BEST_SHARE)));
  if (ranked.value.length < 3 * FEWEST) return null;
  const values = best.map((x) => x.config[p.name]).filter((v): v is number => typeof v === "number");
  return values.length < FEWEST ? null : [Math.min(...values), Math.max(...values)];
}

const CELLS = 10, SIZE = 340;

// The best value in each cell of two parameters; never interpolated.
function Pairs({ list, trials }: { list: Parameter[]; trials: Trial[] }) {
  const names = list.map((p) => p.name);
  const first = overview.value!.importance?.pairs[0];
  const a = useSignal(first?.[0] ?? names[0] ?? ""), b = useSignal(first?.[1] ?? names[1] ?? "");
  const pa = list.find((p) => p.name === a.value), pb = list.find((p) => p.name === b.value);
  if (!pa || !pb || list.length < 2) return null;
  const cells = new Map<string, { i: number; j: number; best: Trial; count: number }>();
  const order = new Map(ranked.value.map((x, i) => [x.n, i]));
  for (const trial of trials) {
    const i = cellOf(pa, trial), j = cellOf(pb, trial);
    if (i === null || j === null || !order.has(trial.n)) continue;
    const key = `${i},${j}`, known = cells.get(key);
    if (!known) cells.set(key, { i, j, best: trial, count: 1 });
    else {
      known.count++;
      if (order.get(trial.n)! < order.get(known.best.n)!) known.best = trial;
    }
  }
  const choose = (s: typeof a, label: string) => (
    <select aria-label={label} value={s.value} onChange={(e) => { s.value = e.currentTarget.value; }}>{names.map((n) => <option key={n} value={n}>{n}</option>)}</select>
  );
  return (
    <Panel vector title={t("pairs.title")} controls={<>{choose(a, t("pairs.x"))}{choose(b, t("pairs.y"))}</>} caption={t("pairs.caption")}
      table={() => ({ head: [a.value, b.value, t("column.best"), t("column.trials")], rows: [...cells.values()].map((c) => [c.best.config[a.value], c.best.config[b.value], c.best.value, c.count]) })}>
      <Xy x={axisOf(pa)} y={axisOf(pb)} height={SIZE} label={t("pairs.label", a.value, b.value)}>
        {(place) => [...cells.values()].map((c) => {
          const [x0, x1] = edges(pa, c.i, place.left, place.right), [y0, y1] = edges(pb, c.j, place.bottom, place.top);
          const share = order.get(c.best.n)! / Math.max(1, order.size - 1);
          return (
            <g key={`${c.i},${c.j}`}>
              <rect x={x0 + 1} width={Math.max(1, x1 - x0 - 2)} y={y1 + 1} height={Math.max(1, y0 - y1 - 2)} style={{ fill: viridis(share) }}><title>{`#${c.best.n} ${show(c.best.value)} (${c.count})`}</title></rect>
              {x1 - x0 > 44 && y0 - y1 > 16 && <text class="cell" x={(x0 + x1) / 2} y={(y0 + y1) / 2} text-anchor="middle" dominant-baseline="middle">{show(c.best.value, 3)}</text>}
            </g>
          );
        })}
      </Xy>
    </Panel>
  );
}

function cellOf(p: Parameter, trial: Trial): number | null {
  const v = trial.config[p.name];
  if (v === undefined) return null;
  if (p.kind === "choice") {
    const i = p.choices!.indexOf(show(v, 4));
    return i < 0 ? null : i;
  }
  const f = forward[p.log ? "log" : "linear"], share = (f(v as number) - f(p.low!)) / (f(p.high!) - f(p.low!) || 1);
  return Math.max(0, Math.min(CELLS - 1, Math.floor(share * CELLS)));
}

function edges(p: Parameter, i: number, from: number, to: number): [number, number] {
  const n = p.kind === "choice" ? p.choices!.length : CELLS, step = (to - from) / n;
  return [from + i * step, from + (i + 1) * step];
}
