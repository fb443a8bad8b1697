"""A study in words: how it ended, its best config, and what to do next."""

import click
from rich.text import Text

from danlu.cli.screen import clean, config_text, console, grid
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.spec import Spec
from danlu.reporting.progress import progress_of
from danlu.reporting.result import describe_gain, result_of
from danlu.reporting.text import format_count, format_duration, format_spread, format_value


def print_summary(history: History) -> None:
    """How a run ended and what came out of it."""
    name = history.spec.name
    click.echo(clean(ending(history)))
    print_best(history)
    print_pareto(history)
    if history.trials:
        shown = f"'{name}'" if " " in name else name
        use = " > best.toml && danlu train best.toml" if history.spec.training else ""
        click.echo(
            f"\nNext: danlu show {shown} · danlu best {shown} --toml{use} · danlu report {shown}"
        )


def ending(history: History) -> str:
    """How it ended, and in a second line what it took: ``23 trials, 20.1 of 20x, 2 m 05 s``."""
    how = (history.outcome or "not ended").capitalize()
    why = f": {history.ended_why.rstrip('.')}" if history.ended_why else ""
    spent = [progress_of(history).text, format_duration(history.seconds)]
    if history.spec.budget.trials is None:  # else they are told with their limit
        spent.insert(0, format_count(len(history.trials), "trial"))
    return f"{how}{why}.\n{', '.join(spent)}."


def print_best(history: History) -> None:
    """The best config as a table, with its value and its gain over the default config."""
    result = result_of(history)
    if result is None:
        click.echo("No trial has a result yet.")
        return
    out = console()
    out.print(Text(clean(headline(history, result.best)), style="bold green"))
    if result.mean is not None and result.sd is not None:
        count = len(result.confirmed)
        click.echo(f"With {count} seeds: {format_spread(result.mean, result.sd)}.")
    click.echo(clean(describe_gain(history, result)))
    table = grid("", "")
    table.show_header = False
    for name, value in result.best.config.items():
        table.add_row(f"  {clean(name)}", clean(format_value(value, 6)))
    out.print(table)


def aims(spec: Spec) -> str:
    """What is tuned and kept to: ``max val_accuracy, min params, with params <= 1e+06``."""
    objectives = ", ".join(map(str, spec.objectives))
    limits = " and ".join(map(str, spec.constraints))
    return f"{objectives}, with {limits}" if limits else objectives


def print_pareto(history: History) -> None:
    """Of several objectives, the Pareto set as a table in the order of the first one."""
    objectives = history.spec.objectives
    if len(objectives) == 1:
        return
    if not history.pareto:
        metrics = ", ".join(o.metric for o in objectives)
        click.echo(clean(f"\nNo Pareto set yet: no trial to use reported all of {metrics}."))
        return
    click.echo(f"\nPareto set: {format_count(len(history.pareto), 'trial')}")
    table = grid(">#", ">epoch", *(f">{o.metric}" for o in objectives), "config")
    for t in history.pareto:
        values = [format_value(v) for v in t.values(objectives) or ()]
        table.add_row(str(t.number), str(t.epoch), *values,
                      config_text(t.config, history.spec.space))  # fmt: skip
    console().print(table)


def headline(history: History, best: TrialRecord) -> str:
    """The best trial in a line: ``Best: #12, val_accuracy 0.9731 at epoch 18 of 30.``."""
    proxy = "" if best.proxy.full else f", on {best.proxy.data_fraction:.0%} of the data"
    metric, value = history.objective.metric, format_value(best.value)
    return (
        f"Best: #{best.number}, {metric} {value} at epoch {best.value_epoch} of "
        f"{history.spec.epochs}{proxy}{_broken(history, best)}."
    )


def _broken(history: History, trial: TrialRecord) -> str:
    """That a trial breaks constraints, and by what value."""
    broken = trial.broken(history.spec.constraints)
    said = [f"{c}, but it has {format_value(trial.last(c.metric))}" for c in broken]
    return f"; no trial keeps to {' and '.join(said)}" if said else ""
