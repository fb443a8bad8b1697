"""``danlu train``: the winner of a study of the training kit, trained on all data and saved."""

import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from danlu.cli.options import said
from danlu.core.sentence import say
from danlu.errors import DataError
from danlu.reporting.text import format_duration

EVERY_S = 10.0  # a line; the first and the last epoch have one in any case
WANTED = say("write one with `danlu best --toml > best.toml` from a study with a section [train]")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="BEST_TOML")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("model"), show_default=True,
    help=say("Folder for the model."),
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), help=say("In place of the file's."))
@click.option("--seed", type=click.IntRange(0), help=say("In place of the file's."))
@click.option("-q", "--quiet", is_flag=True, help=say("Print errors only."))
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
        raise DataError(
            say("the training kit needs {name}: pip install 'danlu[kit]'", name=error.name)
        ) from None
    settings = Settings.of(table["train"])
    final = {"epochs": epochs, "seed": seed}
    given = {**table["final"], **{name: v for name, v in final.items() if v is not None}}
    horizon = max(given["horizon"], given["epochs"])

    told = Told(given["epochs"])
    try:
        model = train_on_all(
            settings, table["params"], given["epochs"], horizon, given["seed"],
            (lambda _line: None) if quiet else told.watch,
        )  # fmt: skip
    except KeyboardInterrupt:
        click.echo(said(say(
            "Interrupted after epoch {epoch} of {epochs}: nothing was saved.",
            epoch=told.epoch, epochs=told.epochs,
        )), err=True)  # fmt: skip
        raise
    model.save(output)
    if not quiet:
        click.echo(said(say(
            "Saved in {output}. Next: danlu predict {output} NEW_DATA", output=output,
        )))  # fmt: skip


class Told:
    """Says how far training is, and how long it will take."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.epoch = 0
        self._began = self._last = time.monotonic()

    def watch(self, line: Mapping[str, Any]) -> None:
        """Takes note of an epoch, and tells of it if the last line is old enough."""
        now = time.monotonic()
        self.epoch = line["epoch"]
        if self.epoch not in (1, self.epochs) and now - self._last < EVERY_S:
            return
        self._last = now
        left_s = (now - self._began) / self.epoch * (self.epochs - self.epoch)
        rest = say(", about {duration} left", duration=format_duration(left_s)) if left_s else ""
        click.echo(said(say(
            "epoch {epoch} of {epochs}: train_loss {loss:.4g}{rest}",
            epoch=self.epoch, epochs=self.epochs, loss=line["train_loss"], rest=rest,
        )))  # fmt: skip


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """The sections of the file, each checked to be there."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            say("there is no file {file}: {wanted}.", file=file, wanted=WANTED)
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(
            say("{file} cannot be read as TOML: {error}.", file=file, error=error)
        ) from None
    for section in ("train", "params", "final"):
        if not isinstance(table.get(section), dict):
            raise DataError(say(
                "{file} has no section [{section}]: {wanted}.",
                file=file, section=section, wanted=WANTED,
            ))  # fmt: skip
    final = {"horizon": 1, "seed": 0, **table["final"]}
    for name, low in (("epochs", 1), ("horizon", 1), ("seed", 0)):
        value = final.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise DataError(
                say(
                    "{file}: [final] {name} must be a whole number, at least {low}, but is "
                    "{value}.",
                    file=file,
                    name=name,
                    low=low,
                    value=repr(value),
                )
            )
    return {**table, "final": final}
