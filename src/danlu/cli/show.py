"""``danlu show``: one study with all its trials."""

from collections.abc import Mapping

import click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from danlu.cli.options import (
    find,
    is_running,
    opened,
    said,
    store_option,
    study_argument,
)
from danlu.cli.predictions import predictions_of
from danlu.cli.screen import SEVERITIES, STATES, clean, console, curves, grid
from danlu.cli.summary import aims, ending, print_best, print_pareto
from danlu.core.decision import part
from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter
from danlu.core.prediction import Prediction
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.spec import Spec
from danlu.reporting.progress import elapsed, progress_of
from danlu.reporting.text import (
    counted_trials,
    format_duration,
    format_prediction,
    format_value,
)
from danlu.reporting.verdict import gravest, top_finding

MOST_TRIALS = 20
MOST_LOG_LINES = 5
SPARK = 12
GAP = 2  # columns between columns


@click.command()
@study_argument
@click.option("--all", "everything", is_flag=True, help=say("All trials, not only the best."))
@store_option
def command(name: str | None, everything: bool, where: str) -> None:
    """Show a study: its trials, best first, and what was found."""
    with opened(where) as store:
        found = find(store, name)
        history = store.load(found)
        running = history.active and is_running(store, found)
    click.echo(said(describe(history.spec)))
    for line in _state(history, running):
        click.echo(said(line))
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
        more = len(trials) - len(shown)
        click.echo(said(say("… and {count} more trials: --all shows them.", count=more)))
    _print_findings(history)
    _print_failures(history)
    print_space(history.spec.space)


def print_space(space: Space) -> None:
    """What may vary: each parameter's range, scale, limits and role, written or taken."""
    click.echo("\n" + said(say("Space")))
    for name in space.free:
        click.echo(clean(f"  {name}  {'; '.join(map(said, _range_parts(space[name])))}"))


def _range_parts(p: Parameter) -> list[str]:
    if isinstance(p, Choice):
        parts = [", ".join(format_value(value) for value in p.values)]
    else:
        parts = [f"{format_value(p.low)} … {format_value(p.high)}", *(["log"] if p.log else [])]
        if p.limits and tuple(p.limits) != (p.low, p.high):
            parts.append(say("may go {low} … {high}", low=format_value(p.limits[0]),
                             high=format_value(p.limits[1])))  # fmt: skip
    for parent, values in p.when.items():
        allowed = " | ".join(format_value(v) for v in values)
        parts.append(say("with {parent} = {values}", parent=parent, values=allowed))
    role = f" ({p.role})" if p.role else ""
    return [*parts[:-1], say("{part}{role}", part=parts[-1], role=role)]


def describe(spec: Spec) -> str:
    """``digits: max val_accuracy · 6 parameters · 30 epochs · auto · budget 20x · seed 0``."""
    free, epochs = len(spec.space.free), spec.epochs
    return say(
        "{name}: {aims} · {parameters} · {epochs} · {strategy} · budget {budget} · seed {seed}",
        name=spec.name, aims=aims(spec), strategy=spec.strategy, budget=spec.budget,
        parameters=say("1 parameter") if free == 1 else say("{count} parameters", count=free),
        epochs=say("1 epoch") if epochs == 1 else say("{count} epochs", count=epochs),
        seed=spec.seed,
    )  # fmt: skip


def _state(history: History, running: bool) -> list[str]:
    if running:
        ran = elapsed(history)
        return [say(
            "Running ({process}): {trials}, {count} now, {spent}, {duration}.",
            process=history.process, trials=counted_trials(len(history.trials)),
            count=len(history.running), spent=progress_of(history, ran).text,
            duration=format_duration(ran),
        )]  # fmt: skip
    if history.active:
        return [say("Killed; the same command again goes on where it was.")]
    return ending(history) if history.outcome else [say("Not begun.")]


def ordered(history: History) -> list[TrialRecord]:
    """All trials: ranked ones best first, then those on proxies, the most data first."""
    ranked = {t.number: i for i, t in enumerate(history.ranked)}
    best, loss = history.best, history.objective.loss

    def key(t: TrialRecord) -> tuple[bool, int, bool, float, float]:
        place, known = ranked.get(t.number, len(ranked)), t.value is not None
        value = loss(t.value) if t.value is not None and t.state != "failed" else float("inf")
        return t is not best, place, not known, -t.proxy.data_fraction, value

    return sorted(history.trials.values(), key=key)


