// Trials as points: the shape tells the state, the colour the leaders; what lies outside sits at the edge.

import { say, t } from "../language";
import { show } from "../model/numbers";
import { go, link } from "../model/route";
import { byImportance, isRunning, overview, type Trial } from "../model/study";
import { hue, lit, tone } from "./look";
import { tip } from "./describe";
import { clamp, Xy, type Axis, type Place } from "./Xy";
import type { ComponentChildren } from "preact";

export interface Point {
  trial: Trial;
  x: number;
  y: number;
}

interface Props {
  points: Point[];
  x: Axis;
  y: Axis;
  height: number;
  label: string;
  rows: (p: Point) => [string, string][];
  under?: (place: Place) => ComponentChildren;
}

const NEAR = 14;
const MANY = 400; // points from which they are drawn smaller

export function Points({ points, x, y, height, label, rows, under }: Props) {
  const nearest = (px: number, py: number, place: Place) => {
    let best: Point | null = null, far = NEAR;
    for (const p of points) {
      const d = Math.hypot(place.x(p.x) - px, clamp(place.y(p.y), place.top, place.bottom) - py);
      if (d < far) {
        far = d;
        best = p;
      }
    }
    return best;
  };
  const move = (px: number, py: number, e: MouseEvent, place: Place) => {
    const found = nearest(px, py, place);
    lit.value = found?.trial.n ?? null;
    tip.value = found ? { x: e.clientX, y: e.clientY, title: t("trial.title", found.trial.n), rows: rows(found), hint: t("chart.open") } : null;
  };
  const leave = () => {
    lit.value = null;
    tip.value = null;
  };
  const open = () => {
    if (lit.value !== null) go(link(overview.value!.study.name, "trials", lit.value));
    tip.value = null;
  };
  return (
    <Xy x={x} y={y} height={height} label={label} onMove={move} onLeave={leave} onClick={open}>
      {(place) => (
        <>
          {under?.(place)}
          {points.map(({ trial, x, y }) => (
            <Mark key={trial.n} cx={place.x(x)} y={place.y(y)} top={place.top} bottom={place.bottom} many={points.length > MANY}
              failed={trial.state === "failed"} part={!trial.full} open={isRunning(trial)} colour={hue(trial.n)} on={lit.value === trial.n} />
          ))}
        </>
      )}
    </Xy>
  );
}

interface Drawn {
  cx: number;
  y: number;
  top: number;
  bottom: number;
  many: boolean;
  failed: boolean;
  part: boolean;
  open: boolean;
  colour: string | null;
  on: boolean;
}

// All that it takes are plain values: of a thousand points only those are drawn again that changed.
function Mark({ cx, y, top, bottom, many, failed, part, open, colour, on }: Drawn) {
  const cy = clamp(y, top, bottom);
  if (y !== cy && Math.abs(y - cy) > 1) return <path class="outside" d={y < cy ? `M${cx - 4} ${cy + 7}l4 -6 4 6z` : `M${cx - 4} ${cy - 7}l4 6 4 -6z`} />;
  if (failed) return <path class="cross" d={`M${cx - 3} ${cy - 3}l6 6m0 -6l-6 6`} />;
  const r = on ? 6 : colour ? 5 : many ? 2.2 : 3.2;
  return <circle class={open ? "point open" : part ? "point part" : "point"} cx={cx} cy={cy} r={r} style={colour ? { fill: open || part ? tone("card") : colour, stroke: colour, fillOpacity: 1 } : {}} />;
}

export const valueRows = (p: Point): [string, string][] => [
  [overview.value!.study.metric, show(p.trial.value)],
  ...(p.trial.full ? [] : [[t("column.data"), say(p.trial.proxy)] as [string, string]]),
  ...byImportance.value.slice(0, 4).filter((q) => Object.hasOwn(p.trial.config, q.name)).map((q): [string, string] => [q.name, show(p.trial.config[q.name])]),
];
