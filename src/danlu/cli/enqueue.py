"""``danlu enqueue``: a config of one's own, tried next."""

import tomllib

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option
from danlu.core.sentence import say


@click.command()
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("-n", "--name", help=say("The study [the newest]."))
@store_option
def command(values: tuple[str, ...], name: str | None, where: str) -> None:
    """Have a config tried next; what is not given takes its default.

    danlu enqueue lr=3e-4 units=256 optimizer=adam
    """
    ask(where, name, "enqueue", config=dict(map(_read, values)))


def _read(text: str) -> tuple[str, object]:
    """A name and its value: a number, ``true``, ``false``, or else a text."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(
            say("a parameter must read NAME=VALUE, but got {text}.", text=repr(text))
        )
    try:
        return name, tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return name, value
