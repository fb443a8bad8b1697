// How much each parameter matters, with the interval that resampled trials give.

import { t } from "../language";
import { percent } from "../model/numbers";
import { connection } from "../model/source";
import { all, overview } from "../model/study";
import { Empty } from "./common";
import { Panel } from "./Panel";

const MODELLED = 15; // trials with a value from which the server fits a model

export interface Share {
  name: string;
  value: number;
  low: number | null;
  high: number | null;
}

// Shares of a model of the values where there is one; else how well each parameter alone orders the trials.
export function shares(): { rows: Share[]; model: boolean } {
  const o = overview.value!;
  if (o.importance) return { rows: o.importance.single.map(([name, value, low, high]) => ({ name, value, low, high })), model: true };
  return { rows: o.parameters.map((p) => ({ name: p.name, value: p.share, low: null, high: null })), model: false };
}

export function ImportancePanel({ most = 12 }: { most?: number }) {
  const o = overview.value!, { rows, model } = shares();
  const shown = rows.slice(0, most);
  const pairs = o.importance?.pairs.filter((p) => p[2] >= 0.03).slice(0, 3) ?? [];
  const known = shown.some((r) => r.value > 0), valued = all.value.filter((x) => x.value !== null && x.state !== "failed").length;
  return (
    <Panel
      title={t("importance.title")}
      {...(known ? { table: () => ({ head: [t("column.parameter"), t("importance.share"), t("importance.low"), t("importance.high")], rows: rows.map((r) => [r.name, r.value, r.low, r.high]) }) } : {})}
      caption={!known ? null : model ? t("importance.model", o.importance!.rows, percent(o.importance!.explained)) : t(valued >= MODELLED && connection.value !== "file" ? "importance.soon" : "importance.alone")}
    >
      {!known ? <Empty>{t("importance.none")}</Empty> : (
        <ul class="bars">
          {shown.map((r) => (
            <li key={r.name}>
              <span class="name text">{r.name}</span>
              <span class="track" aria-hidden="true">
                <i class="bar" style={{ width: `${100 * Math.min(1, r.value)}%` }} />
                {r.low !== null && <i class="whisker" style={{ left: `${100 * r.low}%`, width: `${100 * Math.max(0.002, r.high! - r.low)}%` }} />}
              </span>
              <span class="number">{percent(r.value)}{r.low === null ? "" : <small> {Math.round(100 * r.low)}–{Math.round(100 * r.high!)}</small>}</span>
            </li>
          ))}
        </ul>
      )}
      {pairs.length > 0 && <p class="caption">{t("importance.pairs")} {pairs.map((p) => `${p[0]} × ${p[1]} ${percent(p[2])}`).join(" · ")}</p>}
    </Panel>
  );
}
