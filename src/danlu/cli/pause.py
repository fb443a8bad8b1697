"""``danlu pause``: begin no more trials for now."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option, study_argument


@click.command()
@study_argument
@store_option
def command(name: str | None, where: str) -> None:
    """Ask a running study to begin no more trials until it is resumed.

    What runs is trained to the end of its slice. `danlu resume` goes on; a budget of time runs
    on meanwhile.
    """
    ask(where, name, "pause")
