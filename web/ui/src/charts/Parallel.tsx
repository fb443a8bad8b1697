// Parallel coordinates with HiPlot's verbs: brush an axis, keep or exclude what is brushed, drag an axis.

import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { t } from "../language";
import { show } from "../model/numbers";
import { byImportance, loss, overview, type Trial } from "../model/study";
import type { Parameter } from "../model/types";
import { FONT, lit, theme, tone } from "./look";
import { forward, ticks } from "./ticks";
import { useWidth } from "./Xy";

interface Line {
  name: string;
  unit: (t: Trial) => number | null; // 0 at the bottom, 1 at the top
  marks: { at: number; words: string }[];
}

const TOP = 34, BOTTOM = 16, SIDE = 44, GRAB = 16, AXIS = 84; // pixels; the last is the least room for an axis

function lineOf(p: Parameter): Line {
  if (p.kind === "choice") {
    const n = Math.max(1, p.choices!.length - 1);
    return {
      name: p.name,
      unit: (x) => (Object.hasOwn(x.config, p.name) ? Math.max(0, p.choices!.indexOf(show(x.config[p.name], 4))) / n : null),
      marks: p.choices!.map((words, i) => ({ at: i / n, words })),
    };
  }
  const kind = p.log ? "log" : "linear", f = forward[kind], a = f(p.low!), b = f(p.high!) - a || 1;
  return {
    name: p.name,
    unit: (x) => (typeof x.config[p.name] === "number" ? (f(x.config[p.name] as number) - a) / b : null),
    marks: ticks(kind, p.low!, p.high!, 5).filter((v) => p.kind !== "int" || Number.isInteger(v)).map((v) => ({ at: (f(v) - a) / b, words: show(v, 3) })),
  };
}

function valueLine(): Line {
  const o = overview.value!, v = o.values!, kind = v.log && v.low > 0 ? "log" : "linear", f = forward[kind];
  const a = f(v.low), b = f(v.high) - a || 1;
  return {
    name: o.study.metric,
    unit: (x) => (x.value === null ? null : Math.max(0, Math.min(1, (f(x.value) - a) / b))),
    marks: ticks(kind, v.low, v.high, 5).map((m) => ({ at: (f(m) - a) / b, words: show(m, 3) })),
  };
}

// Viridis (Smith and van der Walt 2015) in five steps, good to bad.
const VIRIDIS = [[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]];

export function viridis(share: number): string {
  const s = Math.max(0, Math.min(0.9999, theme.value === "light" ? 1 - share * 0.85 : share * 0.85)) * 4, i = Math.floor(s), k = s - i;
  const [a, b] = [VIRIDIS[i]!, VIRIDIS[i + 1]!];
  return `rgb(${a.map((v, j) => Math.round(v + (b[j]! - v) * k)).join(" ")})`;
}

