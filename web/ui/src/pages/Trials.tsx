// All trials in a table of which only the rows in sight exist; a filter, a choice of columns, a comparison.

import { useEffect, useRef } from "preact/hooks";
import { signal, useSignal } from "@preact/signals";
import { say, t } from "../language";
import { count, show } from "../model/numbers";
import { asked, change, go, link } from "../model/route";
import { all, loss, overview, rank, trials, type Trial } from "../model/study";
import type { Parameter } from "../model/types";
import { interval } from "../charts/describe";
import { hue, lit } from "../charts/look";
import { Empty, StateMark, studyName } from "../parts/common";
import { save } from "../model/source";
import { csv } from "../parts/Panel";
import { compiled, filter, filterText } from "../parts/view";
import { field } from "../model/filter";
import { Compare } from "./Compare";

const ROW = 31, EXTRA = 12;
export const cursor = signal<number | null>(null); // the row that the keyboard is at

interface Column {
  key: string;
  words: string;
  numeric: boolean;
  rare?: boolean; // shown when asked for
}

const isNumeric = (p: Parameter | undefined): boolean => p?.kind !== "choice" || p.choices!.every((c) => c !== "" && Number.isFinite(Number(c)));

function columns(): Column[] {
  const o = overview.value!;
  const fixed: Column[] = [
    { key: "n", words: "#", numeric: true },
    { key: "rank", words: t("column.rank"), numeric: true },
    { key: "state", words: t("column.state"), numeric: false },
    { key: "value", words: o.study.metric, numeric: true },
    { key: "epoch", words: t("column.epoch"), numeric: true },
  ];
  if (Object.keys(o.fans).length) fixed.push({ key: "predicted", words: t("column.predicted"), numeric: true });
  const pair = o.metrics[0]?.train;
  if (pair) fixed.push({ key: pair, words: pair, numeric: true });
  if (o.stages.length) fixed.push({ key: "stage", words: t("column.stage"), numeric: false });
  if (all.value.some((x) => !x.full)) fixed.push({ key: "data", words: t("column.data"), numeric: false });
  const parameters = o.names.map((name) => ({ key: name, words: name, numeric: isNumeric(o.parameters.find((p) => p.name === name)) }));
  const metrics = [...new Set(o.metrics.flatMap((m) => [m.val, m.train]))].filter((n): n is string => n !== null && n !== pair && n !== o.study.metric);
  const facts: [string, string][] = [["seconds", t("column.seconds")], ["seed", t("column.seed")], ["attempt", t("column.attempt")]];
  const watched = [...(o.further?.objectives ?? []), ...(o.further?.constraints ?? [])].map(([name]) => name);
  const more = [...metrics.map((name) => [name, name] as const), ...facts].map(([key, words]) => ({ key, words, numeric: true, rare: !watched.includes(key) }));
  if (o.further?.pareto.length) fixed.push({ key: "pareto", words: t("column.pareto"), numeric: false });
  return [...fixed, ...parameters, ...more, { key: "why", words: t("column.why"), numeric: false }];
}

// Columns are as usual but for those that the address names.
const switched = (): string[] => (asked("cols") ?? "").split(",").filter(Boolean).map(decodeURIComponent);
const shownColumns = (all: Column[]): Column[] => all.filter((c) => !!c.rare === switched().includes(c.key));

function switchColumn(key: string): void {
  const now = switched();
  const next = now.includes(key) ? now.filter((k) => k !== key) : [...now, key];
  change({ cols: next.map(encodeURIComponent).join(",") || null });
}

function ColumnMenu({ all, shown }: { all: Column[]; shown: Column[] }) {
  return (
    <details class="menu">
      <summary>{t("trials.columns")}</summary>
      <div class="choices">
        {all.filter((c) => c.key !== "n").map((c) => (
          <label key={c.key}><input type="checkbox" checked={shown.includes(c)} onChange={() => switchColumn(c.key)} /> <span class="text">{c.words}</span></label>
        ))}
      </div>
    </details>
  );
}

function valueOf(x: Trial, key: string): unknown {
  if (key === "rank") return rank.value.get(x.n) ?? null;
  if (key === "why") return say(x.message) || say(x.why);
  if (key === "predicted") return overview.value!.fans[x.n]?.at(-1)?.[2] ?? null;
  if (key === "state") return x.state;
  if (key === "pareto") return overview.value!.further!.pareto.includes(x.n) ? t("pareto.in") : "";
  if (key === "data") return say(x.proxy);
  return field(x, key);
}

export const picked = (): number[] => (asked("compare") ?? "").split(",").map(Number).filter((n) => trials.has(n));

export function pick(n: number): void {
  const now = picked();
  const next = now.includes(n) ? now.filter((k) => k !== n) : [...now, n].slice(-8);
  change({ compare: next.join(",") || null });
}

export function sorted(): Trial[] {
  const key = asked("sort") ?? "rank", down = asked("down") === "1";
  const test = filter.value;
  const list = all.value.filter((x) => !test || test(x));
  const order = (x: Trial): unknown => {
    const v = valueOf(x, key);
    return (key === "value" || key === "predicted") && typeof v === "number" ? loss(v) : v;
  };
  return list
    .map((x) => [order(x), x] as const)
    .sort(([a, x], [b, y]) => {
      if (a === null || a === "" || b === null || b === "") return Number(a === null || a === "") - Number(b === null || b === "") || x.n - y.n;
      const d = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      return (down ? -d : d) || x.n - y.n;
    })
    .map(([, x]) => x);
}

