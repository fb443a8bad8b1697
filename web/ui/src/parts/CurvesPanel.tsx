// The main chart with its controls, its legend and what lies outside of it.

import { say, t } from "../language";
import { show } from "../model/numbers";
import { change, link } from "../model/route";
import { all, astray, byImportance, epochSeconds, GAP, isRunning, lastOf, overview, trials, type Trial } from "../model/study";
import type { Metric } from "../model/types";
import { chosen, hue, lit, pin, pinned, tone } from "../charts/look";
import { CurveChart } from "../charts/CurveChart";
import { groupsOf } from "../charts/groups";
import { canLog, kindOf } from "../charts/kind";
import { Toggle, studyName } from "./common";
import { Panel, type Table } from "./Panel";
import { filter, filterText, metric, options, set } from "./view";

export function curveTable(m: Metric, list: Trial[]): Table {
  const names = [m.train, m.val].filter((n): n is string => n !== null);
  const rows: unknown[][] = [], time = options.value.time;
  for (const trial of list) {
    trial.epochs.forEach((epoch, i) => {
      const values = names.map((n) => trial.curves.get(n)?.[i]).map((v) => (v === undefined || v === GAP ? null : v));
      if (values.some((v) => v !== null)) rows.push([trial.n, epoch, ...(time ? [epoch * epochSeconds(trial)] : []), ...values]);
    });
  }
  return { head: [t("column.trial"), t("column.epoch"), ...(time ? [t("curves.seconds")] : []), ...names], rows };
}

// The trials in colour first, then all others that are drawn.
function shownTrials(): Trial[] {
  const first = [...chosen.value, ...pinned.value].map((n) => trials.get(n)).filter((x): x is Trial => !!x);
  const test = filter.value;
  return [...new Set([...first, ...all.value])].filter((x) => !test || test(x));
}

export function CurvesPanel({ height, full = false }: { height: number; full?: boolean }) {
  const m = metric.value;
  if (!m) return <Panel title={t("curves.title")}><p class="empty">{t("curves.none")}</p></Panel>;
  const o = options.value, kind = kindOf(m, o), { diverged, beyond } = astray(m);
  const objective = overview.value!.study.metric;
  const faded = Math.max(0, all.value.length - chosen.value.length);
  return (
    <Panel
      title={t("curves.title")}
      id="curves"
      table={() => curveTable(m, shownTrials())}
      controls={<Controls m={m} full={full} />}
      caption={<>
        <span class="key"><i />{m.val ?? m.train}</span>
        {m.train && m.val && !o.group && <span class="key"><i class="dashed" />{m.train}</span>}
        {m.train && m.val && !o.group && <span class="key"><i class="gap" />{t("curves.gap")}</span>}
        {!o.group && (m.val === objective || m.train === objective) && Object.keys(overview.value!.fans).some((n) => hue(Number(n))) && <span class="key"><i class="fan" />{t("curves.predicted")}</span>}
        {o.time && <span class="key">{t("curves.time_axis")}</span>}
        {o.group && <span class="key">{t("curves.groups", o.group)}</span>}
        {!o.group && <span class="key"><i class="other" />{faded > 300 ? t("curves.bands", faded) : t("curves.others", faded)}</span>}
        {kind !== "linear" && <span class="key">{t(kind === "log" ? "curves.log_scale" : "curves.near_one")}</span>}
        {overview.value!.thinned && <span class="key">{t("curves.thinned")}</span>}
      </>}
    >
      <div class="chart-frame">
        <CurveChart metric={m} height={height} options={o} label={t("curves.label", m.label)} {...(filter.value ? { filter: filter.value } : {})} />
        {diverged.length + beyond.length > 0 && !o.fit && (
          <button type="button" class={`badge ${m.direction === "max" ? "low" : ""}`} title={[...diverged, ...beyond].slice(0, 20).map((x) => `#${x.n}`).join(" ")} onClick={() => set("fit", true)}>
            {[diverged.length ? t("curves.diverged", diverged.length) : "", beyond.length ? t("curves.beyond", beyond.length) : ""].filter(Boolean).join(" · ")}
          </button>
        )}
      </div>
      {o.group ? <GroupLegend name={o.group} /> : <Legend m={m} />}
    </Panel>
  );
}

