"""``danlu show``: one study with all its trials."""

from collections.abc import Mapping

import click
from rich.table import Table
from rich.text import Text

from danlu.cli.options import (
    find,
    is_running,
    lang_option,
    opened,
    said,
    store_option,
    study_argument,
)
from danlu.cli.predictions import predictions_of
from danlu.cli.screen import SEVERITIES, clean, console, curves, grid
from danlu.cli.summary import aims, ending, print_best, print_pareto
from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter
from danlu.core.prediction import Prediction
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.spec import Spec
from danlu.reporting.progress import elapsed, progress_of
from danlu.reporting.text import format_duration, format_prediction, format_value
from danlu.reporting.verdict import gravest, top_finding

MOST_TRIALS = 20
MOST_LOG_LINES = 5
SPARK = 12
GAP = 2  # columns between columns


@click.command()
@study_argument
@click.option("--all", "everything", is_flag=True, help=f"All trials, not the best {MOST_TRIALS}.")
@lang_option
@store_option
def command(name: str | None, everything: bool, where: str) -> None:
    """Show a study: its trials, best first, and what was found."""
    with opened(where) as store:
        found = find(store, name)
        history = store.load(found)
        running = history.active and is_running(store, found)
    click.echo(clean(describe(history.spec)))
    click.echo(clean(_state(history, running)))
    first = top_finding(history)
    if first is not None and first.message != history.ended_why:
        click.echo(f"{said(SEVERITIES[first.severity]).capitalize()}: {said(first.message)}")
    if not history.trials:
        print_space(history.spec.space)
        _print_findings(history)
        return
    click.echo()
    print_best(history)
    print_pareto(history)
    click.echo()
    trials = ordered(history)
    shown = trials if everything else trials[:MOST_TRIALS]
    print_trials(shown, history, {p.trial: p for p in predictions_of(history)})
    if len(shown) < len(trials):
        click.echo(f"… and {len(trials) - len(shown)} more trials: --all shows them.")
    _print_findings(history)
    _print_failures(history)
    print_space(history.spec.space)


def print_space(space: Space) -> None:
    """What may vary: each parameter's range, scale, limits and role, written or taken."""
    click.echo("\nSpace")
    for name in space.free:
        click.echo(clean(f"  {name}  {_range_text(space[name])}"))


def _range_text(p: Parameter) -> str:
    if isinstance(p, Choice):
        parts = [", ".join(format_value(value) for value in p.values)]
    else:
        parts = [f"{format_value(p.low)} … {format_value(p.high)}", *(["log"] if p.log else [])]
        if p.limits and tuple(p.limits) != (p.low, p.high):
            parts.append("may go " + " … ".join(format_value(v) for v in p.limits))
    for parent, values in p.when.items():
        parts.append(f"with {parent} = {' or '.join(format_value(v) for v in values)}")
    role = f" ({p.role})" if p.role else ""
    return "; ".join(parts) + role


def describe(spec: Spec) -> str:
    """``digits: max val_accuracy · 6 parameters · 30 epochs · auto · budget 20x · seed 0``."""
    count = len(spec.space.free)
    parts = [
        aims(spec),
        f"{count} parameter{'s' if count != 1 else ''}",
        f"{spec.epochs} epoch{'s' if spec.epochs != 1 else ''}",
        spec.strategy,
        f"budget {spec.budget}",
        f"seed {spec.seed}",
    ]
    return f"{spec.name}: {' · '.join(parts)}"


def _state(history: History, running: bool) -> str:
    if running:
        spent = (
            f"{progress_of(history, elapsed(history)).text}, {format_duration(elapsed(history))}"
        )
        count = len(history.running)
        return f"Running ({history.process}): {len(history.trials)} trials, {count} now, {spent}."
    if history.active:
        return "Killed; the same command again goes on where it was."
    return ending(history) if history.outcome else "Not begun."


def ordered(history: History) -> list[TrialRecord]:
    """All trials: ranked ones best first, then those on proxies, then those without a value."""
    ranked = {t.number: i for i, t in enumerate(history.ranked)}
    best, loss = history.best, history.objective.loss

    def key(t: TrialRecord) -> tuple[bool, float, float]:
        value = float("inf") if t.value is None or t.state == "failed" else loss(t.value)
        return t is not best, ranked.get(t.number, len(ranked)), value

    return sorted(history.trials.values(), key=key)


