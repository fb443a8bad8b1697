// Everything that was found: how grave, on what evidence, what to do; and failures by their cause.

import { useSignal } from "@preact/signals";
import { say, t, word } from "../language";
import { percent } from "../model/numbers";
import { failures } from "../model/study";
import { Empty, Toggle, TrialLinks } from "../parts/common";
import { Panel } from "../parts/Panel";
import { findings } from "../parts/Top";
import { Failures } from "./Overview";

export function FindingsPage() {
  const only = useSignal<string | null>(null);
  const found = findings(), shown = found.filter((f) => only.value === null || f.finding.severity === only.value);
  const kinds = ["error", "warning", "info"].filter((s) => found.some((f) => f.finding.severity === s));
  return (
    <>
      <Panel title={t("findings.title", found.length)} long
        table={() => ({ head: [t("findings.severity"), t("logbook.code"), t("column.message"), t("column.trials")], rows: found.map((f) => [f.finding.severity, f.finding.code, say(f.finding.message), f.trials.join(" ")]) })}
        controls={kinds.length > 1 && kinds.map((s) => <Toggle key={s} on={only.value === s} label={word("severity", s)} act={() => { only.value = only.value === s ? null : s; }} />)}>
        {!found.length && <Empty>{t("findings.none")}</Empty>}
        <ul class="findings">
          {shown.map((f, i) => (
            <li key={i} class={f.finding.severity}>
              <p><strong>{word("severity", f.finding.severity)} · {word("code", f.finding.code)}</strong>{f.finding.confidence !== undefined && f.finding.confidence < 1 ? <span class="soft"> {percent(f.finding.confidence)}</span> : null}</p>
              <p class="text">{say(f.finding.message)}</p>
              {f.trials.length > 0 && <p>{t("findings.trials", f.trials.length)} <TrialLinks numbers={f.trials} /></p>}
            </li>
          ))}
        </ul>
      </Panel>
      {failures.value.length > 0 && <Failures />}
    </>
  );
}
