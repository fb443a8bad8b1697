// Learning curves of many trials on one chart. uPlot gives axes, zoom and cursor; what is drawn in
// them is ours: the faded trials on a cached canvas, the coloured ones above it.

import uPlot from "uplot";
import { t as say } from "../language";
import { show } from "../model/numbers";
import { current, isRunning, overview, type Trial } from "../model/study";
import type { Metric } from "../model/types";
import { Backdrop } from "./backdrop";
import { describe, speakAloud, tip } from "./describe";
import { kindOf, PLAIN, timeRange, yRange, type Options } from "./kind";
import { chosen, FONT, hue, lit, pin, pinned, splitHues, theme, tone } from "./look";
import { hasFan, nearest, type Found } from "./nearest";
import { between, bold, crosses, dot, endLabels, paintFan, path, xAt, type Area, type Drawn } from "./paint";
import { backward, forward, scale, ticks, type Kind } from "./ticks";

export interface Props {
  metric: Metric;
  height: number;
  options?: Options;
  only?: Trial[]; // draw these in full and nothing else
  split?: boolean; // one trial: colour tells training from validation
  filter?: (t: Trial) => boolean;
  label: string;
  onPick?: (n: number) => void;
  small?: boolean;
  lastEpoch?: number;
}

const LABELLED = 8; // running trials up to which each has its number at its head
const FANS = 2; // predictions up to which each shows its interval; of more, only the one that is lit

export class Chart {
  private plot: uPlot;
  private drawn: Drawn[] = [];
  private backdrop = new Backdrop(() => this.redraw());
  private over = document.createElement("canvas");
  private frame = 0;
  private spoken = 0;
  private at: { trial: number; epoch: number } | null = null;

  constructor(private node: HTMLElement, private props: Props) {
    this.over.className = "lit";
    this.plot = this.make();
    this.plot.root.querySelector(".u-wrap")!.append(this.over);
    this.listen();
  }

  private get o(): Options {
    return this.props.options ?? PLAIN;
  }

  private get kind(): Kind {
    return kindOf(this.props.metric, this.o);
  }

  private range(): { x: [number, number]; y: [number, number] } {
    if (this.o.time) return { x: timeRange(this.o.logX), y: yRange(this.props.metric, this.o) };
    const trials = this.props.only ?? current();
    let last = this.props.lastEpoch ?? 1;
    for (const t of trials) last = Math.max(last, t.epochs.at(-1) ?? 1, isRunning(t) ? t.until : 1);
    const fans = overview.value?.fans ?? {};
    for (const n of chosen.value) last = Math.max(last, fans[n]?.at(-1)?.[0] ?? 1);
    return { x: last > 1 ? [1, last] : [0.5, 1.5], y: yRange(this.props.metric, this.o) };
  }

