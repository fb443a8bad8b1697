// What the study comes to so far: what to use, how sure that is, what to try next.

import { say, t } from "../language";
import { overview } from "../model/study";
import { Panel } from "./Panel";

export function VerdictPanel() {
  const v = overview.value!.why?.verdict;
  if (!v) return null;
  return (
    <Panel title={t("verdict.title")} id="verdict" long>
      <p class="use text">{say(v.use)}</p>
      {v.sure.map(say).map((line) => <p class="text" key={line}>{line}</p>)}
      {v.next.length > 0 && (
        <>
          <h3>{t("verdict.next")}</h3>
          <ol class="next">{v.next.map(say).map((line) => <li class="text" key={line}>{line}</li>)}</ol>
        </>
      )}
    </Panel>
  );
}