function Controls({ m, full }: { m: Metric; full: boolean }) {
  const o = options.value, metrics = overview.value!.metrics;
  return (
    <>
      {metrics.length > 1 && (
        <select id="metric" aria-label={t("curves.metric")} value={m.label} onChange={(e) => change({ metric: e.currentTarget.value, log: null })}>
          {metrics.map((x) => <option value={x.label} key={x.label}>{x.label}</option>)}
        </select>
      )}
      {canLog(m) && <Toggle on={kindOf(m, o) !== "linear"} label={t("curves.log")} title="l" act={() => toggleLog(m)} />}
      <Toggle on={o.fit} label={t("curves.fit")} title="f" act={() => set("fit", !o.fit)} />
      {full && <Toggle on={false} label={t("curves.many")} title="m" act={() => set("many", true)} />}
      {full && (
        <select aria-label={t("curves.x")} value={o.time ? "time" : ""} onChange={(e) => change({ x: e.currentTarget.value || null })}>
          <option value="">{t("curves.epochs")}</option>
          <option value="time">{t("curves.seconds")}</option>
        </select>
      )}
      {full && (
        <select aria-label={t("curves.group")} value={o.group ?? ""} onChange={(e) => change({ group: e.currentTarget.value || null })}>
          <option value="">{t("curves.no_group")}</option>
          {overview.value!.parameters.map((p) => <option value={p.name} key={p.name}>{t("curves.by", p.name)}</option>)}
        </select>
      )}
      {full && <Toggle on={o.logX} label={t("curves.log_x")} title="L" act={() => set("logx", !o.logX)} />}
      {full && <label class="slide">{t("curves.smooth")}<input type="range" min="0" max="0.95" step="0.05" value={o.smooth} onInput={(e) => change({ smooth: e.currentTarget.value === "0" ? null : e.currentTarget.value })} /></label>}
      {full && <label class="slide">{t("curves.top")}<input type="range" min="0" max="6" step="1" value={chosen.value.length} onInput={(e) => change({ top: e.currentTarget.value })} /></label>}
      {full && <input class="filter" type="search" placeholder={t("filter.hint")} aria-label={t("filter.label")} value={filterText.value} onInput={(e) => change({ filter: e.currentTarget.value })} />}
    </>
  );
}

export function toggleLog(m: Metric): void {
  const now = kindOf(m, options.value) !== "linear";
  change({ log: now === m.range.log ? (now ? "0" : "1") : null });
}

function GroupLegend({ name }: { name: string }) {
  const test = filter.value;
  return (
    <ul class="legend">
      {groupsOf(all.value.filter((x) => !test || test(x)), name).map((g) => (
        <li key={g.label} class="group"><span class="swatch" style={{ background: g.colour }} /><span class="name">{name} {g.label} · {t("curves.count", g.trials.length)}</span></li>
      ))}
    </ul>
  );
}

function Legend({ m }: { m: Metric }) {
  const first = byImportance.value[0]?.name;
  const numbers = [...new Set([...chosen.value, ...pinned.value, ...all.value.filter(isRunning).slice(0, 8).map((x) => x.n)])];
  return (
    <ul class="legend">
      {numbers.map((n) => {
        const trial = trials.get(n);
        if (!trial) return null;
        const objective = overview.value!.study.metric, last = lastOf(trial, m.val ?? m.train);
        const value = m.val === objective || m.train === objective ? trial.value : (last?.value ?? null);
        return (
          <li key={n}>
            <button type="button" class={lit.value === n ? "lit" : ""} aria-pressed={pinned.value.includes(n)} title={t("legend.pin")}
              onMouseEnter={() => { lit.value = n; }} onMouseLeave={() => { lit.value = null; }} onFocus={() => { lit.value = n; }} onBlur={() => { lit.value = null; }}
              onClick={() => pin(n)} onDblClick={() => { location.hash = link(studyName(), "trials", n); }}>
              <span class={isRunning(trial) ? "swatch ring" : "swatch"} style={{ background: hue(n) ?? tone("ink") }} />
              <span class="name">#{n} · {show(value)}{trial.full ? "" : ` · ${say(trial.proxy)}`}{first && Object.hasOwn(trial.config, first) ? ` · ${first} ${show(trial.config[first], 2)}` : ""}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