  private make(): uPlot {
    const { small } = this.props;
    const axis = { filter: (_: uPlot, splits: number[]) => splits, stroke: () => tone("soft"), font: FONT, labelFont: FONT, grid: { stroke: () => tone("grid"), width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: this.node.clientWidth || 300,
      height: this.props.height,
      padding: [8, small ? 10 : 46, 0, 0],
      legend: { show: false },
      cursor: { points: { show: false }, y: false, drag: { x: !small, y: !small, uni: 30 }, x: !small },
      scales: {
        x: { time: false, distr: 100, fwd: (v) => forward[this.o.logX ? "log" : "linear"](v), bwd: (v) => backward[this.o.logX ? "log" : "linear"](v), range: (_, a, b) => [a, b] },
        y: { distr: 100, fwd: (v) => forward[this.kind](v), bwd: (v) => backward[this.kind](v), range: (_, a, b) => [a, b] },
      },
      axes: [
        { ...axis, size: small ? 22 : 30, gap: 4, splits: (u) => this.splitsX(u), values: (_, v) => v.map((n) => show(n, 4)) },
        { ...axis, size: small ? 50 : 56, gap: 4, splits: (u) => ticks(this.kind, u.scales.y!.min!, u.scales.y!.max!, small ? 3 : 6), values: (_, v) => v.map((n) => show(n, 3)) },
      ],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: { drawAxes: [(u) => this.paint(u)], setScale: [() => this.backdrop.forget()] },
    };
    const { x, y } = this.range();
    const plot = new uPlot(options, [x, y] as uPlot.AlignedData, this.node);
    plot.batch(() => {
      plot.setScale("x", { min: x[0], max: x[1] });
      plot.setScale("y", { min: y[0], max: y[1] });
    });
    const canvas = plot.root.querySelector("canvas")!;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", this.props.label);
    if (!small) {
      canvas.tabIndex = 0;
      canvas.setAttribute("aria-label", `${this.props.label}. ${say("chart.keys")}`);
    }
    return plot;
  }

  private splitsX(u: uPlot): number[] {
    const { min, max } = u.scales.x!;
    const found = ticks(this.o.logX ? "log" : "linear", min!, max!, Math.max(3, u.width / (this.props.small ? 60 : 90)));
    if (this.o.time) return found;
    const whole = found.filter((v) => Number.isInteger(v) && v >= 1);
    return min! <= 1 && !whole.includes(1) && !this.props.small ? [1, ...whole.filter((v) => v > (max! - min!) / 30)] : whole;
  }

  private area(u: uPlot): Area {
    const r = uPlot.pxRatio, b = u.bbox;
    const box = { left: b.left / r, right: (b.left + b.width) / r, top: b.top / r, bottom: (b.top + b.height) / r };
    const { min: x0, max: x1 } = u.scales.x!, { min: y0, max: y1 } = u.scales.y!;
    return {
      box,
      x: scale(this.o.logX ? "log" : "linear", x0!, x1!, box.left, box.right),
      y: scale(this.kind, y0!, y1!, box.bottom, box.top),
      bad: this.props.metric.direction === "max" ? "bottom" : "top",
      time: this.o.time,
    };
  }

  private drawnOf(area: Area, t: Trial): Drawn {
    const { val, train } = this.props.metric;
    return { trial: t, val: path(area, t, val, this.o.smooth), train: path(area, t, train, this.o.smooth) };
  }

  private paint(u: uPlot): void {
    const area = this.area(u), ctx = u.ctx, r = uPlot.pxRatio;
    ctx.save();
    ctx.setTransform(r, 0, 0, r, 0, 0);
    ctx.font = FONT;
    ctx.lineJoin = "round";
    ctx.beginPath();
    const { left, right, top, bottom } = area.box;
    ctx.rect(left, top, right - left, bottom - top);
    ctx.save();
    ctx.clip();
    if (!this.props.only) this.paintFaded(u, area);
    const main = (this.props.only ?? this.emphasised()).map((t) => this.drawnOf(area, t));
    this.paintMain(ctx, area, main);
    ctx.restore();
    if (!this.props.only) crosses(ctx, area, [...main, ...this.lostOnes(area)]);
    if (!this.props.small) this.node.dataset.labels = String(endLabels(ctx, area, this.labelled(main)));
    ctx.restore();
    this.drawn = main;
    this.node.dataset.drawn = String(Number(this.node.dataset.drawn ?? 0) + 1);
    this.node.dataset.points = String(main.reduce((sum, d) => sum + (d.val?.px.length ?? 0) + (d.train?.px.length ?? 0), 0));
    this.paintLit();
  }

  // The coloured ones, and those that run while they are few.
  private labelled(main: Drawn[]): Drawn[] {
    const plain = main.filter((d) => !hue(d.trial.n));
    return this.props.only || plain.length <= LABELLED ? main : main.filter((d) => hue(d.trial.n));
  }

  private paintMain(ctx: CanvasRenderingContext2D, area: Area, main: Drawn[]): void {
    const fans = overview.value?.fans ?? {}, metric = this.props.metric;
    const colours = splitHues();
    if (lone(metric)) colours.val = tone("ink"); // neither training nor validation
    const own = (d: Drawn) => (this.props.split ? colours.train : (hue(d.trial.n) ?? tone("ink")));
    const objective = overview.value?.study.metric;
    const led = metric.val === objective || metric.train === objective ? main.filter((d) => fans[d.trial.n]) : [];
    for (const d of led) paintFan(ctx, area, d.trial, objective!, fans[d.trial.n], this.props.split ? colours.val : own(d), led.length <= FANS);
    for (const d of main) {
      const alpha = this.props.only ? 0.16 : d.trial.n === chosen.value[0] ? 0.12 : 0.03;
      between(ctx, d.val, d.train, this.props.split ? colours.val : own(d), alpha);
    }
    if (this.o.smooth) for (const d of main) this.paintRaw(ctx, area, d.trial, own(d));
    for (const d of [...main].reverse()) {
      const width = this.props.small ? 1.6 : isRunning(d.trial) ? 2.6 : 2.1;
      bold(ctx, d, own(d), width, this.props.split ? colours.val : own(d));
    }
  }

  // Under a smoothed curve the raw one stays to be seen.
  private paintRaw(ctx: CanvasRenderingContext2D, area: Area, t: Trial, colour: string): void {
    ctx.globalAlpha = 0.3;
    const { val, train } = this.props.metric;
    bold(ctx, { trial: t, val: path(area, t, val), train: path(area, t, train) }, colour, 1);
    ctx.globalAlpha = 1;
  }

  private wanted(t: Trial): boolean {
    return !this.props.filter || this.props.filter(t);
  }

  private emphasised(): Trial[] {
    const numbers = new Set([...(this.o.group ? [] : chosen.value), ...pinned.value]);
    return current().filter((t) => (numbers.has(t.n) || (isRunning(t) && !this.o.group)) && this.wanted(t));
  }

  private lostOnes(area: Area): Drawn[] {
    const { val, train } = this.props.metric;
    return this.backdrop.rest.filter((t) => t.odd.has(val ?? "") || t.odd.has(train ?? "")).map((t) => this.drawnOf(area, t));
  }

  private paintFaded(u: uPlot, area: Area): void {
    const { metric, filter } = this.props;
    const main = new Set(this.emphasised().map((t) => t.n));
    const scales = [u.scales.x!.min, u.scales.x!.max, u.scales.y!.min, u.scales.y!.max];
    const key = [u.width, u.height, ...scales, theme.value, metric.label, JSON.stringify(this.o), [...main], filter ? this.spoken : ""].join("|");
    this.backdrop.paint(u, area, { metric, options: this.o, main, wanted: (t) => this.wanted(t), drawn: (a, t) => this.drawnOf(a, t) }, key);
    this.node.dataset.faded = String(this.backdrop.rest.length);
    this.node.dataset.bands = String(this.backdrop.bands);
  }

  // ---- what is lit

  paintLit(): void {
    if (!this.over.isConnected) return; // the first painting, while the chart is made
    const ctx = this.over.getContext("2d")!, r = uPlot.pxRatio, source = this.plot.ctx.canvas;
    if (this.over.width !== source.width || this.over.height !== source.height) {
      this.over.width = source.width;
      this.over.height = source.height;
    }
    ctx.setTransform(r, 0, 0, r, 0, 0);
    ctx.clearRect(0, 0, this.over.width, this.over.height);
    const trial = lit.value === null || this.props.only ? undefined : current().find((t) => t.n === lit.value);
    if (!trial) return;
    const area = this.area(this.plot), { left, right, top, bottom } = area.box;
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    const d = this.drawnOf(area, trial), colour = hue(trial.n) ?? tone("ink");
    between(ctx, d.val, d.train, colour, 0.18);
    if (hasFan(trial, this.props.metric, false)) paintFan(ctx, area, trial, overview.value!.study.metric, overview.value!.fans[trial.n], colour);
    bold(ctx, d, colour, 3);
    if (this.at?.trial === trial.n) {
      const i = trial.epochs.indexOf(this.at.epoch);
      for (const p of [d.val, d.train]) if (p && p.px[i] !== undefined) dot(ctx, p.px[i]!, p.py[i]!, 4, tone("card"), colour);
    }
  }

  private nearest(x: number, y: number): Found | null {
    const trials = (this.props.only ?? current()).filter((t) => this.wanted(t));
    return nearest(this.area(this.plot), this.props.metric, trials, !!this.props.only, x, y);
  }

  private listen(): void {
    const over = this.plot.over;
    let downAt = [0, 0];
    const place = (e: MouseEvent): [number, number] => {
      const b = this.plot.ctx.canvas.getBoundingClientRect();
      return [e.clientX - b.left, e.clientY - b.top];
    };
    over.addEventListener("mousemove", (e) => this.point(this.nearest(...place(e)), e.clientX, e.clientY));
    over.addEventListener("mouseleave", () => this.point(null, 0, 0));
    over.addEventListener("mousedown", (e) => { downAt = [e.clientX, e.clientY]; });
    over.addEventListener("mouseup", (e) => {
      if (Math.hypot(e.clientX - downAt[0]!, e.clientY - downAt[1]!) > 4) return;
      const found = this.nearest(...place(e));
      if (found) (this.props.onPick ?? pin)(found.trial.n);
    });
    over.addEventListener("dblclick", () => this.reset());
    this.plot.root.querySelector("canvas")!.addEventListener("keydown", (e) => this.key(e as KeyboardEvent));
  }

  private point(found: { trial: Trial; epoch: number } | null, x: number, y: number): void {
    this.at = found ? { trial: found.trial.n, epoch: found.epoch } : null;
    lit.value = found?.trial.n ?? null;
    tip.value = found ? { x, y, ...describe(found.trial, found.epoch, this.props.metric), hint: this.props.only ? "" : say("chart.pin") } : null;
    this.paintLit();
  }

  // Arrows walk along a curve and from curve to curve; what is there is said aloud.
  private key(e: KeyboardEvent): void {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (e.key === "Enter" && lit.value !== null) (this.props.onPick ?? pin)(lit.value);
    if (!step) return;
    e.preventDefault();
    const order = this.props.only ?? this.drawn.map((d) => d.trial);
    if (!order.length) return;
    const now = order.findIndex((t) => t.n === this.at?.trial);
    const trial = order[now < 0 ? 0 : (now + step[1]! + order.length) % order.length]!;
    const last = trial.epochs.at(-1) ?? 0;
    const places = [...trial.epochs, ...(hasFan(trial, this.props.metric, !!this.props.only) ? overview.value!.fans[trial.n]!.map((r) => r[0]).filter((e) => e > last) : [])];
    const i = now < 0 || !this.at ? trial.epochs.length - 1 : places.findIndex((x) => x >= this.at!.epoch);
    const epoch = places[Math.max(0, Math.min(places.length - 1, (i < 0 ? places.length - 1 : i) + (now < 0 ? 0 : step[0]!)))];
    if (epoch === undefined) return;
    const b = this.plot.ctx.canvas.getBoundingClientRect();
    this.point({ trial, epoch }, b.left + xAt(this.area(this.plot), trial, epoch), b.top + b.height / 3);
    const said = describe(trial, epoch, this.props.metric);
    speakAloud(`${said.title}: ${said.rows.map(([k, v]) => `${k} ${v}`).join(", ")}`);
  }

  // ---- from outside

  update(props: Props): void {
    const rescaled = JSON.stringify(props.options) !== JSON.stringify(this.props.options) || props.metric !== this.props.metric || !same(props.only, this.props.only);
    if (props.filter !== this.props.filter) this.spoken++;
    this.props = props;
    if (rescaled) this.reset();
    else if (!props.small) this.redraw();
  }

  reset(): void {
    const { x, y } = this.range();
    this.plot.setData([x, y] as uPlot.AlignedData, false);
    this.plot.batch(() => {
      this.plot.setScale("x", { min: x[0], max: x[1] });
      this.plot.setScale("y", { min: y[0], max: y[1] });
    });
  }

  // New data came: trials that are shown alone are drawn again by their page, if they changed.
  hear(): void {
    if (!this.props.only) this.redraw();
  }

  redraw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { x } = this.range(), old = this.plot.data[0];
      if (old[1] !== x[1]) this.reset();
      else this.plot.redraw(false, false);
    });
  }

  size(): void {
    const width = this.node.clientWidth;
    if (width && (width !== this.plot.width || this.props.height !== this.plot.height)) this.plot.setSize({ width, height: this.props.height });
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.backdrop.stop();
    this.plot.destroy();
  }
}

const lone = (m: Metric): boolean => m.train === null && m.val === m.label;

const same = (a: Trial[] | undefined, b: Trial[] | undefined): boolean =>
  a === b || (!!a && !!b && a.length === b.length && a.every((t, i) => t === b[i]));
