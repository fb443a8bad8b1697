"""The section [train]: data for the training kit, from which the rest of a study follows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.core.sentence import say
from danlu.core.space import Space, nearest
from danlu.errors import DataError
from danlu.kit.settings import Settings
from danlu.studyfile.document import Document
from danlu.studyfile.keys import checked

BUDGET = "20x"  # of a study of the kit that names none


@dataclass(frozen=True, slots=True)
class TrainSection:
    """What [train] says, and what follows from its data.

    Attributes:
        settings: Of the kit, with paths that hold from the working folder.
        space: What to search if the file has no section [space].
        metrics: What training reports and a study can go by.
        notes: What was assumed of the data, as sentences.
    """

    settings: Settings
    space: Space
    metrics: tuple[str, ...]
    notes: tuple[str, ...]


def read_training(document: Document, path: Path) -> TrainSection | None:
    """The section [train]; name, objective, epochs and budget are filled in where none are given.

    The data are read and checked here, before anything is trained.

    Returns:
        None without such a section, or with the mistakes noted, if it cannot be used.
    """
    if "train" not in document.data:
        return None
    given = checked(document, "train")
    found = _read(document, given, path) if document.sound else None
    objective, epochs = found[1] if found else ("max val_accuracy", 1)
    name = re.sub(r"[^\w.\- ]", "-", path.stem).lstrip(".- ") or "study"
    _fill(document, "study", {"name": name, "objective": objective, "epochs": epochs})
    _fill(document, "run", {"budget": BUDGET})
    return found[0] if found else None


def check_watched(document: Document, section: TrainSection, watched: Sequence[str]) -> None:
    """Note metrics of objectives and constraints that training does not report."""
    for metric in dict.fromkeys(watched):
        if metric not in section.metrics:
            known = say("training reports {metrics}.", metrics=list(section.metrics))
            text = say(
                "there is no metric {metric}; {known}{nearest}",
                metric=repr(metric),
                known=known,
                nearest=nearest(metric, section.metrics),
            )
            document.mistake(("study", "objective"), text)


def _fill(document: Document, section: str, defaults: Mapping[str, Any]) -> None:
    given = document.data.setdefault(section, {})
    if isinstance(given, dict):
        document.data[section] = {**defaults, **given}


def _read(
    document: Document, given: dict[str, Any], path: Path
) -> tuple[TrainSection, tuple[str, int]] | None:
    from danlu.kit.defaults import defaults

    try:
        settings = Settings.of(_beside(given, path.parent))
        found = defaults(settings)
    except DataError as error:
        document.mistake(("train", _spot(str(error), given)), error.told)
        return None
    except ImportError as error:
        text = say(
            "the training kit needs {name}: install it with pip install 'danlu[kit]'.",
            name=error.name,
        )
        document.mistake(("train",), text)
        return None
    if settings.own_network and "space" not in document.data:
        text = say("[space] is needed: what a builder of your own takes is not known.")
        document.mistake(("train", "model"), text)
    section = TrainSection(settings, found.space, found.metrics, found.notes)
    return section, (found.objective, found.epochs)


def _beside(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with files that lie beside the study file as absolute paths."""
    return {
        name: _absolute(value, folder) if name in ("data", "val", "model") else value
        for name, value in given.items()
    }


def _absolute(value: Any, folder: Path) -> Any:
    if not isinstance(value, str):
        return value
    file, colon, attribute = value.rpartition(":") if ":" in value else (value, "", "")
    beside = folder / file
    if colon and not file.endswith(".py"):
        module = folder / f"{file.replace('.', '/')}.py"
        return f"{module.resolve()}:{attribute}" if module.is_file() else value
    return f"{beside.resolve()}{colon}{attribute}" if beside.exists() else value


def _spot(text: str, given: Mapping[str, Any]) -> str:
    """The key that a message is about."""
    words = re.findall(r"\w+", text)
    return next((word for word in words if word in given and word != "data"), "data")


def check_space(document: Document, section: TrainSection, space: Space) -> None:
    """Note parameters and values that the kit does not take."""
    from danlu.kit.params import space_problems

    own = section.settings.own_network
    for name, problem in space_problems(space.parameters, own_network=own):
        document.mistake(("space", name), problem)
