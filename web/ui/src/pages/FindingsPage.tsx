// Everything that was found: how grave, on what evidence, what to do; and failures by their cause.

import { useSignal } from "@preact/signals";
import { say, t, word } from "../language";
import { percent } from "../model/numbers";
import { failures } from "../model/study";
import { Empty, Toggle, TrialLinks } from "../parts/common";
import { Panel } from "../parts/Panel";
import { dismiss, dismissed } from "../parts/dismissed";
import { findings, keyOf, type Told } from "../parts/Top";
import { Failures } from "./Overview";

function List({ found }: { found: Told[] }) {
  return (
    <ul class="findings">
      {found.map((f) => {
        const key = keyOf(f), gone = dismissed.value.has(key);
        return (
          <li key={key} class={f.finding.severity}>
            <p class="title">
              <strong>{word("severity", f.finding.severity)} · {word("code", f.finding.code)}</strong>
              {f.finding.confidence !== undefined && f.finding.confidence < 1 ? <span class="soft"> {percent(f.finding.confidence)}</span> : null}
              <button type="button" class="quiet" onClick={() => dismiss(key, !gone)}>{t(gone ? "findings.restore" : "findings.dismiss")}</button>
            </p>
            <p class="text">{say(f.finding.message)}</p>
            {f.trials.length > 0 && <p>{t("findings.trials", f.trials.length)} <TrialLinks numbers={f.trials} /></p>}
          </li>
        );
      })}
    </ul>
  );
}

export function FindingsPage() {
  const only = useSignal<string | null>(null);
  const found = findings();
  const shown = found.filter((f) => only.value === null || f.finding.severity === only.value);
  const aside = (f: Told) => dismissed.value.has(keyOf(f)), gone = shown.filter(aside);
  const kinds = ["error", "warning", "info"].filter((s) => found.some((f) => f.finding.severity === s));
  return (
    <>
      <Panel title={t("findings.title", found.length)} long
        table={() => ({ head: [t("findings.severity"), t("logbook.code"), t("column.message"), t("column.trials")], rows: found.map((f) => [word("severity", f.finding.severity), word("code", f.finding.code), say(f.finding.message), f.trials.join(" ")]) })}
        controls={kinds.length > 1 && kinds.map((s) => <Toggle key={s} on={only.value === s} label={word("severity", s)} act={() => { only.value = only.value === s ? null : s; }} />)}>
        {!found.length && <Empty>{t("findings.none")}</Empty>}
        <List found={shown.filter((f) => !aside(f))} />
        {gone.length > 0 && <details><summary>{t("findings.dismissed", gone.length)}</summary><List found={gone} /></details>}
      </Panel>
      {failures.value.length > 0 && <Failures />}
    </>
  );
}
