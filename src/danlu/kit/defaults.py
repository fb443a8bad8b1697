"""What a study of the kit begins with when its file does not say: space, objective and epochs.

No torch is imported: the command line asks this before any training process is there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from danlu.catalogue.families import space as family_space
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.errors import DataError
from danlu.kit.reading import FAMILY_OF, KIND_OF, Labelled, read
from danlu.kit.settings import (
    FURTHER,
    OF_CLASSES,
    OF_NUMBERS,
    SHRINK,
    Family,
    Settings,
)

RARE = 0.1  # times the largest class: a class below this is rare
FEW_ROWS = 5_000  # below, batches of 32
EPOCHS: Mapping[Family, int] = {"mlp": 30, "cnn": 30, "rnn": 30, "text": 15}  # to 10,000 samples
STEPS = 2_000  # beyond, as many epochs as make so many steps of 128
FEWEST_EPOCHS: Mapping[Family, int] = {"mlp": 10, "cnn": 10, "rnn": 10, "text": 5}
MANY_ROWS = 10_000

# What a trial has where its config says nothing, by family; else `Params` has its defaults.
PARAMS: Mapping[Family, Mapping[str, Any]] = {
    "mlp": {"layers": 1, "dropout": 0.2},
    "cnn": {"layers": 2, "norm": "batch"},
    "rnn": {"layers": 1, "dropout": 0.2, "clip": 1.0, "warmup": 0.05, "batch_size": 32},
    "text": {"layers": 1, "dropout": 0.5, "cell": "none", "batch_size": 64},
}


@dataclass(frozen=True)
class Defaults:
    """How a study of some data begins.

    Attributes:
        family: Of models.
        space: What to search.
        objective: What to tune.
        epochs: The full length of a trial.
        metrics: Those that training reports and a study can go by.
        notes: What was assumed, as sentences.
    """

    family: Family
    space: Space
    objective: str
    epochs: int
    metrics: tuple[str, ...]
    notes: tuple[str, ...]


def defaults(settings: Settings) -> Defaults:
    """Read the data that settings name, and say how to begin.

    Raises:
        DataError: If the data, or the model for them, cannot be.
    """
    return defaults_of(read(settings), settings)


def defaults_of(labelled: Labelled, settings: Settings) -> Defaults:
    """The same for data that have been read."""
    family = family_of(labelled, settings)
    n = len(labelled.target.y) - (labelled.n_val or 0)
    metric = metric_of(labelled, settings)
    direction = "min" if metric in SHRINK else "max"
    own = OF_NUMBERS if labelled.target.regression else OF_CLASSES
    return Defaults(
        family,
        space_of(family, labelled),
        f"{direction} val_{metric}",
        _epochs(family, n),
        (*(f"val_{name}" for name in own), "train_loss", f"train_{own[1]}", *FURTHER),
        (*labelled.notes, _kind_note(labelled, settings)),
    )


def family_of(labelled: Labelled, settings: Settings) -> Family:
    """The family of models that fits the data; a wanted one is checked."""
    kind = labelled.samples.kind
    if settings.model in KIND_OF and KIND_OF[settings.model] != kind:
        raise DataError(say(
            'model = "{model}" needs {wanted}, not a {kind}.',
            model=settings.model, wanted=KIND_OF[settings.model], kind=kind,
        ))  # fmt: skip
    return FAMILY_OF[kind]  # type: ignore[return-value]


def metric_of(labelled: Labelled, settings: Settings) -> str:
    """The metric to tune; a wanted one is checked against what is predicted."""
    regression = labelled.target.regression
    if settings.metric != "auto":
        fits = OF_NUMBERS if regression else OF_CLASSES
        if settings.metric not in fits:
            what = "regression" if regression else "classification"
            raise DataError(say(
                "metric = {metric} does not go with {what}: {fits}.",
                metric=repr(settings.metric), what=what, fits=list(fits),
            ))  # fmt: skip
        return settings.metric
    if regression:
        return "r2"
    return "balanced_accuracy" if _rarity(labelled) < RARE else "accuracy"


def _rarity(labelled: Labelled) -> float:
    """Samples of the rarest class over those of the largest."""
    counts = np.bincount(labelled.target.y, minlength=len(labelled.target.classes))
    return float(counts.min() / counts.max())


def space_of(family: Family, labelled: Labelled) -> Space:
    """The catalogue's space for a family, fitted to the size and the classes of the data.

    Batches hold at most a tenth of the samples, by default 32 of them when there are few, and
    fewer where that is the end of the range; rare classes add ``oversample`` and
    ``balanced_batches``.
    """
    made = family_space(family)
    n = len(labelled.target.y)
    known = made["batch_size"]
    assert isinstance(known, Int), "the catalogue has a range of batch sizes"
    batch_size = _batch_size(known, n)
    extra: dict[str, Parameter] = {"batch_size": batch_size}
    if not labelled.target.regression and _rarity(labelled) < RARE:
        extra["oversample"] = Float(0.0, 1.0, default=1.0)
        if len(labelled.target.classes) <= batch_size.low / 2:
            extra["balanced_batches"] = Choice(False, True, default=False)
    return Space({**made.parameters, **extra})


def _batch_size(known: Int, n: int) -> Int:
    high = max(8, min(known.high, n // 10))
    low = min(16 if n < FEW_ROWS else known.low, max(4, high // 4))
    middle = Int(low, high, log=True).middle()
    # Of few samples a batch of 32 would be the largest of the range, or beyond.
    default = min(32, middle) if n < FEW_ROWS else min(high, max(low, known.middle()))
    return Int(low, high, log=True, default=default, role=known.role)


def _epochs(family: Family, n: int) -> int:
    if n <= MANY_ROWS:
        return EPOCHS[family]
    return min(EPOCHS[family], max(FEWEST_EPOCHS[family], math.ceil(STEPS * 128 / n)))


def _kind_note(labelled: Labelled, settings: Settings) -> str:
    target, n = labelled.target, len(labelled.target.y)
    name = settings.target or say("the target")
    if target.regression:
        return say("{n:,} samples; {name} is a number to predict (regression).", n=n, name=name)
    classes = len(target.classes)
    return say("{n:,} samples; {name} has {classes} classes.", n=n, name=name, classes=classes)


def params_of(family: Family, n: int) -> dict[str, Any]:
    """Params where a config says nothing, for ``n`` training samples."""
    few = {"batch_size": min(32, max(1, n // 10))} if n < FEW_ROWS else {}
    return {**PARAMS[family], **few}
