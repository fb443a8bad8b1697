"""``danlu serve``: the dashboard."""

import os
import signal
import time
from threading import Thread

import click

from danlu.cli.options import find, opened, said, store_option, study_argument
from danlu.core.sentence import say


@click.command()
@study_argument
@click.option("--open", "show", is_flag=True, help=say("Open it in the browser."))
@click.option(
    "--port", type=click.IntRange(1, 65535), help=say("Port [8321, or any that is free].")
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help=say("Address to listen at; never open.")
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help=say("A name under which a proxy asks for it; repeatable."),
)
@click.option("--read-only", is_flag=True, help=say("Nobody may stop, pause or add anything."))
@click.option(
    "--with-parent", is_flag=True, hidden=True, help=say("End with the one who began it.")
)
@store_option
def command(
    name: str | None,
    show: bool,
    port: int | None,
    host: str,
    names: tuple[str, ...],
    read_only: bool,
    with_parent: bool,
    where: str,
) -> None:
    """Watch studies live in the browser.

    Prints a link that holds a token: whoever has it may look and act. It listens on this machine
    only, unless --host says otherwise. Ctrl-C ends it; studies that run go on.
    """
    from danlu.web.serving import serve

    if with_parent:
        Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with opened(where) as store:
        study = find(store, name) if name is not None else None
    serve(
        where, host=host, port=port, names=frozenset(n.lower() for n in names),
        read_only=read_only, show=show, study=study, tell=lambda text: click.echo(said(text)),
    )  # fmt: skip


def _end_with(parent: int) -> None:
    """End this process when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)
