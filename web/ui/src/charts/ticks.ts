// Scales: from a value to its place on an axis, and where the ticks stand.

export type Kind = "linear" | "log" | "nearOne";

// An axis of 1 − value on a log scale, for what comes near 1; its top is where 1 − value is NEAREST.
const NEAREST = 1e-3;
const ONES = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998];
const TINY = 1e-12;

export const forward: Record<Kind, (v: number) => number> = {
  linear: (v) => v,
  log: (v) => Math.log10(Math.max(TINY, v)),
  nearOne: (v) => -Math.log10(Math.max(NEAREST, 1 - v)),
};
export const backward: Record<Kind, (p: number) => number> = {
  linear: (p) => p,
  log: (p) => 10 ** p,
  nearOne: (p) => 1 - 10 ** -p,
};

export function ticks(kind: Kind, low: number, high: number, wanted = 6): number[] {
  if (kind === "nearOne") return ONES.filter((v) => v >= low && v <= high);
  return kind === "log" ? logTicks(low, high, wanted) : linearTicks(low, high, wanted);
}

export function linearTicks(low: number, high: number, wanted: number): number[] {
  const raw = (high - low) / Math.max(1, wanted);
  if (!(raw > 0) || !Number.isFinite(raw)) return [low];
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= raw * 0.999) ?? size * 10;
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && found.length < 100; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

function logTicks(low: number, high: number, wanted: number): number[] {
  const decades = Math.log10(high / low);
  if (!(decades >= 0.7)) return linearTicks(low, high, Math.max(2, wanted / 2));
  const every = Math.max(1, Math.ceil(decades / wanted));
  for (const parts of [[1, 2, 5], [1, 3], [1]]) {
    const found = decadeTicks(low, high, parts, every);
    if (found.length <= wanted + 1 && found.length > 1) return found;
  }
  return linearTicks(low, high, 3);
}

function decadeTicks(low: number, high: number, parts: number[], every: number): number[] {
  const found: number[] = [];
  for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++) {
    if (d % every === 0) found.push(...parts.map((m) => Number(`${m}e${d}`)));
  }
  return found.filter((v) => v >= low * 0.999 && v <= high * 1.001);
}

export interface Scale {
  kind: Kind;
  low: number;
  high: number;
  at: (v: number) => number;
  back: (p: number) => number;
}

// The map from [low, high] to the pixels from `from` to `to`.
export function scale(kind: Kind, low: number, high: number, from: number, to: number): Scale {
  const f = forward[kind], g = backward[kind];
  const a = f(low), k = (to - from) / (f(high) - a || 1);
  return { kind, low, high, at: (v) => from + (f(v) - a) * k, back: (p) => g(a + (p - from) / k) };
}
