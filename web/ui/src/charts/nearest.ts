// Which curve lies under the pointer, and at which epoch.

import { epochSeconds, GAP, isRunning, overview, type Trial } from "../model/study";
import type { Metric } from "../model/types";
import { hue } from "./look";
import type { Area, Fan } from "./paint";

export interface Found {
  trial: Trial;
  epoch: number;
  far: number;
}

const NEAR = 26; // pixels within which the pointer finds a curve
const COLOURED = 0.6; // a coloured curve counts as this much nearer than a grey one

// The curve nearest to a pixel, along the vertical through it.
export function nearest(area: Area, metric: Metric, trials: Trial[], alone: boolean, x: number, y: number): Found | null {
  const place = area.x.back(x);
  let best: Found | null = null;
  for (const trial of trials) {
    const epoch = Math.round(area.time ? place / (epochSeconds(trial) || Infinity) : place);
    for (const found of here(area, metric, trial, alone, epoch, y)) {
      if (found.far < NEAR && (!best || found.far < best.far)) best = found;
    }
  }
  return best;
}

// What there is of a trial at an epoch: its prediction, or its one or two curves.
function here(area: Area, metric: Metric, trial: Trial, alone: boolean, epoch: number, y: number): Found[] {
  const ahead = fanAt(trial, metric, alone, epoch);
  if (ahead) return [{ trial, epoch: ahead[0], far: Math.abs(area.y.at(ahead[2]) - y) * COLOURED }];
  const i = trial.epochs[epoch - 1] === epoch ? epoch - 1 : trial.epochs.indexOf(epoch);
  const found: Found[] = [];
  for (const name of i < 0 ? [] : [metric.val, metric.train]) {
    const v = name === null ? undefined : trial.curves.get(name)?.[i];
    if (v === undefined || v === GAP || Number.isNaN(v)) continue;
    found.push({ trial, epoch, far: Math.abs(area.y.at(v) - y) * (hue(trial.n) ? COLOURED : 1) });
  }
  return found;
}

// What is predicted of a trial at about an epoch that it has not reached.
function fanAt(trial: Trial, metric: Metric, alone: boolean, epoch: number): Fan[number] | null {
  if (epoch <= (trial.epochs.at(-1) ?? 0) || !hasFan(trial, metric, alone)) return null;
  const rows = overview.value!.fans[trial.n]!;
  return rows.find((r) => r[0] >= epoch) ?? rows.at(-1) ?? null;
}

// Whether a chart of a metric shows where a trial leads: of those that are not faded.
export function hasFan(trial: Trial, metric: Metric, alone: boolean): boolean {
  const o = overview.value;
  const objective = !!o && (metric.val === o.study.metric || metric.train === o.study.metric);
  return objective && !!o.fans[trial.n] && (alone || hue(trial.n) !== null || isRunning(trial));
}
