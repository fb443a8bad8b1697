"""``danlu note``: write down what one thinks of a study or a trial."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option
from danlu.core.sentence import say


@click.command()
@click.argument("text")
@click.option("-n", "--name", help=say("The study [the newest]."))
@click.option("--trial", type=click.IntRange(1), help=say("The trial it is about."))
@store_option
def command(text: str, name: str | None, trial: int | None, where: str) -> None:
    """Write a note; it stands in the log-book of the dashboard and the report."""
    ask(where, name, "note", trial, text=text)
