// What is read in the first five seconds, and below it what one looks at next.

import { say, t } from "../language";
import { all, failures, overview } from "../model/study";
import { BestCard } from "../parts/BestCard";
import { Copy, Empty, TrialLinks } from "../parts/common";
import { CurvesPanel } from "../parts/CurvesPanel";
import { HistoryPanel } from "../parts/History";
import { ImportancePanel } from "../parts/Importance";
import { Multiples } from "../parts/Multiples";
import { Panel } from "../parts/Panel";
import { ParetoPanel } from "../parts/Pareto";
import { RunningTrials } from "../parts/Running";
import { stateNow } from "../parts/Header";
import { Diagnosis, Figures } from "../parts/Top";
import { VerdictPanel } from "../parts/Verdict";

export const ENDED = ["done", "stopped", "failed", "interrupted", "hopeless", "killed", "not begun"];

export function Overview() {
  const o = overview.value!;
  if (!all.value.length && (o.count ?? 0) === 0) return <EmptyStudy />;
  const ended = ENDED.includes(stateNow());
  const aside = ended && !!o.result; // beside the verdict; without any result, why is all that matters
  const failed = failures.value.length > 0 && <Failures />;
  return (
    <>
      <Diagnosis />
      <Figures />
      <div class="pair">
        <div class="rows">
          <CurvesPanel height={380} />
          {ended && <VerdictPanel />}
          {!aside && failed}
        </div>
        <div class="rows">
          {!ended && <RunningTrials />}
          <BestCard />
          {aside && failed}
        </div>
      </div>
      <div class="halves">
        <HistoryPanel height={260} />
        <ImportancePanel />
      </div>
      <ParetoPanel height={300} />
      <Multiples count={8} />
    </>
  );
}

export function Failures() {
  const nothing = !all.value.some((x) => x.value !== null); // then why is all that matters
  const total = failures.value.reduce((sum, g) => sum + g.length, 0);
  return (
    <Panel title={t("failures.title", total)} id="failures" table={() => ({ head: [t("column.trial"), t("column.cause"), t("column.message")], rows: failures.value.flat().map((x) => [x.n, x.cause, say(x.message)]) })}>
      <ul class="failures">
        {failures.value.map((group) => {
          const first = group[0]!;
          return (
            <li key={first.n}>
              <strong>{t(group.length === 1 ? "failures.one" : "failures.count", group.length)}</strong> <span class="text">{(say(first.message) || first.cause).split("\n")[0]}</span> <TrialLinks numbers={group.map((x) => x.n)} />
              {first.log && <details open={nothing}><summary>{t("trial.log")}</summary><pre class="snippet" tabIndex={0}>{first.log}</pre></details>}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function EmptyStudy() {
  const o = overview.value!;
  const command = "danlu run study.toml";
  return (
    <section class="card">
      <Empty>
        <p>{t("empty.title", o.names.length)}</p>
        <p class="soft">{o.study.alive ? t("empty.starting") : t("empty.begin")}</p>
        {!o.study.alive && <><pre class="snippet">{command}</pre><Copy text={command} label={t("copy.copy")} /></>}
      </Empty>
    </section>
  );
}