export function Parallel({ trials, height = 320 }: { trials: Trial[]; height?: number }) {
  const [node, seen] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const order = useSignal<string[] | null>(null);
  const brushes = useSignal<Record<string, [number, number]>>({});
  const out = useSignal<Set<number>>(new Set());
  const drag = useRef<{ name: string; from: number; moved: boolean; axis: boolean } | null>(null);
  const lines = new Map([...byImportance.value.map(lineOf), ...(overview.value!.values ? [valueLine()] : [])].map((l) => [l.name, l]));
  const names = (order.value ?? [...lines.keys()]).filter((n) => lines.has(n));
  const width = seen && Math.max(seen, names.length * AXIS);
  const x = (i: number) => (names.length < 2 ? width / 2 : SIDE + (i * (width - 2 * SIDE)) / (names.length - 1));
  const y = (u: number) => height - BOTTOM - u * (height - TOP - BOTTOM);
  const left = trials.filter((trial) => !out.value.has(trial.n));
  const inside = (trial: Trial) => Object.entries(brushes.value).every(([n, [a, b]]) => {
    const u = lines.get(n)?.unit(trial);
    return u !== null && u !== undefined && u >= a && u <= b;
  });
  const kept = left.filter(inside), brushed = Object.keys(brushes.value).length > 0;

  useEffect(() => {
    const ctx = canvas.current?.getContext("2d");
    if (!ctx || !width) return;
    const ratio = Math.max(1, devicePixelRatio);
    canvas.current!.width = width * ratio;
    canvas.current!.height = height * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const good = [...left].filter((a) => a.value !== null).sort((a, b) => loss(b.value!) - loss(a.value!));
    const place = new Map(good.map((a, i) => [a.n, i / Math.max(1, good.length - 1)]));
    for (const trial of good) draw(ctx, trial, names, lines, x, y, viridis(1 - place.get(trial.n)!), inside(trial) ? Math.max(0.18, Math.min(0.8, 40 / good.length)) : 0.03, 1.1);
    const top = lit.value === null ? undefined : trials.find((a) => a.n === lit.value);
    if (top) draw(ctx, top, names, lines, x, y, tone("ink"), 1, 3);
    ctx.globalAlpha = 1;
  });

  const axisAt = (px: number) => names.findIndex((_, i) => Math.abs(x(i) - px) < GRAB);
  const spot = (e: PointerEvent): [number, number] => {
    const b = (e.currentTarget as Element).getBoundingClientRect();
    return [e.clientX - b.left, e.clientY - b.top];
  };
  const down = (e: PointerEvent) => {
    const [px, py] = spot(e), i = axisAt(px);
    if (i < 0) return;
    (e.currentTarget as Element).setPointerCapture(e.pointerId);
    drag.current = { name: names[i]!, from: py < TOP ? px : (height - BOTTOM - py) / (height - TOP - BOTTOM), moved: false, axis: py < TOP };
  };
  const move = (e: PointerEvent) => {
    const d = drag.current;
    if (!d) return;
    const [px, py] = spot(e);
    d.moved = true;
    if (d.axis) {
      const rest = names.filter((n) => n !== d.name);
      rest.splice(Math.max(0, Math.min(rest.length, Math.round(((px - SIDE) / Math.max(1, width - 2 * SIDE)) * (names.length - 1)))), 0, d.name);
      order.value = rest;
    } else {
      const u = (height - BOTTOM - py) / (height - TOP - BOTTOM);
      brushes.value = { ...brushes.value, [d.name]: [Math.min(u, d.from), Math.max(u, d.from)] };
    }
  };
  const up = () => {
    const d = drag.current;
    drag.current = null;
    if (d && !d.moved && !d.axis) {
      const { [d.name]: _, ...rest } = brushes.value;
      brushes.value = rest;
    }
  };
  const exclude = (keep: boolean) => {
    const gone = new Set(out.value);
    for (const trial of left) if (inside(trial) !== keep) gone.add(trial.n);
    out.value = gone;
    brushes.value = {};
  };
  const reset = () => {
    out.value = new Set();
    brushes.value = {};
    order.value = null;
  };
  return (
    <div>
      <div class="controls">
        <button type="button" disabled={!brushed} onClick={() => exclude(true)}>{t("parallel.keep")}</button>
        <button type="button" disabled={!brushed} onClick={() => exclude(false)}>{t("parallel.exclude")}</button>
        <button type="button" disabled={!brushed && !out.value.size && !order.value} onClick={reset}>{t("parallel.reset")}</button>
        <span class="soft">{t("parallel.shown", kept.length, trials.length)}</span>
      </div>
      <div class="parallel scroll" ref={node} tabIndex={0} role="group" aria-label={t("parallel.title")}>
        <canvas ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} aria-hidden="true" />
        <svg width={width} height={height} role="img" aria-label={t("parallel.label", kept.length)} style={{ font: FONT }} onPointerDown={down} onPointerMove={move} onPointerUp={up}>
          {names.map((name, i) => {
            const b = Object.hasOwn(brushes.value, name) ? brushes.value[name] : undefined;
            return (
              <g key={name}>
                <line class="axis" x1={x(i)} x2={x(i)} y1={TOP} y2={height - BOTTOM} />
                <text class="name" x={x(i)} y={i % 2 && width / names.length < 90 ? 26 : 14} text-anchor="middle">{name.length > 16 ? `${name.slice(0, 15)}…` : name}</text>
                {lines.get(name)!.marks.map((m) => <text class="tick" key={m.at} x={x(i) + 5} y={y(m.at)} dominant-baseline="middle">{m.words}</text>)}
                {b && <rect class="brush" x={x(i) - 7} width="14" y={y(b[1])} height={Math.max(2, y(b[0]) - y(b[1]))} />}
                <rect class="grab" x={x(i) - GRAB} width={2 * GRAB} y={TOP} height={height - TOP - BOTTOM} />
                <rect class="hold" x={x(i) - 34} width="68" y="0" height={TOP - 4} />
              </g>
            );
          })}
        </svg>
      </div>
    </div>
  );
}

function draw(
  ctx: CanvasRenderingContext2D, trial: Trial, names: string[], lines: Map<string, Line>,
  x: (i: number) => number, y: (u: number) => number, colour: string, alpha: number, width: number,
): void {
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.beginPath();
  let open = false;
  names.forEach((name, i) => {
    const u = lines.get(name)!.unit(trial);
    if (u === null) return; // past the axis of a parameter that it does not have
    if (open) ctx.lineTo(x(i), y(u));
    else {
      ctx.moveTo(x(i), y(u));
      open = true;
    }
  });
  ctx.stroke();
}
