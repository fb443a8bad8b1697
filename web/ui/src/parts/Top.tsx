// Above the fold: one sentence that says what is wrong and what to do, and four figures.

import { say, t, word } from "../language";
import { count, duration, moment, percent, show } from "../model/numbers";
import { link } from "../model/route";
import { connection } from "../model/source";
import { all, counts, failed, failures, loaded, loss, overview, rank, running, type Trial } from "../model/study";
import type { Finding } from "../model/types";
import { TrialLink, TrialLinks } from "./common";
import { dismissed } from "./dismissed";
import { isUnderWay, now, stateNow, trialState } from "./Header";

export interface Told {
  finding: Finding;
  trials: number[];
}

const WELL = "good"; // of a trial of which there is nothing to tell
const GRAVITY = { error: 0, warning: 1, info: 2 };

// All findings: those of the study, and those of trials with one code together, gravest first.
export function findings(): Told[] {
  const groups = new Map<string, Told>();
  for (const trial of all.value) {
    for (const finding of trial.findings) {
      if (finding.code === WELL) continue;
      const known = groups.get(finding.code);
      if (known) known.trials.push(trial.n);
      else groups.set(finding.code, { finding, trials: [trial.n] });
    }
  }
  const own = (overview.value?.findings ?? []).map((finding) => ({ finding, trials: [] as number[] }));
  return [...own, ...groups.values()].sort((a, b) => weight(a) - weight(b));
}

export const keyOf = (told: Told): string => (told.trials.length ? `${told.finding.code}*` : (told.finding.about ?? told.finding.code));

// What concerns the best trials or many trials comes first.
function weight(told: Told): number {
  const best = Math.min(...told.trials.map((n) => rank.value.get(n) ?? 1e6), told.trials.length ? 1e6 : 0);
  return GRAVITY[told.finding.severity] * 1e7 + best;
}

export function Diagnosis() {
  const o = overview.value!, found = findings().filter((f) => !dismissed.value.has(keyOf(f))).filter((f) => f.finding.severity !== "info" || !f.trials.length);
  const causes = failures.value;
  const many = causes[0] && causes[0].length >= Math.max(2, all.value.length * 0.2) ? causes[0] : null;
  if (many) {
    const first = many[0]!;
    return (
      <p class="diagnosis error">
        <strong>{t("diagnosis.failed", many.length, all.value.length)}</strong>{" "}
        <span class="text">{(say(first.message) || first.cause).split("\n")[0]}</span>{" "}
        <TrialLinks numbers={many.map((x) => x.n)} /> <a href={link(o.study.name, "findings")}>{t("diagnosis.all")}</a>
      </p>
    );
  }
  const main = found[0], have = all.value.length, { of } = loaded.value;
  if (!main && have < of) return <p class="diagnosis fine">{t("connection.loading", have, of)}</p>;
  if (!main) return <p class="diagnosis fine">{t(all.value.length === 1 ? "diagnosis.none_one" : "diagnosis.none", count(all.value.length))}</p>;
  return (
    <p class={`diagnosis ${main.finding.severity}`}>
      <strong>{t("diagnosis.title")}</strong> <span class="text">{say(main.finding.message)}</span>{" "}
      {main.trials.length > 0 && <TrialLinks numbers={main.trials} />}{" "}
      {found.length > 1 && <a href={link(o.study.name, "findings")}>{t("diagnosis.more", found.length - 1)}</a>}
    </p>
  );
}

const RECENT = 20; // trials over which the change of the best is told

function gainLately(): number | null {
  const metric = all.value.filter((x) => x.value !== null && x.state !== "failed" && x.full);
  const before = metric.slice(0, -RECENT);
  if (before.length < 1 || metric.length <= RECENT) return null;
  const best = (list: Trial[]) => Math.min(...list.map((x) => loss(x.value!)));
  return best(metric) - best(before);
}

export function Figures() {
  const o = overview.value!, c = counts.value;
  const best = o.result, gain = gainLately();
  const sign = gain !== null && gain < 0 ? (o.study.direction === "max" ? "▲" : "▼") : "";
  const states = (["finished", "stopped", "paused", "running", "lost", "failed"] as const).filter((s) => c[s]).map((s) => `${count(c[s]!)} ${word("state", trialState(s))}`);
  return (
    <div class="figures">
      <Figure label={t("figure.best", o.study.metric)} value={best ? best.spread || best.value : "–"}
        note={best ? <><TrialLink n={best.number} words={` · ${t("figure.at", best.epoch)}`} />{best.proxy && <span class="text"> · {say(best.proxy)}</span>}{sign && <span class="good"> {sign} {show(Math.abs(gain!), 2)} {t("figure.lately", RECENT)}</span>}</> : t("figure.none")} />
      <Figure label={t("figure.trials")} value={count(Math.max(all.value.length, loaded.value.of))} note={states.join(" · ") || t("figure.none")} />
      <TimeFigure />
      <Workers />
    </div>
  );
}

function TimeFigure() {
  const { progress, study } = overview.value!;
  const live = stateNow() === "running" || stateNow() === "stale";
  const ran = progress.seconds + (live && connection.value !== "file" ? Math.max(0, now() - study.last_at) : 0);
  const b = progress.budget;
  const spent = [
    b.trainings !== null ? t("figure.trainings_of", show(progress.trainings, 3), show(b.trainings)) : t("figure.trainings", show(progress.trainings, 3)),
    ...(b.trials !== null ? [t("figure.trials_of", all.value.length, b.trials)] : []),
    ...(b.seconds !== null ? [t("figure.time_of", duration(ran), duration(b.seconds))] : []),
  ].join(" · ");
  if (live && progress.left !== null) {
    return <Figure label={t("figure.left")} value={`≈ ${duration(progress.left)}`} note={spent} share={progress.share} />;
  }
  return <Figure label={t("figure.time")} value={duration(ran)} note={spent} share={progress.share} />;
}

function Workers() {
  const { progress, study } = overview.value!;
  const busy = running.value.filter((x) => x.state === "running").length;
  if (!isUnderWay()) {
    const cause = failures.value[0]?.[0];
    return <Figure label={t("figure.failures")} value={count(failed.value.length)} note={cause ? <span class="text">{(say(cause.message) || cause.cause).split("\n")[0]}</span> : t("figure.none_failed")} />;
  }
  return <Figure label={t("figure.workers")} value={`${busy} / ${progress.workers}`} note={connection.value === "file" ? moment(study.last_at) : t("figure.last", duration(Math.max(0, now() - study.last_at)))} />;
}

function Figure({ label, value, note, share }: { label: string; value: string; note: preact.ComponentChildren; share?: number | null }) {
  return (
    <div class="card figure">
      <div class="label"><span class="text">{label}</span></div>
      <div class="value">{value}</div>
      <div class="note" title={typeof note === "string" ? note : undefined}>{note}</div>
      {share !== undefined && share !== null && <progress max={1} value={share} aria-label={percent(share)} />}
    </div>
  );
}
