// How a chart of a metric is drawn: on which scale, and how far its axis reaches.

import { current, epochSeconds, isRunning } from "../model/study";
import type { Metric, Range } from "../model/types";
import type { Kind } from "./ticks";

export interface Options {
  log: boolean | null; // null: as the data suggests
  logX: boolean;
  fit: boolean;
  smooth: number;
  time: boolean; // seconds of training in place of epochs
  group: string | null; // a parameter: its values are compared, not trials
}

export const PLAIN: Options = { log: null, logX: false, fit: false, smooth: 0, time: false, group: null };

export const nearOne = (m: Metric): boolean => m.direction === "max" && m.range.full[0] >= 0 && m.range.full[1] <= 1;
export const canLog = (m: Metric): boolean => nearOne(m) || m.range.can_log;

export function kindOf(m: Metric, o: Options): Kind {
  if (!(o.log === null ? m.range.log : o.log) || !canLog(m)) return "linear";
  return nearOne(m) ? "nearOne" : "log";
}

const MOVED = 0.02; // of its length, by which an axis may be off before it is drawn anew

// Whether two ranges look the same: an axis that moves a little with each epoch would move all that lies on it.
export function alike(a: Range | null, b: Range | null): boolean {
  if (!a || !b) return a === b;
  if (a.log !== b.log || a.can_log !== b.can_log) return false;
  const on = (v: number): number => (a.log && Math.min(a.low, b.low) > 0 ? Math.log(v) : v);
  const off = Math.abs(on(a.low) - on(b.low)) + Math.abs(on(a.high) - on(b.high));
  return off <= MOVED * Math.abs(on(a.high) - on(a.low));
}

export function yRange(m: Metric, o: Options): [number, number] {
  const kind = kindOf(m, o), r = m.range;
  if (kind === "nearOne") return [Math.max(0, o.fit ? r.full[0] : r.low), 0.999];
  if (!o.fit) return kind !== "log" || r.low > 0 ? [r.low, r.high] : [r.full[0], r.high];
  const [low, high] = r.full;
  if (kind === "log") return [low / 1.1, high * 1.1];
  const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// The axis of training time: from nothing, or from a thousandth where it is logarithmic, to the longest.
export function timeRange(log: boolean): [number, number] {
  const last = Math.max(1e-3, ...current().map((t) => epochSeconds(t) * (isRunning(t) ? t.until : t.epoch)));
  return [log ? last / 1000 : 0, last];
}
