// One study as the page holds it: the overview, and trials whose curves grow in place.

import { say } from "../language";
import { batch, computed, signal } from "@preact/signals";
import type { Metric, News, Number0, Overview, Row, State } from "./types";

export interface Trial extends Omit<Row, "value" | "e" | "m" | "from"> {
  value: number | null;
  epochs: number[];
  curves: Map<string, Float64Array | number[]>; // NaN: not finite; GAP: not reported
  odd: Map<string, number>; // metric → index of the first value that is not finite
}

// A missing report among others: Float arrays have one NaN only, so a gap is -0's neighbour.
export const GAP = -Number.MAX_VALUE;

export const overview = signal<Overview | null>(null);
export const trials = new Map<number, Trial>();
export const revision = signal(0); // grows whenever a trial changed
export const touched = new Set<number>(); // trials that changed since the charts drew last
export const loaded = signal({ have: 0, of: 0 });

let generation = "";

export function clear(): void {
  trials.clear();
  touched.clear();
  generation = "";
  batch(() => {
    overview.value = null;
    revision.value++;
    loaded.value = { have: 0, of: 0 };
  });
}

export function setOverview(data: Overview): void {
  if (data.generation && generation && data.generation !== generation) trials.clear();
  generation = data.generation ?? "";
  batch(() => {
    overview.value = data;
    loaded.value = { have: trials.size, of: data.count ?? trials.size };
  });
}

// Whether the rows fit what is here; if not, all must be fetched again.
export function addNews(news: News): boolean {
  if (generation && news.generation !== generation) return false;
  for (const row of news.trials) if (!addRow(row)) return false;
  batch(() => {
    revision.value++;
    loaded.value = { have: trials.size, of: news.count };
  });
  return true;
}

export function addRow(row: Row): boolean {
  const old = trials.get(row.n);
  const from = row.from ?? 0;
  if (from > (old?.epochs.length ?? 0)) return false;
  const { value, e, m, from: _, ...rest } = row;
  const trial: Trial = {
    ...rest,
    value: number(value),
    epochs: old ? old.epochs.slice(0, from) : [],
    curves: new Map(),
    odd: new Map(),
  };
  const count = typeof e === "number" ? e : e.length;
  for (let i = 0; i < count; i++) trial.epochs.push(typeof e === "number" ? from + i + 1 : e[i]!);
  const names = new Set([...(from && old ? old.curves.keys() : []), ...Object.keys(m)]);
  for (const name of names) {
    const known = from && old ? old.curves.get(name) : undefined;
    const values: number[] = known ? Array.from(known).slice(0, from) : new Array<number>(from).fill(GAP);
    const tail = Object.hasOwn(m, name) ? m[name]! : [];
    for (let i = 0; i < count; i++) values.push(point(tail[i]));
    const first = values.findIndex((v) => Number.isNaN(v));
    if (first >= 0) trial.odd.set(name, first);
    trial.curves.set(name, values);
  }
  trials.set(row.n, trial);
  touched.add(row.n);
  return true;
}

const point = (v: Number0 | undefined): number => (v === null || v === undefined ? GAP : typeof v === "number" ? v : NaN);
const number = (v: Number0): number | null => (typeof v === "number" ? v : null);

// ---- what follows from it

export const isOpen = (s: State): boolean => s === "running" || s === "paused" || s === "lost";
// Seconds that an epoch of a trial takes on average; 0 before the first report.
export function epochSeconds(t: Trial): number {
  const ahead = t.state === "running" ? Math.max(0, t.till - t.launched) : 0;
  return t.epoch ? (t.seconds + ahead) / t.epoch : 0;
}

const SILENT_TIMES = 3; // as long as an epoch usually takes
const SILENT_LEAST_S = 60;

export const isSilent = (age: number, epochSeconds: number): boolean => age > Math.max(SILENT_LEAST_S, SILENT_TIMES * epochSeconds);

export const isRunning = (t: Trial): boolean => t.state === "running" || t.state === "lost";

