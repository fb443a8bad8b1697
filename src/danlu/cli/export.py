"""``danlu export``: trials and epochs as tables for other programs."""

from pathlib import Path

import click

from danlu.cli.options import load, store_option, study_argument
from danlu.core.sentence import say


@click.command()
@study_argument
@click.option("--csv", "form", flag_value="csv", help=say("Two CSV files: trials and epochs."))
@click.option("--json", "form", flag_value="json", help=say("One JSON file."))
@click.option(
    "--parquet", "form", flag_value="parquet", help=say("Two Parquet files; needs danlu[frames].")
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=say("File or folder to write.")
)
@store_option
def command(name: str | None, form: str | None, output: Path | None, where: str) -> None:
    """Write trials and every reported epoch as CSV, JSON or Parquet."""
    from danlu.reporting import tables

    if form is None:
        raise click.UsageError(say("one of --csv, --json and --parquet is needed."))
    history = load(where, name)
    write = {"csv": tables.write_csv, "json": tables.write_json, "parquet": tables.write_parquet}
    for path in write[form](history, output or Path(history.spec.name)):
        click.echo(str(path))
