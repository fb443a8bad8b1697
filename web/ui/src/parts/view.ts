// How the curves are drawn, as the address says; and the filter expression.

import { computed } from "@preact/signals";
import { asked, change } from "../model/route";
import { overview, type Trial } from "../model/study";
import type { Metric, Overview } from "../model/types";
import { alike, type Options } from "../charts/kind";
import { compile, type Test } from "../model/filter";

let kept: Metric | null = null;

// The same object as long as nothing about it changes: charts begin anew with another one.
export const metric = computed<Metric | null>(() => {
  const metrics = overview.value?.metrics ?? [];
  const found = metrics.find((m) => m.label === asked("metric")) ?? metrics[0] ?? null;
  const same = !!found && !!kept && pair(found) === pair(kept) && alike(found.range, kept.range);
  if (!same) kept = found;
  else kept!.range.full = found.range.full; // for those who want to see all
  return kept;
});

const pair = (m: Metric): string => [overview.value?.study.name, m.label, m.train, m.val, m.direction].join("|");

type Values = NonNullable<Overview["values"]>;
let keptValues: Values | null = null, keptOf = "";

// The axis of the trials' values, just as steady.
export const values = computed<Values | null>(() => {
  const found = overview.value?.values ?? null, name = overview.value?.study.name ?? "";
  if (name !== keptOf || !alike(found, keptValues) || !alike(found?.close ?? null, keptValues?.close ?? null)) keptValues = found;
  keptOf = name;
  return keptValues;
});

const flag = (name: string): boolean => asked(name) === "1";

export const options = computed<Options>(() => ({
  log: asked("log") === null ? null : flag("log"),
  logX: flag("logx"),
  fit: flag("fit"),
  time: asked("x") === "time",
  group: overview.value?.names.find((n) => n === asked("group")) ?? null,
  smooth: Math.max(0, Math.min(0.95, Number(asked("smooth") ?? 0) || 0)),
}));

export const set = (name: string, on: boolean): void => change({ [name]: on ? "1" : null });

export const filterText = computed(() => asked("filter") ?? "");
export const compiled = computed(() => compile(filterText.value));
export const filter = computed<((t: Trial) => boolean) | undefined>(() => {
  const { test } = compiled.value;
  return test && filterText.value.trim() ? (test as Test) : undefined;
});
