"""``danlu why``: what a study did and why, and what it comes to; or the story of one trial."""

import click

from danlu.cli.options import find, opened, store_option, study_argument
from danlu.cli.screen import clean, config_text, console, grid
from danlu.cli.show import describe
from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.errors import StudyError
from danlu.reporting.logbook import stages, steps, told
from danlu.reporting.text import format_count, format_duration, format_number, format_value
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
        count = format_count(len(history.trials), "trial")
        raise StudyError(f"there is no trial {trial} in {history.spec.name!r}: it has {count}.")
    _trial(history, found)


def _asked(where: str, name: str | None, trial: int | None) -> tuple[History, int | None]:
    """The study, and the trial if one is meant; `danlu why 12` is of the newest study."""
    with opened(where) as store:
        alone = name if trial is None and name not in store.studies() else None
        if alone is not None and alone.isdecimal():
            name, trial = None, int(alone)
        return store.load(find(store, name)), trial


def _study(history: History) -> None:
    click.echo(clean(describe(history.spec)))
    if not history.trials:
        click.echo("Nothing has been trained yet.")
        return
    _verdict(history)
    _stages(history)
    _logbook(history)
    _findings(gravest(history.findings))


def _verdict(history: History) -> None:
    verdict = verdict_of(history)
    click.echo("\nVerdict" + (" so far" if history.active else ""))
    for sentence in (verdict.use, *verdict.sure):
        click.echo(clean(f"  {sentence}"))
    if verdict.trial is not None:
        config = history.trials[verdict.trial].config
        click.echo(f"  Its config: {config_text(config, history.spec.space)}")
    if verdict.next:
        click.echo("\nWhat to try next")
    for i, sentence in enumerate(verdict.next, start=1):
        click.echo(clean(f"  {i}. {sentence}".replace("\n", " ")))


def _stages(history: History) -> None:
    rows = stages(history)
    if not rows:
        return
    click.echo("\nStages")
    table = grid("  stage", ">trials", ">trainings", "what it did")
    for s in rows:
        table.add_row(f"  {clean(s.name)}", str(s.trials), format_number(s.trainings, 3),
                      clean(s.done))  # fmt: skip
    console().print(table)


def _logbook(history: History) -> None:
    if not history.logbook:
        return
    click.echo("\nLog-book")
    for entry in history.logbook:
        stage = f"[{entry.stage}] " if entry.stage else ""
        click.echo(clean(f"  {stage}{told(entry)}".replace("\n", " ")))


def _findings(findings: list[Finding]) -> None:
    if findings:
        click.echo("\nFindings that hold")
    for finding in findings:
        click.echo(clean(f"  {_finding(finding)}".replace("\n", " ")))


def _finding(finding: Finding) -> str:
    return f"{finding.severity} ({finding.confidence:.0%} sure): {finding.message}"


def _trial(history: History, trial: TrialRecord) -> None:
    metric = history.objective.metric
    stage = f", {trial.stage}" if trial.stage else ""
    click.echo(clean(f"Trial {trial.number} of {history.spec.name}: {trial.state}{stage}"))
    click.echo(f"  {config_text(trial.config, history.spec.space)}")
    rank = next((i for i, t in enumerate(history.ranked, 1) if t is trial), None)
    if trial.value is not None:
        place = f", {rank} of {len(history.ranked)}" if rank else ""
        value = format_value(trial.value)
        click.echo(clean(
            f"  {metric} {value} at epoch {trial.value_epoch} of {trial.epoch}{place}; "
            f"{format_duration(trial.seconds)}"
        ))  # fmt: skip
    click.echo("\nDecisions")
    for step in steps(history, trial):
        click.echo(clean(f"  epoch {step.after} to {step.until}: {step.why or 'no reason given'}"))
        click.echo(clean(f"    {_came(metric, step.before, step.reached, step.epoch)}"))
    if trial.message:
        click.echo(clean(f"  {trial.state}: {trial.message}"))
    findings = sorted(trial.diagnosis, key=lambda f: -f.confidence)
    if findings:
        click.echo("\nFindings")
    for finding in findings:
        click.echo(clean(f"  {_finding(finding)}".replace("\n", " ")))
        if finding.evidence:
            click.echo(clean(f"    {_evidence(finding)}"))


def _came(metric: str, before: float | None, reached: float | None, epoch: int) -> str:
    """What a launch brought."""
    if reached is None:
        return "nothing came of it yet"
    came = f"came: {metric} {format_value(reached)} by epoch {epoch}"
    return came if before is None else f"{came}, from {format_value(before)} before"


def _evidence(finding: Finding) -> str:
    parts = (f"{k.replace('_', ' ')} {_short(v)}" for k, v in finding.evidence.items())
    return "; ".join(part for part in parts if part)


def _short(value: object) -> str:
    if isinstance(value, int | float | str | bool) or value is None:
        return format_value(value)
    if isinstance(value, list | tuple):
        shown = ", ".join(_short(v) for v in value[:6])
        return f"{shown} …" if len(value) > 6 else shown
    return str(value)
