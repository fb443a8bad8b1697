// Trials grouped by a parameter: each value of a choice, or quarters of a range.

import { show } from "../model/numbers";
import { overview, type Trial } from "../model/study";
import { groupHues } from "./look";

export interface Group {
  label: string;
  colour: string;
  trials: Trial[];
}

const MOST = 6, QUARTERS = 4;

export function groupsOf(trials: Trial[], name: string): Group[] {
  const kind = overview.value?.parameters.find((p) => p.name === name)?.kind;
  const having = trials.filter((t) => Object.hasOwn(t.config, name));
  const found = kind === "choice" ? byValue(having, name) : byQuarter(having, name);
  return found.map((g, i) => ({ ...g, colour: groupHues()[i]! }));
}

type Part = Omit<Group, "colour">;

function byValue(trials: Trial[], name: string): Part[] {
  const groups = new Map<string, Trial[]>();
  for (const t of trials) {
    const label = show(t.config[name]);
    groups.set(label, [...(groups.get(label) ?? []), t]);
  }
  return [...groups].map(([label, list]) => ({ label, trials: list })).sort((a, b) => b.trials.length - a.trials.length).slice(0, MOST);
}

function byQuarter(trials: Trial[], name: string): Part[] {
  const value = (t: Trial): number => Number(t.config[name]);
  const sorted = [...trials].sort((a, b) => value(a) - value(b));
  if (new Set(sorted.map(value)).size <= QUARTERS) return byValue(trials, name).sort((a, b) => value(a.trials[0]!) - value(b.trials[0]!));
  const parts: Part[] = [];
  for (let k = 0; k < QUARTERS; k++) {
    const list = sorted.slice(Math.round((k * sorted.length) / QUARTERS), Math.round(((k + 1) * sorted.length) / QUARTERS));
    if (list.length) parts.push({ label: `${show(value(list[0]!), 2)} … ${show(value(list.at(-1)!), 2)}`, trials: list });
  }
  return parts;
}
