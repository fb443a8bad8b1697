"""``danlu best``: the best config, for people and for scripts."""

import json

import click

from danlu.cli.options import load, store_option, study_argument
from danlu.cli.summary import print_best
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.errors import StudyError
from danlu.reporting.snippets import as_command, as_toml, as_training


@click.command()
@study_argument
@click.option("--json", "form", flag_value="json", help=say("As one JSON object."))
@click.option(
    "--toml",
    "form",
    flag_value="toml",
    help=say("As lines of TOML; of the training kit, as a file for `danlu train`."),
)
@click.option(
    "--command", "form", flag_value="command", help=say("As the command line that trains it.")
)
@store_option
def command(name: str | None, form: str | None, where: str) -> None:
    """Show the best config, to read or to use."""
    history = load(where, name)
    best = history.best
    if best is None:
        raise StudyError(say("no trial of '{name}' has a result yet.", name=history.spec.name))
    if form == "json":
        click.echo(json.dumps(_record(history, best), indent=2))
    elif form == "toml":
        spec = history.spec
        click.echo(as_training(spec, best) if spec.training else as_toml(best.config))
    elif form == "command":
        click.echo(command_line(history, best))
    else:
        print_best(history)


def _record(history: History, best: TrialRecord) -> dict[str, object]:
    record: dict[str, object] = {
        "study": history.spec.name,
        "trial": best.number,
        "objective": str(history.objective),
        "value": best.value,
        "epoch": best.value_epoch,
        "epochs": history.spec.epochs,
        "seed": best.seed,
        "data_fraction": best.proxy.data_fraction,
        "config": dict(best.config),
    }
    if history.spec.constraints:
        record["feasible"] = history.feasible(best)
    if history.spec.further:
        record["pareto"] = [_member(history, t) for t in history.pareto]
    return record


def _member(history: History, trial: TrialRecord) -> dict[str, object]:
    """A trial of the Pareto set."""
    objectives = history.spec.objectives
    values = trial.values(objectives) or ()
    return {
        "trial": trial.number,
        "epoch": trial.epoch,
        "values": dict(zip((o.metric for o in objectives), values, strict=True)),
        "config": dict(trial.config),
    }


def command_line(history: History, best: TrialRecord) -> str:
    """The command that trains the best config to its full length, quoted for a shell.

    Raises:
        StudyError: If the study trains a function.
    """
    spec = history.spec
    if not spec.command:
        raise StudyError(say("'{name}' trains a function: use --toml or --json.", name=spec.name))
    return as_command(spec, best)
