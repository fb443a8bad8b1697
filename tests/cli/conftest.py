"""A store with studies in every state, and a way to call commands as a person does."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from danlu.cli.app import group
from danlu.core.decision import Proxy
from danlu.core.event import (
    Began,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Paused,
    Reported,
    Started,
)
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Value
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.stores import open_store

SPACE = Space(
    lr=Float(1e-4, 1.0, log=True, default=0.01),
    optimizer=Choice("sgd", "adam"),
    momentum=Float(0.0, 0.99, when={"optimizer": ("sgd",)}),
    batch_size=64,
)
SPEC = Spec(
    "digits", SPACE, Objective("val_loss", "min"), epochs=3, seed=7, budget=Budget.parse("4x"),
    command=("python", "train me.py", "--lr={lr}", "--momentum", "{momentum}", "--seed", "{seed}"),
)  # fmt: skip
ADAM: dict[str, Value] = {"lr": 0.02, "optimizer": "adam", "batch_size": 64}
SGD: dict[str, Value] = {"lr": 0.01, "optimizer": "sgd", "momentum": 0.9, "batch_size": 64}

Call = Callable[..., Result]


def reports(trial: int, values: Sequence[float], at: float = 100.0) -> list[Event]:
    return [
        Reported(at + i, trial, i + 1, {"train_loss": value - 0.1, "val_loss": value})
        for i, value in enumerate(values)
    ]


def events() -> list[Event]:
    """A finished run: the default, a better one, one that broke, and one on part of the data."""
    rising = Finding("overfitting", "warning", 0.9, "Validation loss rises: overfitting.")
    return [
        Began(90.0, workers=2, process="pid 1 on here"),
        Started(91.0, 1, SGD, 3, 11, stage="coarse", why="the default config"),
        *reports(1, [0.9, 0.8, 0.7]),
        Finished(103.0, 1),
        Started(104.0, 2, ADAM, 3, 12, stage="fine", why="near the best"),
        *reports(2, [0.6, 0.4, 0.5], 105.0),
        Diagnosed(107.5, 2, rising),
        Finished(108.0, 2),
        Started(109.0, 3, ADAM, 3, 13),
        Failed(110.0, 3, "exception", "ValueError: no data", "Traceback\nValueError: no data"),
        Started(111.0, 4, SGD, 1, 14, Proxy(0.25)),
        *reports(4, [0.3], 112.0),
        Paused(113.0, 4),
        Ended(114.0, "done", "the budget of 4 full trainings is spent"),
    ]


@pytest.fixture
def history() -> History:
    return empty(SPEC, events())


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A store with one finished study."""
    folder = tmp_path / "kept"
    store = open_store(folder)
    store.create(SPEC)
    store.append(SPEC.name, events())
    store.close()
    return folder


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """``call("show", "digits")`` in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANLU_STORE", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    runner = CliRunner()

    def call(*arguments: object, input: str | None = None) -> Result:
        return runner.invoke(group, [str(a) for a in arguments], input=input, prog_name="danlu")

    return call


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]
