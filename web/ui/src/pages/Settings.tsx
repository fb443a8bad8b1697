// What the study was set out to do, as it was read.

import { say, t } from "../language";
import { show } from "../model/numbers";
import { list } from "../model/source";
import { overview } from "../model/study";
import { Copy } from "../parts/common";
import { Panel } from "../parts/Panel";

const isEmpty = (v: unknown): boolean => typeof v === "object" && v !== null && !Object.keys(v).length;

// Values as one writes them down: lists with commas, tables as "name = value".
function plain(v: unknown): string {
  if (Array.isArray(v)) return v.map(plain).join(", ");
  if (typeof v === "object" && v !== null) return Object.entries(v).map(([k, w]) => `${k} = ${plain(w)}`).join("; ");
  return show(v, 6);
}

export function Settings() {
  const o = overview.value!, s = o.settings;
  const { space, command, budget: _, ...rest } = s as Record<string, unknown> & { command?: string[] };
  const b = o.progress.budget;
  const budget = [b.trainings !== null ? `${show(b.trainings)}x` : "", b.trials !== null ? `${b.trials} trials` : "", b.seconds !== null ? `${show(b.seconds)} s` : ""].filter(Boolean).join(", ");
  const run = say(o.study.holder ?? o.study.process);
  const rows: [string, string][] = [
    ...Object.entries(rest).filter(([, v]) => !isEmpty(v)).map(([k, v]): [string, string] => [k, plain(v)]),
    ["budget", budget || t("settings.no_limit")],
    ...(command?.length ? [["command", command.join(" ")] as [string, string]] : []),
    ["workers", String(o.progress.workers)],
    ...(run ? [["process", run] as [string, string]] : []),
    ...(list.value ? [["store", list.value.store], ["danlu", list.value.version]] as [string, string][] : []),
  ];
  const parameters = Object.entries((space ?? {}) as Record<string, Record<string, unknown>>);
  const heads = [...new Set(parameters.flatMap(([, p]) => Object.keys(p)))];
  const text = JSON.stringify(s, null, 1);
  return (
    <>
      <Panel title={t("settings.title")} table={() => ({ head: [t("settings.key"), t("best.value")], rows })}>
        <dl class="facts">{rows.map(([k, v]) => <><dt>{k}</dt><dd class="text">{v}</dd></>)}</dl>
        <div class="copies"><Copy text={text} label={t("copy.as", "JSON")} /></div>
      </Panel>
      <Panel title={t("settings.space")} table={() => ({ head: [t("column.parameter"), ...heads], rows: parameters.map(([n, p]) => [n, ...heads.map((h) => (p[h] === undefined ? null : typeof p[h] === "object" ? plain(p[h]) : p[h]))]) })}>
        <div class="scroll" tabIndex={0} role="group" aria-label={t("settings.space")}><table class="wide space">
          <thead><tr><th scope="col">{t("column.parameter")}</th>{heads.map((h) => <th scope="col" key={h}>{h}</th>)}</tr></thead>
          <tbody>{parameters.map(([name, p]) => <tr key={name}><td><span class="text">{name}</span></td>{heads.map((h) => <td key={h} class={h}><span class="text">{p[h] === undefined ? "" : h === "limits" && Array.isArray(p[h]) ? (p[h] as unknown[]).map((v) => show(v, 6)).join(" … ") : plain(p[h])}</span></td>)}</tr>)}</tbody>
        </table></div>
      </Panel>
    </>
  );
}
