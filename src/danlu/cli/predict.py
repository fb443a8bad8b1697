"""``danlu predict``: what a saved model says of new data."""

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from danlu.cli.options import said
from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DataError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="MODEL")
@click.argument("data", metavar="NEW_DATA")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=say("CSV file [standard output].")
)
@click.option("--probabilities", is_flag=True, help=say("With the probability of every class."))
def command(folder: Path, data: str, output: Path | None, probabilities: bool) -> None:
    """Predict new data, a CSV, Parquet or NumPy file or a folder of images, one line a sample.

    The columns are those of training; the target need not be there. For classes each line has
    the most probable one and its probability, which is the network's own and not calibrated.
    """
    try:
        from danlu.kit.saved import Model
    except ImportError as error:
        raise DataError(
            say("the training kit needs {name}: pip install 'danlu[kit]'", name=error.name)
        ) from None
    model = Model.load(folder)
    samples = model.read(data)
    lines = _lines(model, samples.names, model.outputs(samples), probabilities)
    if output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    try:
        with output.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
    except OSError as error:
        raise DataError(
            say("{path} cannot be written: {reason}.", path=output, reason=reason_of(error))
        ) from None
    click.echo(said(say("{count} predictions in {output}.", count=len(samples), output=output)))


def _lines(
    model: Any, names: Iterable[str], outputs: Any, probabilities: bool
) -> Iterator[list[Any]]:
    """A header, and a line for each sample; images are named by their files."""
    names = list(names)
    own = ["file"] if names else []
    if not model.classes:
        yield [*own, "prediction"]
    else:
        each = [f"p_{name}" for name in model.classes] if probabilities else []
        yield [*own, "prediction", "probability", *each]
    for i, row in enumerate(outputs):
        head = [names[i]] if names else []
        if not model.classes:
            yield [*head, f"{row[0]:.6g}"]
            continue
        each = [f"{p:.6g}" for p in row] if probabilities else []
        yield [*head, model.classes[row.argmax()], f"{row.max():.6g}", *each]
