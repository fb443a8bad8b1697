// Points and steps in SVG, on any scale, with categories too.

import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { show } from "../model/numbers";
import { scale, ticks, type Kind } from "./ticks";

export interface Axis {
  kind: Kind | "category";
  low: number;
  high: number;
  label: string;
  names?: string[];
  whole?: boolean; // whole numbers only
}

export interface Place {
  x: (v: number) => number;
  y: (v: number) => number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

interface Props {
  x: Axis;
  y: Axis;
  height: number;
  label: string;
  children: (place: Place) => ComponentChildren;
  onMove?: (x: number, y: number, e: MouseEvent, place: Place) => void;
  onLeave?: () => void;
  onClick?: () => void;
}

export function useWidth(): [preact.RefObject<HTMLDivElement | null>, number] {
  const node = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useEffect(() => {
    const watch = new ResizeObserver(() => { width.value = node.current?.clientWidth ?? 0; });
    watch.observe(node.current!);
    return () => watch.disconnect();
  }, []);
  return [node, width.value];
}

function placed(axis: Axis, from: number, to: number): (v: number) => number {
  if (axis.kind === "category") {
    const step = (to - from) / Math.max(1, axis.names!.length);
    return (v) => from + (v + 0.5) * step;
  }
  return scale(axis.kind, axis.low, axis.high, from, to).at;
}

function ticksOf(axis: Axis, wanted: number): { at: number; words: string }[] {
  if (axis.kind === "category") return axis.names!.map((words, at) => ({ at, words }));
  const few = axis.whole && axis.high - axis.low <= FEW;
  const found = few ? ticks("linear", Math.ceil(axis.low), Math.floor(axis.high), FEW) : ticks(axis.kind, axis.low, axis.high, wanted);
  return (axis.whole ? found.filter(Number.isInteger) : found).map((at) => ({ at, words: show(at, 3) }));
}

const FEW = 9; // whole numbers up to which each has a tick
const CHAR = 7.6; // pixels, about, of a character

export function Xy({ x, y, height, label, children, onMove, onLeave, onClick }: Props) {
  const [node, width] = useWidth();
  const left = y.kind === "category" ? Math.min(130, 14 + CHAR * Math.max(...y.names!.map((n) => n.length), 3)) : 50;
  const place = { left, right: Math.max(left + 20, width - 10), top: 20, bottom: height - (x.label ? 36 : 22) };
  const fx = placed(x, place.left, place.right), fy = placed(y, place.bottom, place.top);
  const all = { x: fx, y: fy, ...place };
  const move = (e: MouseEvent) => {
    const b = (e.currentTarget as Element).getBoundingClientRect();
    onMove?.(e.clientX - b.left, e.clientY - b.top, e, all);
  };
  let free = -Infinity;
  return (
    <div class="xy" ref={node} style={{ height: `${height}px` }}>
      {width > 0 && (
        <svg class="chart" width={width} height={height} role="img" aria-label={label} onMouseMove={move} onMouseLeave={onLeave} onClick={onClick}>
          {ticksOf(y, 5).map(({ at, words }) => (
            <g key={at}>
              <line class="grid" x1={place.left} x2={place.right} y1={fy(at)} y2={fy(at)} />
              <text class="tick" x={place.left - 6} y={fy(at)} text-anchor="end" dominant-baseline="middle">{cut(words, 18)}</text>
            </g>
          ))}
          {ticksOf(x, Math.max(2, width / 90)).map(({ at, words }) => {
            const text = cut(words, 16), half = (text.length * CHAR) / 2, p = Math.min(Math.max(fx(at), half), width - half);
            const room = p - half >= free;
            if (room) free = p + half + 6;
            return (
              <g key={at}>
                {x.kind !== "category" && <line class="grid" x1={fx(at)} x2={fx(at)} y1={place.top} y2={place.bottom} />}
                {room && <text class="tick" x={p} y={place.bottom + 15} text-anchor="middle">{text}</text>}
              </g>
            );
          })}
          {children(all)}
          {x.label && <text class="tick" x={place.right} y={height - 4} text-anchor="end">{cut(x.label, 40)}</text>}
          <text class="tick" x={2} y={11}>{cut(y.label, 40)}</text>
        </svg>
      )}
    </div>
  );
}

export const cut = (words: string, most: number): string => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
export const clamp = (v: number, a: number, b: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), v));
