"""``danlu stop``: a wish for the process that runs a study."""

import click

from danlu.cli.asking import ask
from danlu.cli.options import store_option, study_argument
from danlu.core.sentence import say


@click.command()
@study_argument
@click.option(
    "--now", is_flag=True, help=say("Do not wait for the epochs that are being trained.")
)
@click.option(
    "--trial", type=click.IntRange(1), help=say("End this trial only; the study goes on.")
)
@store_option
def command(name: str | None, now: bool, trial: int | None, where: str) -> None:
    """Ask a running study to stop, or one of its trials.

    What runs is finished first, or with --now ended at once; nothing that was reported is lost,
    and the same `danlu run` goes on later.
    """
    if now and trial is not None:
        raise click.UsageError(
            say("--now is about the whole study; a single trial ends at once anyway.")
        )
    verb = "stop trial" if trial is not None else ("stop now" if now else "stop")
    ask(where, name, verb, trial)
