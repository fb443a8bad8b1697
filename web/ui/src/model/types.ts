// What the server and the report file give; `src/danlu/reporting/payload.py` makes it.

export type Number0 = number | string | null; // "NaN", "Infinity", "-Infinity", or missing
export type Value = number | string | boolean | null;
export type Direction = "min" | "max";
// A text from the server: plain, or a sentence that can be told in other languages.
export type Told = string | { say: string; with: Record<string, Told | Told[]> };
export type State = "running" | "paused" | "finished" | "stopped" | "failed" | "lost";

export interface Range {
  low: number;
  high: number;
  full: [number, number];
  log: boolean;
  can_log: boolean;
}

export interface Metric {
  label: string;
  train: string | null;
  val: string | null;
  direction: Direction | null;
  range: Range;
}

export interface Finding {
  code: string;
  severity: "info" | "warning" | "error";
  message: Told;
  about?: string; // the code and what it is of: tells it from others
  confidence?: number;
}

export interface Parameter {
  name: string;
  share: number;
  kind: "choice" | "float" | "int";
  choices?: string[];
  low?: number;
  high?: number;
  log?: boolean;
}

export interface Entry {
  code: string;
  stage: string;
  seen: Told;
  done: Told;
  why: Told;
  trial: number | null;
}

export interface Result {
  number: number;
  value: string;
  epoch: number;
  length: number;
  proxy: Told;
  gain: Told;
  spread: string;
  seeds: string[];
  rows: [string, string, string][];
  copies: { label: string; text: string }[];
}

export interface Overview {
  study: {
    name: string;
    metric: string;
    direction: Direction;
    epochs: number;
    seed: number;
    strategy: string;
    state: string;
    ended: Told;
    process: Told;
    began: string;
    last: string;
    last_at: number;
    alive?: boolean;
    holder?: Told | null;
  };
  progress: {
    share: number | null;
    left: number | null;
    seconds: number;
    trainings: number;
    budget: { trainings: number | null; trials: number | null; seconds: number | null };
    workers: number;
    epoch_s: number; // seconds that an epoch of a trial usually takes
  };
  result: Result | null;
  findings: Finding[];
  metrics: Metric[];
  values: (Range & { close: Range | null }) | null;
  parameters: Parameter[];
  names: string[];
  leaders: number[];
  further?: { objectives: [string, Direction][]; constraints: [string, string][]; pareto: number[] } | null;
  stages: [string, number][];
  thinned: boolean;
  fans: Record<string, [number, number, number, number][]>;
  importance: {
    single: [string, number, number, number][];
    pairs: [string, string, number, number, number][];
    rows: number;
    explained: number;
  } | null;
  why: {
    verdict: { trial: number | null; use: Told; sure: Told[]; next: Told[]; chance: number | null };
    stages: [string, number, string, Told][];
    logbook: Entry[];
    findings: Finding[];
  } | null;
  settings: Record<string, unknown> & { space?: Record<string, Record<string, unknown>> };
  hold: boolean;
  pinned: number[];
  notes: { at: number; by: string; trial: number | null; text: string }[];
  waiting: { number: number; verb: string; trial: number | null }[];
  generation?: string;
  revision?: number;
  count?: number;
  now?: number;
}

export interface Row {
  n: number;
  state: State;
  stage: string;
  value: Number0;
  at: number;
  epoch: number;
  until: number;
  feasible: boolean;
  full: boolean;
  proxy: Told;
  seed: number;
  seconds: number;
  launched: number;
  till: number; // when it reported last
  attempt: number;
  why: Told;
  cause: string;
  message: Told;
  log: string;
  findings: Finding[];
  spent: number;
  diverged: boolean;
  config: Record<string, Value>;
  from: number;
  e: number | number[];
  m: Record<string, Number0[]>;
}

export interface News {
  generation: string;
  revision: number;
  next: number;
  more: number;
  count: number;
  trials: Row[];
}

export interface StudyRow {
  name: string;
  state: string;
  metric: string;
  direction: Direction;
  best: number | null;
  trials: number;
  running: number;
  failed: number;
  last: number;
  share: number | null;
  epoch_s: number;
  course: number[];
}

export interface StudyList {
  version: string;
  role: "look" | "control";
  store: string;
  studies: StudyRow[];
}

export interface TrialDetail {
  number: number;
  toml: string;
  python: string;
  command: string;
  log: string;
  files: { id: string; path: string; bytes: number }[];
}
