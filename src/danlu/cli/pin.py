"""``danlu pin``: keep a trial in sight."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option
from danlu.core.sentence import say


@click.command()
@click.argument("trial", type=click.IntRange(1))
@click.option("-n", "--name", help=say("The study [the newest]."))
@click.option("--remove", is_flag=True, help=say("Pin it no longer."))
@store_option
def command(trial: int, name: str | None, remove: bool, where: str) -> None:
    """Pin a trial: the dashboard and the report always draw it in colour."""
    ask(where, name, "unpin" if remove else "pin", trial)
