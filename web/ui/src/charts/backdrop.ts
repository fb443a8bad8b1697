// The faded trials behind the coloured ones, on a canvas of their own that is kept: painting them
// all takes longer than a new epoch may.

import uPlot from "uplot";
import { current, touched, type Trial } from "../model/study";
import type { Metric } from "../model/types";
import { groupsOf } from "./groups";
import type { Options } from "./kind";
import { bands, faded, paintBands, type Area, type Drawn } from "./paint";

const LINES = 300; // faded trials up to which each is a line
const BINS = 120; // steps of an axis of time within which bands are counted
const BANDS_MS = 4000; // between two paintings while data comes in, where they are bands
const FADED_MS = 900; // … where they are lines

export interface View {
  metric: Metric;
  options: Options;
  main: Set<number>; // trials that are not faded
  wanted: (t: Trial) => boolean;
  drawn: (area: Area, t: Trial) => Drawn;
}

export class Backdrop {
  rest: Trial[] = [];
  private canvas: HTMLCanvasElement | null = null;
  private key = "";
  private at = 0;
  private timer = 0;

  constructor(private again: () => void) {}

  get bands(): boolean {
    return this.rest.length > LINES;
  }

  // Paints it under a plot, made anew if the view is another one or if trials changed long enough ago.
  paint(u: uPlot, area: Area, view: View, key: string): void {
    for (const n of view.main) touched.delete(n); // these are painted anew each time
    const stale = touched.size > 0 && performance.now() - this.at > this.pause;
    if (touched.size && !stale) this.later();
    if (!this.canvas || this.key !== key || stale) {
      this.key = key;
      this.at = performance.now();
      touched.clear();
      this.render(u, area, view);
    }
    u.ctx.save();
    u.ctx.setTransform(1, 0, 0, 1, 0, 0);
    u.ctx.drawImage(this.canvas!, 0, 0);
    u.ctx.restore();
  }

  forget(): void {
    this.key = "";
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  // Bands of many trials hardly move with one of them, and take longer.
  private get pause(): number {
    return this.bands ? BANDS_MS : FADED_MS;
  }

  // Paint once more when the faded trials may be painted again, though nothing else happens.
  private later(): void {
    if (this.timer) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.again();
    }, this.pause + 50);
  }

  private render(u: uPlot, area: Area, { metric, options, main, wanted, drawn }: View): void {
    this.rest = current().filter((t) => !main.has(t.n) && wanted(t));
    this.canvas ??= document.createElement("canvas");
    this.canvas.width = u.ctx.canvas.width;
    this.canvas.height = u.ctx.canvas.height;
    const ctx = this.canvas.getContext("2d")!;
    ctx.setTransform(uPlot.pxRatio, 0, 0, uPlot.pxRatio, 0, 0);
    ctx.lineJoin = "round";
    const name = metric.val ?? metric.train!;
    const step = options.time ? (u.scales.x!.max! - u.scales.x!.min!) / BINS : 0;
    if (options.group) for (const g of groupsOf(this.rest, options.group)) paintBands(ctx, area, bands(g.trials, name, step), g.colour);
    else if (this.bands) paintBands(ctx, area, bands(this.rest, name, step));
    else faded(ctx, this.rest.map((t) => drawn(area, t)));
  }
}
