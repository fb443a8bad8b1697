// The best trials, one small chart each with shared axes: the gap of each is seen at a glance.

import { t } from "../language";
import { show } from "../model/numbers";
import { go, link } from "../model/route";
import { all, byImportance, ranked, type Trial } from "../model/study";
import { CurveChart } from "../charts/CurveChart";
import { curveTable } from "./CurvesPanel";
import { studyName, TrialLink } from "./common";
import { Panel } from "./Panel";
import { filter, metric, options } from "./view";

export function differing(count: number): Trial[] {
  const seen = new Set<string>(), found: Trial[] = [];
  const test = filter.value;
  for (const trial of ranked.value) {
    const sign = JSON.stringify(trial.config);
    if (seen.has(sign) || (test && !test(trial))) continue;
    seen.add(sign);
    found.push(trial);
    if (found.length === count) break;
  }
  return found;
}

export function Multiples({ count, height = 130 }: { count: number; height?: number }) {
  const m = metric.value, shown = differing(count);
  if (!m || shown.length < 2) return null;
  const last = Math.max(...all.value.map((x) => x.epochs.at(-1) ?? 1), 2);
  const names = byImportance.value.slice(0, 2).map((p) => p.name);
  return (
    <Panel title={t("multiples.title", shown.length)} table={() => curveTable(m, shown)}
      caption={<><span class="key train"><i class="dashed" />{m.train}</span><span class="key val"><i />{m.val}</span></>}>
      <div class="multiples">
        {shown.map((trial) => (
          <div key={trial.n}>
            <h3><TrialLink n={trial.n} /> <span class="soft">{show(trial.value)}{names.filter((n) => Object.hasOwn(trial.config, n)).map((n) => ` · ${n} ${show(trial.config[n], 2)}`)}</span></h3>
            <CurveChart metric={m} height={height} only={[trial]} split small options={options.value} lastEpoch={last} label={t("multiples.label", trial.n)} onPick={(n) => go(link(studyName(), "trials", n))} />
          </div>
        ))}
      </div>
    </Panel>
  );
}
