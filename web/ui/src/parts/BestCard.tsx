// The best config to take away: as a command, as TOML, as Python; what it gained, and how sure that is.

import { useSignal } from "@preact/signals";
import { say, t } from "../language";
import { canAct } from "../model/source";
import { overview, trials } from "../model/study";
import { ask } from "./Ask";
import { Copy, TrialLink } from "./common";
import { Panel } from "./Panel";
import { stateNow } from "./Header";

const ENDED = ["done", "stopped", "interrupted", "failed", "hopeless"];

export function BestCard() {
  const o = overview.value!, r = o.result;
  const picked = useSignal<string | null>(null);
  if (!r) return <Panel title={t("best.title")}><p class="empty">{t("figure.none")}</p></Panel>;
  const forms = ["Command", "TOML", "Python"].map((l) => r.copies.find((c) => c.label === l)).filter((c) => !!c);
  const form = forms.find((c) => c.label === picked.value) ?? forms[0];
  const ended = ENDED.includes(stateNow());
  return (
    <Panel title={ended ? t("best.result") : t("best.title")} id="best"
      table={() => ({ head: [t("column.parameter"), t("best.value"), t("best.default")], rows: r.rows })}>
      <div class="big">{o.study.metric} {r.spread || r.value}</div>
      <p class="gain"><TrialLink n={r.number} /> · {t("best.epoch", r.epoch, r.length)}{r.proxy ? ` · ${say(r.proxy)}` : ""}{t("mark.stop")}<span class="text">{say(r.gain)}</span>{r.seeds.length ? ` ${t("best.seeds", r.seeds.length, r.seeds.join(", "))}` : ""}</p>
      {ended && o.study.ended && <p class="soft">{t("best.ended", say(o.study.ended))}</p>}
      <table class="config">
        <thead><tr><th scope="col">{t("column.parameter")}</th><th scope="col" class="number">{t("best.value")}</th><th scope="col" class="number">{t("best.default")}</th></tr></thead>
        <tbody>{r.rows.map(([name, value, usual]) => <tr key={name} class={value === usual ? "" : "changed"}><td><span class="text">{name}</span></td><td class="number"><span class="text">{value}</span></td><td class="number soft"><span class="text">{usual}</span></td></tr>)}</tbody>
      </table>
      {form && (
        <>
          <div class="copies" role="group" aria-label={t("best.copy")}>
            {forms.map((c) => <button type="button" key={c.label} aria-pressed={c.label === form.label} onClick={() => { picked.value = c.label; }}>{c.label === "Command" ? t("best.command") : c.label}</button>)}
            <span class="grow" />
            <Copy text={form.text} label={t("copy.copy")} />
            {canAct() && <button type="button" onClick={() => ask("enqueue", undefined, trials.get(r.number)?.config)}>{t("best.vary")}</button>}
          </div>
          <pre class="snippet" tabIndex={0}>{form.text}</pre>
        </>
      )}
    </Panel>
  );
}