def print_trials(
    trials: list[TrialRecord], history: History, predictions: Mapping[int, Prediction]
) -> None:
    """A table of trials, with as many parameters as the terminal is wide."""
    out = console()
    rows = [_row(t, history, predictions.get(t.number)) for t in trials]
    metric = history.objective.metric
    titles = [">#", "state", "stage", ">epoch", f">{metric}", ">predicted", "train", "val"]
    kept = [i for i in range(len(titles)) if any(len(row[i]) for row in rows)]
    used = sum(max(len(titles[i].lstrip(">")), *(len(r[i]) for r in rows)) + GAP for i in kept)
    names, left_out = _fitting(trials, history, out.width - used)
    table = grid(*(titles[i] for i in kept), *(f">{name}" for name in names))
    for row, t in zip(rows, trials, strict=True):
        style = (
            "bold green" if t is history.best else ("dim" if not t.open and not t.value else "")
        )
        table.add_row(*(row[i] for i in kept), *_values(t, names), style=style)
    _print_whole(out.width, table)
    if left_out:
        text = f"No room for {', '.join(left_out)}: `danlu export` has all."
        out.print(Text(clean(text), style="dim"))


def _print_whole(width: int, table: Table) -> None:
    out = console()
    out.print(table, width=width)


def _row(t: TrialRecord, history: History, prediction: Prediction | None) -> list[Text]:
    both = {side: line for side, line, _ in curves(t, history.objective, SPARK)}
    proxy = "" if t.proxy.full else f" {t.proxy.data_fraction:.0%}"
    return [
        Text(str(t.number)),
        Text(t.state),
        Text(clean(t.stage + proxy)),
        Text(f"{t.epoch}/{t.until}"),
        Text(format_value(t.value) if t.value is not None else "–"),
        Text(format_prediction(prediction.value, prediction.sd) if prediction else ""),
        Text(both.get("train", ""), style="cyan"),
        Text(both.get("val", ""), style="magenta"),
    ]


def _values(t: TrialRecord, names: list[str]) -> list[str]:
    return [clean(format_value(t.config[n], 3)) if n in t.config else "" for n in names]


def _fitting(
    trials: list[TrialRecord], history: History, width: int
) -> tuple[list[str], list[str]]:
    """Names of the parameters that fit into ``width`` columns, and of those that do not."""
    names = list(history.spec.space.free)
    for count in range(len(names), 0, -1):
        cells = [max(len(n), *(len(_values(t, [n])[0]) for t in trials)) for n in names[:count]]
        if sum(cells) + GAP * count <= width:
            return names[:count], names[count:]
    return [], names


def _print_findings(history: History) -> None:
    """What holds: of the study but its first finding, told above, then of trials."""
    first = top_finding(history)
    held = [f for f in gravest(history.findings) if f is not first]
    rows: list[tuple[int | None, Finding]] = [(None, f) for f in held]
    for t in history.trials.values():
        rows += [(t.number, f) for f in t.diagnosis if f.severity != "info"]
    if not rows:
        return
    click.echo("\n" + said(say("Findings")))
    for number, finding in rows[:MOST_TRIALS]:
        trial = "" if number is None else f"#{number} "
        click.echo(f"  {trial}{said(SEVERITIES[finding.severity])}: {said(finding.message)}")
    if len(rows) > MOST_TRIALS:
        click.echo(f"  … and {len(rows) - MOST_TRIALS} more of trials: `danlu why` tells them.")


def _print_failures(history: History) -> None:
    """The last failures; causes that are alike are told once."""
    failed = [t for t in history.trials.values() if t.state == "failed"]
    by_message: dict[str, list[TrialRecord]] = {}
    for t in failed:
        by_message.setdefault(t.message or t.cause, []).append(t)
    if failed:
        click.echo("\nFailures")
    for message, trials in list(by_message.items())[-5:]:
        listed = ", ".join(f"#{t.number}" for t in trials[:8]) + (" …" if len(trials) > 8 else "")
        click.echo(clean(f"  {listed}: {message}"))
        for line in trials[-1].log.splitlines()[-MOST_LOG_LINES:]:
            click.echo(clean(f"    | {line}"))
