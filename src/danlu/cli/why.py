"""``danlu why``: what a study did and why, and what it comes to; or the story of one trial."""

import click

from danlu.cli.options import find, opened, said, store_option, study_argument
from danlu.cli.screen import SEVERITIES, STATES, clean, config_text, console, grid
from danlu.cli.show import describe
from danlu.core.decision import on_part, part
from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.errors import StudyError
from danlu.reporting.logbook import Step, stages, steps, told
from danlu.reporting.text import counted_trials, format_duration, format_number, format_value
from danlu.reporting.verdict import gravest, verdict_of


@click.command()
@study_argument
@click.argument("trial", type=int, required=False)
@store_option
def command(name: str | None, trial: int | None, where: str) -> None:
    """Say why: a study's stages, log-book and findings, or one trial's decisions.

    \b
    danlu why digits        what was done, what was found, what to use, what to try next
    danlu why digits 12     why trial 12 was trained so long, and what came of it
    """  # noqa: D301 - click wants the backspace itself
    history, trial = _asked(where, name, trial)
    if trial is None:
        _study(history)
        return
    found = history.trials.get(trial)
    if found is None:
        raise StudyError(say(
            "there is no trial {trial} in '{name}': it has {count}.",
            trial=trial, name=history.spec.name, count=counted_trials(len(history.trials)),
        ))  # fmt: skip
    _trial(history, found)


def _asked(where: str, name: str | None, trial: int | None) -> tuple[History, int | None]:
    """The study, and the trial if one is meant; `danlu why 12` is of the newest study."""
    with opened(where) as store:
        alone = name if trial is None and name not in store.studies() else None
        if alone is not None and alone.isdecimal():
            name, trial = None, int(alone)
        return store.load(find(store, name)), trial


def _study(history: History) -> None:
    click.echo(said(describe(history.spec)))
    if not history.trials:
        click.echo(said(say("Nothing has been trained yet.")))
        return
    _verdict(history)
    _stages(history)
    _logbook(history)
    _findings(gravest(history.findings))


def _verdict(history: History) -> None:
    verdict = verdict_of(history)
    _head(say("Verdict so far") if history.active else say("Verdict"))
    for sentence in (verdict.use, *verdict.sure):
        click.echo(f"  {said(sentence)}")
    if verdict.trial is not None:
        config = history.trials[verdict.trial].config
        text = config_text(config, history.spec.space)
        click.echo(said(say("  Its config: {config}", config=text)))
    if verdict.next:
        _head(say("What to try next"))
    for i, sentence in enumerate(verdict.next, start=1):
        click.echo(f"  {i}. {said(sentence)}")


def _stages(history: History) -> None:
    rows = stages(history)
    if not rows:
        return
    _head(say("Stages"))
    titles = (say("stage"), say("trials"), say("trainings"), say("what it did"))
    stage, trials, trainings, done = map(said, titles)
    table = grid(f"  {stage}", f">{trials}", f">{trainings}", done)
    for s in rows:
        table.add_row(f"  {clean(s.name)}", str(s.trials), format_number(s.trainings, 3),
                      said(s.done))  # fmt: skip
    console().print(table)


def _logbook(history: History) -> None:
    if not history.logbook:
        return
    _head(say("Log-book"))
    for entry in history.logbook:
        stage = f"[{entry.stage}] " if entry.stage else ""
        click.echo(f"  {clean(stage)}{said(told(entry))}")


def _head(title: str) -> None:
    click.echo(f"\n{said(title)}")


def _findings(findings: list[Finding]) -> None:
    if findings:
        _head(say("Findings that hold"))
    for finding in findings:
        click.echo(f"  {said(_finding(finding))}")


def _finding(finding: Finding) -> str:
    return say(
        "{severity} ({confidence:.0%} sure): {message}",
        severity=SEVERITIES[finding.severity], confidence=finding.confidence,
        message=finding.message,
    )  # fmt: skip


def _elsewhere(history: History, trial: TrialRecord) -> None:
    """The trials of its config on more or less data."""
    for other in history.trials.values():
        if other.config == trial.config and other.proxy != trial.proxy:
            click.echo(said(say(
                "  The same config on {part}: #{number}, {metric} {value}",
                part=part(other.proxy), number=other.number, metric=history.objective.metric,
                value="–" if other.value is None else format_value(other.value),
            )))  # fmt: skip


def _trial(history: History, trial: TrialRecord) -> None:
    metric = history.objective.metric
    stage = say(", {stage}", stage=trial.stage) if trial.stage else ""
    click.echo(said(say(
        "Trial {number} of {study}: {state}{stage}{on}",
        number=trial.number, study=history.spec.name, state=STATES[trial.state], stage=stage,
        on=on_part(trial.proxy),
    )))  # fmt: skip
    click.echo(f"  {config_text(trial.config, history.spec.space)}")
    rank = next((i for i, t in enumerate(history.ranked, 1) if t is trial), None)
    if trial.value is not None:
        count = len(history.ranked)
        place = say(", {rank} of {count}", rank=rank, count=count) if rank else ""
        click.echo(said(say(
            "  {metric} {value} at epoch {epoch} of {last}{place}; {duration}",
            metric=metric, value=format_value(trial.value), epoch=trial.value_epoch,
            last=trial.epoch, place=place, duration=format_duration(trial.seconds),
        )))  # fmt: skip
    _elsewhere(history, trial)
    _head(say("Decisions"))
    for step in steps(history, trial):
        why = step.why or say("no reason given")
        click.echo(said(say(
            "  epoch {after} to {until}: {why}", after=step.after, until=step.until, why=why,
        )))  # fmt: skip
        click.echo(f"    {said(_came(metric, step, trial.open))}")
    if trial.message:
        click.echo(f"  {said(STATES[trial.state])}: {said(trial.message)}")
    findings = sorted(trial.diagnosis, key=lambda f: -f.confidence)
    if findings:
        _head(say("Findings"))
    for finding in findings:
        click.echo(f"  {said(_finding(finding))}")
        if finding.evidence:
            click.echo(clean(f"    {_evidence(finding)}"))


def _came(metric: str, step: Step, going: bool) -> str:
    """What a launch brought, or may still bring."""
    if step.reached is None:
        return say("nothing came of it yet") if going else say("no value came of it")
    values = {"metric": metric, "reached": format_value(step.reached), "epoch": step.epoch}
    if step.before is None:
        return say("came: {metric} {reached} by epoch {epoch}", **values)
    return say(
        "came: {metric} {reached} by epoch {epoch}, from {before} before",
        **values, before=format_value(step.before),
    )  # fmt: skip


def _evidence(finding: Finding) -> str:
    return "; ".join(f"{name} = {_short(value)}" for name, value in finding.evidence.items())


def _short(value: object) -> str:
    if isinstance(value, int | float | str | bool) or value is None:
        return format_value(value)
    if isinstance(value, list | tuple):
        shown = ", ".join(_short(v) for v in value[:6])
        return f"{shown} …" if len(value) > 6 else shown
    return str(value)
