"""Trials of the kit in double precision, trained alone and together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tests.kit.conftest import Lines, Recorded

from danlu.core.job import Job
from danlu.kit import Training
from danlu.kit.fused.row import Row
from danlu.kit.fused.stack import Stack
from danlu.kit.loop import Setup, train
from danlu.kit.prepared import Part
from danlu.worker.trial import Trial

EPOCHS = 20

Config = Mapping[str, Any]


class Double:
    """A training in float64, where rounding cannot hide a difference."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._parts: dict[int, Part] = {}

    def setup(self, trial: Trial) -> Setup:
        setup = self._training.setup(trial)
        part = self._parts.setdefault(id(setup.part), _double(setup.part))
        return replace(setup, build=lambda: setup.build().double(), part=part)


def _double(part: Part) -> Part:
    def wide(t: torch.Tensor) -> torch.Tensor:
        return t.double() if t.is_floating_point() else t

    x, x_val = (tuple(map(wide, xs)) for xs in (part.x, part.x_val))
    return replace(part, x=x, y=wide(part.y), x_val=x_val, y_val=wide(part.y_val))


def trial(
    folder: Path, config: Config, seed: int, until: int = EPOCHS, channel: Recorded | None = None
) -> Trial:
    folder.mkdir(parents=True, exist_ok=True)
    job = Job("test", seed, config, seed, until, EPOCHS, folder)
    return Trial(job, channel or Recorded())


def alone(trains: Any, folder: Path, config: Config, seed: int, until: int = EPOCHS) -> Lines:
    """The reports of a trial that the kit's loop trains."""
    channel = Recorded()
    one = trial(folder / f"alone-{seed}", config, seed, until, channel)
    train(one, trains.setup(one))
    return channel.lines


def rows(
    trains: Any, folder: Path, configs: Sequence[Config], until: int = EPOCHS, first_seed: int = 1
) -> list[Row]:
    """Trials with the seeds from ``first_seed`` on, ready to be trained together."""
    numbered = enumerate(configs, first_seed)
    return [
        Row.of(trains, trial(folder / f"fused-{seed}", config, seed, until))
        for seed, config in numbered
    ]


def lines(row: Row) -> Lines:
    """What a row reported."""
    channel: Any = row.trial._channel
    found: Lines = channel.lines
    return found


def together(of: Sequence[Row], epochs: int = EPOCHS) -> Stack:
    stack = Stack(of)
    for _ in range(epochs):
        stack.epoch()
    return stack


def difference(a: Lines, b: Lines, of: Callable[[str], bool] = lambda _: True) -> float:
    """The largest difference of any metric of two trials."""
    assert [line["epoch"] for line in a] == [line["epoch"] for line in b]
    pairs: Iterable[tuple[float, float]] = (
        (x[name], y[name]) for x, y in zip(a, b, strict=True) for name in x if of(name)
    )
    return max(abs(p - q) for p, q in pairs)
