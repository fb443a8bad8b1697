"""``danlu stop``: a wish for the process that runs a study."""

import click

from danlu.cli.options import find, is_running, opened, store_option, study_argument
from danlu.errors import StudyError


@click.command()
@study_argument
@click.option("--now", is_flag=True, help="Do not wait for the epochs that are being trained.")
@click.option("--trial", type=click.IntRange(1), help="End this trial only; the study goes on.")
@store_option
def command(name: str | None, now: bool, trial: int | None, where: str) -> None:
    """Ask a running study to stop, or one of its trials.

    What runs is finished first, or with --now ended at once; nothing that was reported is lost,
    and the same `danlu run` goes on later.
    """
    if now and trial is not None:
        raise click.UsageError(
            "--now is about the whole study; a single trial ends at once anyway."
        )
    with opened(where) as store:
        study = find(store, name)
        if not is_running(store, study):
            raise StudyError(f"nobody runs {study!r}, so there is nothing to stop.")
        if trial is not None:
            _check_open(store.load(study).trials.get(trial) is not None, trial, study)
        verb = "stop trial" if trial is not None else ("stop now" if now else "stop")
        store.request(study, verb, trial)
    click.echo(f"Asked {study!r} to {verb}{'' if trial is None else f' {trial}'}.")


def _check_open(known: bool, trial: int, study: str) -> None:
    if not known:
        raise StudyError(f"{study!r} has no trial {trial}.")
