// Painters of learning curves on a canvas: validation solid, training dashed, the gap shaded.

import { epochSeconds, GAP, isRunning, lastOf, type Trial } from "../model/study";
import { hue, tone } from "./look";
import type { Scale } from "./ticks";

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Area {
  box: Box;
  x: Scale;
  y: Scale;
  bad: "top" | "bottom"; // where curves go that stop being numbers
  time: boolean; // whether x is seconds of training
}

// Where an epoch of a trial lies.
export const xAt = (area: Area, t: Trial, epoch: number): number => area.x.at(area.time ? epoch * epochSeconds(t) : epoch);

export interface Path {
  px: number[];
  py: number[];
  lost: number | null; // where it stopped being finite
}

export interface Drawn {
  trial: Trial;
  val: Path | null;
  train: Path | null;
}

const FAR = 4000; // pixels beyond the area; canvas coordinates of 1e300 would be lost

export function path(area: Area, t: Trial, name: string | null, smooth = 0): Path | null {
  const values = name === null ? undefined : t.curves.get(name);
  if (!values) return null;
  const { y, box } = area, pace = area.time ? epochSeconds(t) : 1;
  const x = { at: (epoch: number) => area.x.at(epoch * pace) };
  const px: number[] = [], py: number[] = [];
  let lost: number | null = null, mean = NaN;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (v === GAP) continue;
    if (Number.isNaN(v)) {
      lost = x.at(t.epochs[i]!);
      break;
    }
    mean = Number.isNaN(mean) || !smooth ? v : smooth * mean + (1 - smooth) * v;
    px.push(x.at(t.epochs[i]!));
    py.push(Math.max(box.top - FAR, Math.min(box.bottom + FAR, y.at(mean))));
  }
  if (lost !== null && px.length) {
    px.push(lost);
    py.push(area.bad === "top" ? box.top - 40 : box.bottom + 40);
  }
  return { px, py, lost };
}

export function stroke(ctx: CanvasRenderingContext2D, p: Path | null, width: number, colour: string, dashes: number[] = []): void {
  if (!p?.px.length) return;
  if (p.px.length === 1) {
    dot(ctx, p.px[0]!, p.py[0]!, width + 0.8, colour);
    return;
  }
  ctx.setLineDash(dashes);
  ctx.beginPath();
  ctx.moveTo(p.px[0]!, p.py[0]!);
  for (let i = 1; i < p.px.length; i++) ctx.lineTo(p.px[i]!, p.py[i]!);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
  ctx.setLineDash([]);
}

export function dot(ctx: CanvasRenderingContext2D, x: number, y: number, radius: number, fill: string | null, line: string | null = null): void {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
  if (line) {
    ctx.strokeStyle = line;
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
}

export function between(ctx: CanvasRenderingContext2D, a: Path | null, b: Path | null, colour: string, alpha: number): void {
  if (!a || !b || a.px.length < 2 || b.px.length < 2) return;
  ctx.beginPath();
  ctx.moveTo(a.px[0]!, a.py[0]!);
  for (let i = 1; i < a.px.length; i++) ctx.lineTo(a.px[i]!, a.py[i]!);
  for (let i = b.px.length - 1; i >= 0; i--) ctx.lineTo(b.px[i]!, b.py[i]!);
  ctx.closePath();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.globalAlpha = 1;
}

// A trial in full; the head of a running one is a ring.
export function bold(ctx: CanvasRenderingContext2D, d: Drawn, colour: string, width: number, valColour = colour): void {
  stroke(ctx, d.train, width * 0.72, colour, [5, 4]);
  stroke(ctx, d.val, width, valColour);
  const main = d.val?.px.length ? d.val : d.train;
  const last = (main?.px.length ?? 0) - 1;
  if (!main || last < 0 || main.lost !== null) return;
  if (isRunning(d.trial)) dot(ctx, main.px[last]!, main.py[last]!, 4.5, tone("card"), valColour);
  else dot(ctx, main.px[last]!, main.py[last]!, 2.6, valColour);
}

const WITH_TRAINING = 150; // faded trials up to which their training curves are drawn too

// All others, grey: the more there are, the fainter.
export function faded(ctx: CanvasRenderingContext2D, all: Drawn[]): void {
  const grey = tone("grey");
  const base = Math.min(0.36, Math.max(0.07, 14 / all.length));
  for (const d of all) {
    ctx.globalAlpha = d.trial.state === "stopped" || d.trial.state === "failed" ? base * 0.65 : base;
    if (all.length <= WITH_TRAINING) stroke(ctx, d.train, 0.9, grey, [4, 4]);
    const main = d.val ?? d.train;
    stroke(ctx, main, 1.1, grey);
    const last = (main?.px.length ?? 0) - 1;
    if (last > 0 && all.length <= WITH_TRAINING) dot(ctx, main!.px[last]!, main!.py[last]!, 1.7, grey);
  }
  ctx.globalAlpha = 1;
}

const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95];

