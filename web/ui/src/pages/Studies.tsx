// All studies of the store: what each is at, and how it came there.

import { t, word } from "../language";
import { duration, percent, show } from "../model/numbers";
import { link } from "../model/route";
import { list, serverOffset } from "../model/source";
import type { StudyRow } from "../model/types";
import { isSilent } from "../model/study";
import { Empty } from "../parts/common";
import { useClock } from "../parts/Header";

export function Studies() {
  useClock();
  const rows = list.value?.studies;
  if (!rows) return <p class="empty" role="status">{t("connection.waiting")}</p>;
  if (!rows.length) return <Empty><p>{t("studies.none")}</p><pre class="snippet">danlu run study.toml</pre></Empty>;
  const now = Date.now() / 1000 + serverOffset.value;
  return (
    <section class="card">
      <div class="head"><h2>{t("page.studies")}</h2><span class="soft">{list.value!.store}</span></div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t("page.studies")}>
        <table class="wide studies">
          <thead><tr>
            <th scope="col">{t("column.study")}</th><th scope="col">{t("column.state")}</th><th scope="col" class="number">{t("column.best")}</th>
            <th scope="col">{t("studies.course")}</th><th scope="col" class="number">{t("column.trials")}</th><th scope="col" class="number">{t("studies.spent")}</th><th scope="col">{t("studies.last")}</th>
          </tr></thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.name}>
                <td><a href={link(r.name, "overview")}><span class="text">{r.name}</span></a></td>
                <td><span class={`pill ${stateOf(r, now)}`}>{word("state", stateOf(r, now))}</span></td>
                <td class="number">{r.state === "reading" ? "…" : show(r.best)} <small class="soft">{r.metric}</small></td>
                <td><Course row={r} /></td>
                <td class="number">{r.state === "reading" ? "…" : r.trials}{r.running && r.state === "running" ? <small class="soft"> {t("studies.running", r.running)}</small> : ""}{r.failed ? <small class="bad"> {t("studies.failed", r.failed)}</small> : ""}</td>
                <td class="number">{r.share === null ? "–" : percent(r.share)}</td>
                <td>{r.last ? t("ago", duration(Math.max(0, now - r.last))) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const stateOf = (row: StudyRow, now: number): string =>
  row.state === "running" && row.running > 0 && isSilent(now - row.last, row.epoch_s) ? "stale" : row.state;

function Course({ row }: { row: StudyRow }) {
  const v = row.course;
  if (!v.length) return null;
  if (v.length < 2) return <svg class="spark" viewBox="0 0 100 28" width="100" height="28" aria-hidden="true"><circle cx="4" cy="14" r="2.6" /></svg>;
  const low = Math.min(...v), high = Math.max(...v);
  const points = v.map((y, i) => `${2 + (i / (v.length - 1)) * 96},${26 - ((y - low) / (high - low || 1)) * 24}`);
  return <svg class="spark" viewBox="0 0 100 28" width="100" height="28" aria-hidden="true"><polyline class="val" points={points.join(" ")} /></svg>;
}
