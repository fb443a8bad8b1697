"""A study in words: how it ended, its best config, and what to do next."""

import click
from rich.text import Text

from danlu.cli.options import said
from danlu.cli.screen import clean, config_text, console, grid
from danlu.core.decision import on_part
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.spec import Spec
from danlu.reporting.progress import progress_of
from danlu.reporting.result import describe_gain, result_of
from danlu.reporting.text import counted_trials, format_duration, format_spread, format_value

ENDINGS = {
    "done": say("Done"), "stopped": say("Stopped"), "failed": say("Failed"),
    "interrupted": say("Interrupted"), "hopeless": say("Hopeless"), "": say("Not ended"),
}  # fmt: skip


def print_summary(history: History) -> None:
    """How a run ended and what came out of it."""
    name = history.spec.name
    for line in ending(history):
        click.echo(said(line))
    print_best(history)
    print_pareto(history)
    if history.trials:
        shown = f"'{name}'" if " " in name else name
        use = " > best.toml && danlu train best.toml" if history.spec.training else ""
        following = f"danlu show {shown} · danlu best {shown} --toml{use} · danlu report {shown}"
        click.echo("\n" + said(say("Next: {commands}", commands=following)))


def ending(history: History) -> list[str]:
    """How it ended, and in a second line what it took: ``23 trials, 20.1 of 20x, 2 m 05 s``."""
    how, why = ENDINGS[history.outcome], history.ended_why
    if not why:
        first = say("{how}.", how=how)
    elif why.endswith("."):
        first = say("{how}: {why}", how=how, why=why)
    else:
        first = say("{how}: {why}.", how=how, why=why)
    spent = [progress_of(history).text, format_duration(history.seconds)]
    if history.spec.budget.trials is None:  # else they are told with their limit
        spent.insert(0, counted_trials(len(history.trials)))
    return [first, say("{listed}.", listed=spent)]


def print_best(history: History) -> None:
    """The best config as a table, with its value and its gain over the default config."""
    result = result_of(history)
    if result is None:
        click.echo(said(say("No trial has a result yet.")))
        return
    out = console()
    out.print(Text(said(headline(history, result.best)), style="bold green"))
    if result.mean is not None and result.sd is not None:
        count = len(result.confirmed)
        spread = format_spread(result.mean, result.sd)
        click.echo(said(say("With {count} seeds: {spread}.", count=count, spread=spread)))
    click.echo(said(describe_gain(history, result)))
    table = grid("", "")
    table.show_header = False
    for name, value in result.best.config.items():
        table.add_row(f"  {clean(name)}", clean(format_value(value, 6)))
    out.print(table)


def aims(spec: Spec) -> str:
    """What is tuned and kept to: ``max val_accuracy, min params, with params <= 1e+06``."""
    objectives = ", ".join(map(str, spec.objectives))
    limits = " and ".join(map(str, spec.constraints))
    if not limits:
        return objectives
    return say("{objectives}, with {limits}", objectives=objectives, limits=limits)


def print_pareto(history: History) -> None:
    """Of several objectives, the Pareto set as a table in the order of the first one."""
    objectives = history.spec.objectives
    if len(objectives) == 1:
        return
    if not history.pareto:
        metrics = ", ".join(o.metric for o in objectives)
        text = say(
            "No Pareto set yet: no trial to use reported all of {metrics}.", metrics=metrics
        )
        click.echo("\n" + said(text))
        return
    count = counted_trials(len(history.pareto))
    click.echo("\n" + said(say("Pareto set: {count}", count=count)))
    epoch, config = said(say("epoch")), said(say("config"))
    table = grid(">#", f">{epoch}", *(f">{o.metric}" for o in objectives), config)
    for t in history.pareto:
        values = [format_value(v) for v in t.values(objectives) or ()]
        table.add_row(str(t.number), str(t.epoch), *values,
                      config_text(t.config, history.spec.space))  # fmt: skip
    console().print(table)


def headline(history: History, best: TrialRecord) -> str:
    """The best trial in a line: ``Best: #12, val_accuracy 0.9731 at epoch 18 of 30.``."""
    return say(
        "Best: #{number}, {metric} {value} at epoch {epoch} of {epochs}{on}{broken}.",
        number=best.number, metric=history.objective.metric, value=format_value(best.value),
        epoch=best.value_epoch, epochs=history.spec.epochs, on=on_part(best.proxy),
        broken=_broken(history, best),
    )  # fmt: skip


def _broken(history: History, trial: TrialRecord) -> str:
    """That a trial breaks constraints, and by what value."""
    broken = trial.broken(history.spec.constraints)
    told = [say("{constraint}, but it has {value}", constraint=c,
                value=format_value(trial.last(c.metric))) for c in broken]  # fmt: skip
    return say("; no trial keeps to {constraints}", constraints=told) if told else ""