// Where faded trials are too many for lines: how they lie at each epoch.
export function bands(trials: Trial[], name: string, step = 0): { epochs: number[]; rows: number[][] } {
  const at = new Map<number, number[]>();
  for (const t of trials) {
    const values = t.curves.get(name), pace = step ? epochSeconds(t) : 0;
    // On an axis of time each trial counts once in a step, with its last value there.
    const place = (i: number): number => (step ? (Math.floor((t.epochs[i]! * pace) / step) + 0.5) * step : t.epochs[i]!);
    for (let i = 0; values && i < values.length; i++) {
      const v = values[i]!, x = place(i);
      if (v === GAP || Number.isNaN(v) || (step && i + 1 < values.length && place(i + 1) === x)) continue;
      const here = at.get(x);
      if (here) here.push(v);
      else at.set(x, [v]);
    }
  }
  const epochs = [...at.keys()].sort((a, b) => a - b);
  const rows: number[][] = QUANTILES.map(() => []);
  for (const epoch of epochs) {
    const values = Float64Array.from(at.get(epoch)!).sort();
    QUANTILES.forEach((q, k) => rows[k]!.push(values[Math.round(q * (values.length - 1))]!));
  }
  return { epochs, rows };
}

export function paintBands(ctx: CanvasRenderingContext2D, area: Area, found: { epochs: number[]; rows: number[][] }, colour: string | null = null): void {
  const grey = colour ?? tone("grey");
  const lines = found.rows.map((row) => ({
    px: found.epochs.map((e) => area.x.at(e)),
    py: row.map((v) => Math.max(area.box.top - FAR, Math.min(area.box.bottom + FAR, area.y.at(v)))),
    lost: null,
  }));
  if (!colour) between(ctx, lines[0]!, lines[4]!, grey, 0.13);
  between(ctx, lines[1]!, lines[3]!, grey, colour ? 0.12 : 0.18);
  ctx.globalAlpha = colour ? 1 : 0.6;
  stroke(ctx, lines[2]!, colour ? 2.2 : 1.2, grey);
  ctx.globalAlpha = 1;
}

const LABEL = { wide: 34, high: 14 }; // pixels that a number takes

// Numbers beside the ends of coloured curves, pushed apart so that none covers another: no curve
// is told by its colour alone.
export function endLabels(ctx: CanvasRenderingContext2D, area: Area, drawn: Drawn[]): number {
  const { box } = area, placed: [number, number][] = [];
  const wanted = drawn
    .map((d) => {
      const p = d.val?.px.length ? d.val : d.train;
      const x = p?.px.at(-1) ?? NaN;
      return { n: d.trial.n, x: x > box.right - 30 ? box.right + 8 : x + 7, y: p?.py.at(-1) ?? NaN };
    })
    .filter((l) => l.y >= box.top && l.y <= box.bottom && l.x >= box.left)
    .sort((a, b) => a.y - b.y);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3;
  ctx.strokeStyle = tone("card");
  for (const l of wanted) {
    const y = Math.max(l.y, box.top + 7, ...placed.filter(([x]) => Math.abs(x - l.x) < LABEL.wide).map((at) => at[1] + LABEL.high));
    if (y > box.bottom + 8) continue;
    placed.push([l.x, y]);
    ctx.fillStyle = hue(l.n) ?? tone("ink");
    ctx.strokeText(`#${l.n}`, l.x, y);
    ctx.fillText(`#${l.n}`, l.x, y);
  }
  return placed.length;
}

// A small cross at the edge where a curve stopped being a number.
export function crosses(ctx: CanvasRenderingContext2D, area: Area, drawn: Drawn[]): void {
  const y = area.bad === "top" ? area.box.top + 5 : area.box.bottom - 5;
  ctx.strokeStyle = tone("bad");
  ctx.lineWidth = 1.6;
  ctx.beginPath();
  for (const d of drawn) {
    const x = d.val?.lost ?? d.train?.lost;
    if (x === null || x === undefined) continue;
    ctx.moveTo(x - 3, y - 3);
    ctx.lineTo(x + 3, y + 3);
    ctx.moveTo(x + 3, y - 3);
    ctx.lineTo(x - 3, y + 3);
  }
  ctx.stroke();
}

export type Fan = [number, number, number, number][];

// Where a trial leads: the interval widens from its last value, the median is dotted.
export function paintFan(ctx: CanvasRenderingContext2D, area: Area, t: Trial, name: string | null, fan: Fan | undefined, colour: string, wide = true): void {
  const last = lastOf(t, name);
  if (!fan?.length || !last || Number.isNaN(last.value)) return;
  const rows: Fan = [[last.epoch, last.value, last.value, last.value], ...fan.filter((r) => r[0] > last.epoch)];
  const line = (k: 1 | 2 | 3): Path => ({ px: rows.map((r) => xAt(area, t, r[0])), py: rows.map((r) => area.y.at(r[k])), lost: null });
  if (wide) between(ctx, line(1), line(3), colour, 0.12);
  stroke(ctx, line(2), 1.8, colour, [2, 3]);
}
