// Several objectives: each trial by the first one and another, and the line of those that none beats.

import { useSignal } from "@preact/signals";
import { t } from "../language";
import { show } from "../model/numbers";
import { all, lastOf, overview } from "../model/study";
import type { Axis } from "../charts/Xy";
import { Points, valueRows, type Point } from "../charts/Points";
import { Panel } from "./Panel";

const WIDE = 50; // times, beyond which a scale is logarithmic

function axis(values: number[], label: string): Axis {
  const low = Math.min(...values), high = Math.max(...values);
  if (low > 0 && high / low > WIDE) return { kind: "log", low: low / 1.1, high: high * 1.1, label };
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return { kind: "linear", low: low - room, high: high + room, label };
}

export function ParetoPanel({ height }: { height: number }) {
  const picked = useSignal(0);
  const o = overview.value!, others = o.further?.objectives ?? [];
  if (!others.length) return null;
  const metric = others[Math.min(picked.value, others.length - 1)]![0], first = o.study.metric, best = new Set(o.further!.pareto);
  const points: Point[] = all.value.flatMap((trial) => {
    const x = lastOf(trial, metric)?.value, y = lastOf(trial, first)?.value;
    return trial.state !== "failed" && Number.isFinite(x) && Number.isFinite(y) ? [{ trial, x: x!, y: y! }] : [];
  });
  const title = t("pareto.title");
  if (!points.length) return <Panel title={title}><p class="empty">{t("figure.none")}</p></Panel>;
  const front = points.filter((p) => best.has(p.trial.n)).sort((a, b) => a.x - b.x);
  return (
    <Panel vector title={title} caption={t("pareto.caption", front.length)}
      table={() => ({ head: [t("column.trial"), metric, first, t("column.pareto")], rows: points.map((p) => [p.trial.n, p.x, p.y, best.has(p.trial.n) ? t("pareto.in") : ""]) })}
      controls={others.length > 1 && (
        <select aria-label={t("pareto.against")} value={picked.value} onChange={(e) => { picked.value = Number(e.currentTarget.value); }}>
          {others.map(([name], i) => <option value={i} key={name}>{name}</option>)}
        </select>
      )}>
      <Points points={points} x={axis(points.map((p) => p.x), metric)} y={axis(points.map((p) => p.y), first)} height={height} label={title}
        rows={(p) => [[metric, show(p.x)], ...valueRows(p)]}
        under={(place) => (
          <>
            <path class="best-line" d={front.map((p, i) => `${i ? "L" : "M"}${place.x(p.x)} ${place.y(p.y)}`).join("") || "M0 0"} />
            {front.map((p) => <circle key={p.trial.n} class="front" cx={place.x(p.x)} cy={place.y(p.y)} r="7" />)}
          </>
        )} />
    </Panel>
  );
}
