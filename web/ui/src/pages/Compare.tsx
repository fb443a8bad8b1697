// Two to eight trials side by side: their curves on one chart, and where their configs differ.

import { say, t } from "../language";
import { show } from "../model/numbers";
import { overview, rank, trials, type Trial } from "../model/study";
import { CurveChart } from "../charts/CurveChart";
import { hue, tone } from "../charts/look";
import { StateMark, TrialLink } from "../parts/common";
import { curveTable } from "../parts/CurvesPanel";
import { Panel } from "../parts/Panel";
import { metric, options } from "../parts/view";

export function Compare({ numbers }: { numbers: number[] }) {
  const list = numbers.map((n) => trials.get(n)).filter((x): x is Trial => !!x);
  const m = metric.value, o = overview.value!;
  const names = [...new Set(list.flatMap((x) => Object.keys(x.config)))];
  const differs = (name: string) => new Set(list.map((x) => JSON.stringify(x.config[name] ?? null))).size > 1;
  const rows: [string, (x: Trial) => preact.ComponentChildren, boolean][] = [
    [t("column.state"), (x) => <StateMark state={x.state} />, false],
    [t("column.rank"), (x) => rank.value.get(x.n) ?? "–", false],
    [o.study.metric, (x) => show(x.value), true],
    [t("column.epoch"), (x) => `${x.epoch}/${x.until}`, false],
    [t("trial.seconds"), (x) => (x.epoch && x.seconds ? show(x.seconds / x.epoch, 3) : "–"), false],
    ...names.filter(differs).map((name): [string, (x: Trial) => preact.ComponentChildren, boolean] => [name, (x) => show(x.config[name]), true]),
    [t("column.why"), (x) => say(x.message) || say(x.why), false],
  ];
  const same = names.filter((n) => !differs(n));
  const title = t("compare.label", numbers.map((n) => `#${n}`).join(", "));
  return (
    <Panel title={title} table={() => (m ? curveTable(m, list) : { head: [], rows: [] })}
      caption={m && <><span class="key"><i />{m.val ?? m.train}</span>{m.train && m.val && <span class="key"><i class="dashed" />{m.train}</span>}</>}>
      {m && <CurveChart metric={m} height={340} only={list} options={options.value} label={title} />}
      <div class="scroll" tabIndex={0} role="group" aria-label={t("compare.values")}>
        <table class="compare">
          <thead><tr><td />{list.map((x) => <th scope="col" key={x.n}>{!hue(x.n) && <i class="mark" style={{ background: tone("ink") }} />}<TrialLink n={x.n} /></th>)}</tr></thead>
          <tbody>{rows.map(([name, value, strong]) => <tr key={name}><th scope="row"><span class="text">{name}</span></th>{list.map((x) => <td key={x.n} class={strong ? "changed" : ""}><span class="text">{value(x)}</span></td>)}</tr>)}</tbody>
        </table>
      </div>
      {same.length > 0 && <p class="caption">{t("compare.same")} {same.map((n) => `${n} ${show(list[0]!.config[n])}`).join(" · ")}</p>}
    </Panel>
  );
}
