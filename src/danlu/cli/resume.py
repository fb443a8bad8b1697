"""``danlu resume``: go on after `danlu pause`."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option, study_argument


@click.command()
@study_argument
@store_option
def command(name: str | None, where: str) -> None:
    """Ask a paused study to go on."""
    ask(where, name, "resume")
