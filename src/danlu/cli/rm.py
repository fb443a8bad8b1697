"""``danlu rm``: forget a study."""

import click

from danlu.cli.options import find, is_running, opened, store_option
from danlu.errors import StudyError
from danlu.study import Study


@click.command()
@click.argument("name", metavar="STUDY")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@store_option
def command(name: str, yes: bool, where: str) -> None:
    """Remove a study and all that was recorded of it, with its logs and checkpoints."""
    with opened(where) as store:
        study = find(store, name)
        if is_running(store, study):
            raise StudyError(f"{study!r} is running: stop it first with `danlu stop {study}`.")
        count = len(store.load(study).trials)
        if not yes:
            click.confirm(f"Remove {study!r} with its {count} trials for good?", abort=True)
    Study.open(study, store=where).remove()
    click.echo(f"Removed {study!r}.")
