// What is told of a point under the pointer or the keyboard: in a box beside it, and aloud.

import { signal } from "@preact/signals";
import { say as told, t as say } from "../language";
import { show } from "../model/numbers";
import { byImportance, GAP, overview, type Trial } from "../model/study";
import type { Metric } from "../model/types";
import type { Fan } from "./paint";

export const tip = signal<{ x: number; y: number; title: string; rows: [string, string][]; hint?: string } | null>(null);

export function speakAloud(words: string): void {
  const node = document.getElementById("live");
  if (node) node.textContent = words;
}

export function describe(trial: Trial, epoch: number, metric: Metric): { title: string; rows: [string, string][] } {
  const i = trial.epochs.indexOf(epoch);
  const at = (name: string | null): number | null => {
    const v = name === null ? undefined : trial.curves.get(name)?.[i];
    return v === undefined || v === GAP ? null : v;
  };
  const val = at(metric.val), train = at(metric.train);
  const rows: [string, string][] = [];
  const ahead = i < 0 ? overview.value?.fans[trial.n]?.find((r) => r[0] === epoch) : undefined;
  if (ahead) return { title: say("chart.point", trial.n, epoch), rows: [[say("chart.predicted"), interval(ahead)], ...parameterRows(trial)] };
  if (metric.train) rows.push([metric.train, show(train)]);
  if (metric.val) rows.push([metric.val, show(val)]);
  if (val !== null && train !== null) rows.push([say("chart.gap"), show(val - train, 3)]);
  if (!trial.full) rows.push([say("column.data"), told(trial.proxy)]);
  return { title: say("chart.point", trial.n, epoch), rows: [...rows, ...parameterRows(trial)] };
}

// The parameters that matter most.
function parameterRows(trial: Trial): [string, string][] {
  return byImportance.value.slice(0, 3).filter((p) => Object.hasOwn(trial.config, p.name)).map((p) => [p.name, show(trial.config[p.name])]);
}

// A prediction in words: the median, and the interval that holds it with probability 0.9.
export const interval = ([, low, middle, high]: Fan[number]): string => `${show(middle, 3)}, ${show(low, 3)}–${show(high, 3)}`;
