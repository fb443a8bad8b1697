"""``danlu report``: a study as one page for any browser, and as pictures."""

import webbrowser
from pathlib import Path

import click

from danlu.cli.options import find, opened, store_option, study_argument
from danlu.cli.predictions import predictions_of
from danlu.core.sentence import say
from danlu.language import LANGUAGES
from danlu.reporting.html import write_report


@click.command()
@study_argument
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=say("File to write [STUDY.html].")
)
@click.option(
    "--png",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=say("Write PNG pictures into this folder too; needs danlu[plots]."),
)
@click.option("--lang", type=click.Choice(LANGUAGES), help=say("Language [the browser's]."))
@click.option("--open", "show", is_flag=True, help=say("Open it in the browser."))
@store_option
def command(
    name: str | None,
    output: Path | None,
    folder: Path | None,
    lang: str | None,
    show: bool,
    where: str,
) -> None:
    """Write a report that opens in any browser, without a network."""
    with opened(where) as store:
        study = find(store, name)
        history, requests = store.load(study), store.requests(study)
    target = output or Path(f"{history.spec.name}.html")
    path = write_report(history, target, predictions_of(history, path=True), requests, lang or "")
    click.echo(str(path))
    if folder is not None:
        from danlu.reporting.png import write_pngs

        for picture in write_pngs(history, folder):
            click.echo(str(picture))
    if show:
        webbrowser.open(path.resolve().as_uri())