// Lower is better, whatever the direction.
export function loss(value: number): number {
  return overview.value?.study.direction === "max" ? -value : value;
}

export const all = computed<Trial[]>(() => {
  void calm.value;
  return current();
});

// All trials as they are now, for charts that draw each new point.
export function current(): Trial[] {
  if (listedAt !== revision.peek()) {
    listed = [...trials.values()].sort((a, b) => a.n - b.n);
    listedAt = revision.peek();
  }
  return listed;
}

let listed: Trial[] = [];
let listedAt = -1;

// Grows with `revision`, but only so often where there are many trials: what is made of all of
// them (ranks, tables, points) need not follow each epoch.
export const calm = signal(0);

const MANY = 150, CALM_MS = 1000;
let calmAt = 0, waiting = 0;

revision.subscribe(() => {
  const left = calmAt + CALM_MS - performance.now();
  if (trials.size <= MANY || left <= 0 || loaded.peek().have < loaded.peek().of) settle();
  else if (!waiting) waiting = window.setTimeout(settle, left);
});

function settle(): void {
  clearTimeout(waiting);
  waiting = 0;
  calmAt = performance.now();
  calm.value++;
}

// Trials of the real task that have a value, best first; without any, those on proxies.
export const ranked = computed<Trial[]>(() => {
  void overview.value;
  const known = all.value.filter((t) => t.value !== null && t.state !== "failed");
  const full = known.filter((t) => t.full);
  return (full.length ? full : known).sort(
    (a, b) => Number(b.feasible) - Number(a.feasible) || loss(a.value!) - loss(b.value!) || a.n - b.n,
  );
});

export const rank = computed(() => new Map(ranked.value.map((t, i) => [t.n, i + 1])));
export const running = computed(() => {
  void revision.value;
  return current().filter(isRunning);
});
export const failed = computed(() => all.value.filter((t) => t.state === "failed"));

export const counts = computed(() => {
  const found: Partial<Record<State, number>> = {};
  for (const t of all.value) found[t.state] = (found[t.state] ?? 0) + 1;
  return found;
});

// Parameters that vary, the one that matters most first.
export const byImportance = computed(() => {
  const order = new Map((overview.value?.importance?.single ?? []).map(([name], i) => [name, i]));
  return [...(overview.value?.parameters ?? [])].sort((a, b) => (order.get(a.name) ?? 99) - (order.get(b.name) ?? 99));
});

export const leaders = computed(() => {
  void revision.value;
  return (overview.value?.leaders ?? []).filter((n) => trials.has(n));
});

// Failures of one cause together, the most frequent first.
export const failures = computed(() => {
  const groups = new Map<string, Trial[]>();
  for (const t of failed.value) {
    const sign = `${t.cause}: ${(say(t.message) || t.cause).split("\n")[0]!.replace(/\d+/g, "#")}`;
    groups.set(sign, [...(groups.get(sign) ?? []), t]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
});

export const series = (t: Trial, name: string | null): ArrayLike<number> | null =>
  name === null ? null : (t.curves.get(name) ?? null);

// The last value of a metric that was reported, and its epoch.
export function lastOf(t: Trial, name: string | null): { epoch: number; value: number } | null {
  const values = series(t, name);
  for (let i = (values?.length ?? 0) - 1; i >= 0; i--) {
    if (values![i] !== GAP) return { epoch: t.epochs[i]!, value: values![i]! };
  }
  return null;
}

// Which trials ran out of the picture: not finite, or beyond the bad end of the axis at last.
export function astray(metric: Metric): { diverged: Trial[]; beyond: Trial[] } {
  const diverged: Trial[] = [], beyond: Trial[] = [];
  const { low, high } = metric.range;
  for (const t of all.value) {
    const last = lastOf(t, metric.val ?? metric.train);
    if (t.diverged || (last && Number.isNaN(last.value))) diverged.push(t);
    else if (last && ((metric.direction === "min" && last.value > high) || (metric.direction === "max" && last.value < low))) beyond.push(t);
  }
  return { diverged, beyond };
}