def print_trials(
    trials: list[TrialRecord], history: History, predictions: Mapping[int, Prediction]
) -> None:
    """A table of trials, with as many parameters as the terminal is wide."""
    out = console()
    rows = [_row(t, history, predictions.get(t.number)) for t in trials]
    metric = history.objective.metric
    titles = [
        ">#", said(say("state")), said(say("stage")), f">{said(say('data'))}",
        f">{said(say('epoch'))}", f">{metric}",
        f">{said(say('predicted'))}", "train", "val",
    ]  # fmt: skip
    kept = [i for i in range(len(titles)) if any(len(row[i]) for row in rows)]
    used = sum(
        max(cell_len(titles[i].lstrip(">")), *(r[i].cell_len for r in rows)) + GAP for i in kept
    )
    names, left_out = _fitting(trials, history, out.width - used)
    table = grid(*(titles[i] for i in kept), *(f">{name}" for name in names))
    for row, t in zip(rows, trials, strict=True):
        style = (
            "bold green" if t is history.best else ("dim" if not t.open and not t.value else "")
        )
        table.add_row(*(row[i] for i in kept), *_values(t, names), style=style)
    _print_whole(out.width, table)
    if left_out:
        text = say("No room for {names}: `danlu export` has all.", names=left_out)
        out.print(Text(said(text), style="dim"))


def _print_whole(width: int, table: Table) -> None:
    out = console()
    out.print(table, width=width)


def _row(t: TrialRecord, history: History, prediction: Prediction | None) -> list[Text]:
    both = {side: line for side, line, _ in curves(t, history.objective, SPARK)}
    return [
        Text(str(t.number)),
        Text(said(STATES[t.state])),
        Text(clean(t.stage)),
        Text(_data(t)),
        Text(f"{t.epoch}/{t.until}"),
        Text(format_value(t.value) if t.value is not None else "–"),
        Text(format_prediction(prediction.value, prediction.sd) if prediction else ""),
        Text(both.get("train", ""), style="cyan"),
        Text(both.get("val", ""), style="magenta"),
    ]


def _data(t: TrialRecord) -> str:
    """What it is trained on, if that is not the real task."""
    share, classes = t.proxy.data_fraction, t.proxy.classes
    if classes is not None:
        return said(part(t.proxy))
    return f"{100 * share:.3g}%" if share < 1.0 else ""


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
    """What holds: of the study but its first finding, told above, then of trials.

    What a trial failed of is told once, among the failures.
    """
    first = top_finding(history)
    held = [f for f in gravest(history.findings) if f is not first]
    rows: list[tuple[int | None, Finding]] = [(None, f) for f in held]
    for t in history.trials.values():
        rows += [
            (t.number, f) for f in t.diagnosis
            if f.severity != "info" and (t.state != "failed" or f.message != t.message)
        ]  # fmt: skip
    if not rows:
        return
    click.echo("\n" + said(say("Findings")))
    for number, finding in rows[:MOST_TRIALS]:
        trial = "" if number is None else f"#{number} "
        click.echo(f"  {trial}{said(SEVERITIES[finding.severity])}: {said(finding.message)}")
    if len(rows) > MOST_TRIALS:
        more = len(rows) - MOST_TRIALS
        click.echo(
            said(say("  … and {count} more of trials: `danlu why` tells them.", count=more))
        )


def _print_failures(history: History) -> None:
    """The last failures; causes that are alike are told once."""
    failed = [t for t in history.trials.values() if t.state == "failed"]
    by_message: dict[str, list[TrialRecord]] = {}
    for t in failed:
        by_message.setdefault(t.message or t.cause, []).append(t)
    if failed:
        click.echo("\n" + said(say("Failures")))
    for message, trials in list(by_message.items())[-5:]:
        listed = ", ".join(f"#{t.number}" for t in trials[:8]) + (" …" if len(trials) > 8 else "")
        click.echo(clean(f"  {listed}: ") + said(message))
        for line in trials[-1].log.splitlines()[-MOST_LOG_LINES:]:
            click.echo(clean(f"    | {line}"))
