"""``danlu train``: the winner of a study of the training kit, trained on all data and saved."""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from danlu.errors import DataError

MOST_LINES = 10  # that tell of epochs
WANTED = "write one with `danlu best --toml > best.toml` from a study with a section [train]"


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="BEST_TOML")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("model"), show_default=True,
    help="Folder for the model.",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help="In place of the file's.")
@click.option("--seed", type=click.IntRange(0), help="In place of the file's.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(file: Path, output: Path, epochs: int | None, seed: int | None, quiet: bool) -> None:
    """Train the config in a file on all data, validation data included, and save the model.

    \b
    danlu best wine --toml > best.toml
    danlu train best.toml --output wine-model
    danlu predict wine-model new.csv
    """  # noqa: D301 - click wants the backspace itself
    table = _read(file)
    try:
        from danlu.kit.final import train_on_all
        from danlu.kit.settings import Settings
    except ImportError as error:
        raise DataError(f"the training kit needs {error.name}: pip install 'danlu[kit]'") from None
    settings = Settings.of(table["train"])
    final = {"epochs": epochs, "seed": seed}
    given = {**table["final"], **{name: v for name, v in final.items() if v is not None}}
    horizon = max(given["horizon"], given["epochs"])

    every = math.ceil(given["epochs"] / MOST_LINES)

    def watch(line: Mapping[str, Any]) -> None:
        epoch, epochs = line["epoch"], given["epochs"]
        if not quiet and (epoch % every == 0 or epoch == epochs):
            click.echo(f"epoch {epoch} of {epochs}: train_loss {line['train_loss']:.4g}")

    model = train_on_all(settings, table["params"], given["epochs"], horizon, given["seed"], watch)
    model.save(output)
    if not quiet:
        click.echo(f"Saved in {output}. Next: danlu predict {output} NEW_DATA")


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """The sections of the file, each checked to be there."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no file {file}: {WANTED}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{file} cannot be read as TOML: {error}.") from None
    for section in ("train", "params", "final"):
        if not isinstance(table.get(section), dict):
            raise DataError(f"{file} has no section [{section}]: {WANTED}.")
    final = {"horizon": 1, "seed": 0, **table["final"]}
    for name, low in (("epochs", 1), ("horizon", 1), ("seed", 0)):
        value = final.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise DataError(
                f"{file}: [final] {name} must be a whole number, at least {low}, but is {value!r}."
            )
    return {**table, "final": final}
