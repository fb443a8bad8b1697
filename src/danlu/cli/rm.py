"""``danlu rm``: forget a study."""

import shlex

import click

from danlu.cli.options import find, is_running, opened, said, store_option
from danlu.core.sentence import say
from danlu.errors import StudyError
from danlu.reporting.text import counted_trials
from danlu.study import Study


@click.command()
@click.argument("name", metavar="STUDY")
@click.option("-y", "--yes", is_flag=True, help=say("Do not ask."))
@store_option
def command(name: str, yes: bool, where: str) -> None:
    """Remove a study and all that was recorded of it, with its logs and checkpoints."""
    with opened(where) as store:
        study = find(store, name)
        if is_running(store, study):
            raise StudyError(say(
                "'{name}' is running: stop it first with `danlu stop {quoted}`.",
                name=study, quoted=shlex.quote(study),
            ))  # fmt: skip
        if not yes:
            trials = counted_trials(len(store.load(study).trials))
            asked = say("Remove '{study}' with {trials} for good?", study=study, trials=trials)
            click.confirm(said(asked), abort=True)
    Study.open(study, store=where).remove()
    click.echo(said(say("Removed '{study}'.", study=study)))
