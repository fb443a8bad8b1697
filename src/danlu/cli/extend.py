"""``danlu extend``: more budget for a running study."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option
from danlu.core.sentence import say


@click.command()
@click.argument("more")
@click.option("-n", "--name", help=say("The study [the newest]."))
@store_option
def command(more: str, name: str | None, where: str) -> None:
    """Give a running study more budget: "10x" full trainings, "30 trials", "2h".

    It holds for this run; a study file that is run again says its own budget.
    """
    ask(where, name, "add budget", budget=more)
