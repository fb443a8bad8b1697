"""Tiny data of each kind, and trials that can be paused."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from danlu.core.decision import FULL, Proxy
from danlu.core.job import Job
from danlu.worker.trial import Trial

EPOCHS = 6
UNTIMED = ("seconds", "at")

Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Recorded:
    """A channel that keeps what is reported, and pauses at every ``until``."""

    def __init__(self) -> None:
        self.lines: Lines = []

    def send(self, line: Mapping[str, Any]) -> None:
        if "epoch" in line and "danlu" not in line:
            self.lines.append({n: v for n, v in line.items() if n not in UNTIMED})

    def wait(self, epoch: int) -> int:
        return 0


def run(
    train: Callable[[Trial], Any],
    folder: Path,
    config: Mapping[str, Any],
    pauses: Sequence[int] = (),
    seed: int = 3,
    proxy: Proxy = FULL,
) -> Lines:
    """All reports of a trial that is paused after some epochs, without the times."""
    channel = Recorded()
    for until in (*sorted(pauses), EPOCHS):
        folder.joinpath("1").mkdir(parents=True, exist_ok=True)
        job = Job("test", 1, config, seed, until, EPOCHS, folder / "1", proxy)
        torch.manual_seed(until)  # a new process has another random state
        train(Trial(job, channel))
    return channel.lines


def table(n: int = 60, classes: int = 3, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.normal(size=(n, 5)) + 2 * y[:, None], y


def mixed(n: int = 60) -> dict[str, Any]:
    """Columns of a table: numbers with gaps, and categories."""
    rng = np.random.default_rng(1)
    size = rng.normal(size=n)
    size[::7] = np.nan
    colour = np.array(["red", "green", None], dtype=object)[rng.integers(0, 3, n)]
    label = np.where(np.nan_to_num(size) > 0, "big", "small")
    return {"size": size, "colour": colour, "weight": rng.normal(size=n), "label": label}


def images(n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 8, 8)) + y[:, None, None], y


def sequences(n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    y = np.arange(n) % 2
    return [rng.normal(size=(rng.integers(2, 9), 3)) + c for c in y], y


def texts(n: int = 40) -> tuple[Any, Any]:
    words = (["good", "fine", "great"], ["bad", "poor", "dull"])
    rng = np.random.default_rng(4)
    y = np.arange(n) % 2
    return [" ".join(rng.choice([*words[c], "film", "the"], rng.integers(1, 8))) for c in y], y


DATA: Mapping[str, Callable[[], Any]] = {
    "mlp": table,
    "cnn": images,
    "rnn": sequences,
    "text": texts,
}