export function Trials() {
  const list = sorted(), every = columns(), cols = shownColumns(every), chosen = picked();
  const comparing = asked("view") === "compare" && chosen.length > 1;
  const file = () => save(new Blob([csv({ head: cols.map((c) => c.key), rows: list.map((x) => cols.map((c) => valueOf(x, c.key))) })], { type: "text/csv" }), `${studyName()}-trials.csv`);
  return (
    <>
    <section class="card long">
      <div class="head">
        <h2>{t("page.trials")}</h2>
        <span class="soft" role="status">{t("trials.shown", count(list.length), count(all.value.length))}</span>
        <input id="filter" class="filter" type="search" placeholder={t("filter.hint")} aria-label={t("filter.label")} value={filterText.value} onInput={(e) => change({ filter: e.currentTarget.value })} />
        <button type="button" disabled={chosen.length < 2} aria-pressed={comparing} onClick={() => change({ view: comparing ? null : "compare" })}>{t("trials.compare", chosen.length)}</button>
        <ColumnMenu all={every} shown={cols} />
        <button type="button" onClick={file}>CSV</button>
      </div>
      {compiled.value.error && <p class="problem" role="alert">{t("filter.problem", compiled.value.error)}</p>}
      {!comparing && (list.length ? <Rows list={list} cols={cols} chosen={chosen} /> : <Empty>{t(all.value.length ? "trials.none" : "trials.empty")}</Empty>)}
    </section>
    {comparing && <Compare numbers={chosen} />}
    </>
  );
}

function Rows({ list, cols, chosen }: { list: Trial[]; cols: Column[]; chosen: number[] }) {
  const node = useRef<HTMLDivElement>(null);
  const top = useSignal(0), high = useSignal(600);
  useEffect(() => {
    const fit = () => { high.value = Math.max(240, innerHeight - 190); };
    fit();
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, []);
  useEffect(() => {
    const i = list.findIndex((x) => x.n === cursor.value);
    const box = node.current;
    if (i < 0 || !box) return;
    if (i * ROW < box.scrollTop) box.scrollTop = i * ROW;
    if ((i + 2) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (i + 2) * ROW - box.clientHeight;
  }, [cursor.value]);
  const first = Math.max(0, Math.floor(top.value / ROW) - EXTRA);
  const shown = list.slice(first, first + Math.ceil(high.value / ROW) + 2 * EXTRA);
  const key = asked("sort") ?? "rank", down = asked("down") === "1";
  const sortBy = (k: string) => change(k === key ? { down: down ? null : "1" } : { sort: k, down: null });
  return (
    <div class="scroll virtual" ref={node} tabIndex={0} role="group" aria-label={t("page.trials")} style={{ maxHeight: `${high.value}px` }} onScroll={(e) => { top.value = e.currentTarget.scrollTop; }}>
      <table class="trials" aria-rowcount={list.length + 1}>
        <thead><tr>
          <th scope="col"><span class="unseen">{t("trials.pick")}</span></th>
          {cols.map((c) => (
            <th scope="col" key={c.key} class={c.numeric ? "number" : ""} aria-sort={c.key === key ? (down ? "descending" : "ascending") : undefined}>
              <button type="button" onClick={() => sortBy(c.key)}><span class="text">{c.words}</span>{c.key === key ? (down ? " ↓" : " ↑") : ""}</button>
            </th>
          ))}
        </tr></thead>
        <tbody>
          {first > 0 && <tr class="space" aria-hidden="true"><td colSpan={cols.length + 1} style={{ height: `${first * ROW}px` }} /></tr>}
          {shown.map((x, i) => (
            <tr key={x.n} aria-rowindex={first + i + 2} class={`trial ${lit.value === x.n || cursor.value === x.n ? "lit" : ""}`}
              onMouseEnter={() => { lit.value = x.n; }} onMouseLeave={() => { lit.value = null; }}
              onClick={(e) => { if (!(e.target as Element).closest("input,a")) go(link(studyName(), "trials", x.n)); }}>
              <td><input type="checkbox" aria-label={t("trials.pick_one", x.n)} checked={chosen.includes(x.n)} onChange={() => pick(x.n)} /></td>
              {cols.map((c) => <td key={c.key} class={`${c.numeric ? "number" : ""} ${c.key === "why" ? "why" : ""}`}>{cellOf(x, c)}</td>)}
            </tr>
          ))}
          {first + shown.length < list.length && <tr class="space" aria-hidden="true"><td colSpan={cols.length + 1} style={{ height: `${(list.length - first - shown.length) * ROW}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

function cellOf(x: Trial, c: Column) {
  if (c.key === "n") return <a href={link(studyName(), "trials", x.n)}>{hue(x.n) && <i class="mark" style={{ background: hue(x.n)! }} />}{x.n}</a>;
  if (c.key === "state") return <StateMark state={x.state} />;
  if (c.key === "epoch") return `${x.epoch}/${x.until}`;
  const fan = c.key === "predicted" ? overview.value!.fans[x.n]?.at(-1) : undefined;
  if (fan) return interval(fan);
  const v = valueOf(x, c.key);
  const words = v === null && c.key !== "value" ? "" : show(v);
  return <span class="text" title={words.length > 24 ? words : undefined}>{words}</span>;
}
