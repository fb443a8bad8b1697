"""Trials with given curves, for the tests of the verdicts."""

import math
from collections.abc import Mapping, Sequence

from tests.zoo import spec

from danlu.core.event import Finished, Learned, Reported, Started
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.core.spec import Objective
from danlu.core.task import Task
from danlu.diagnosis.verdicts import verdicts

SPACE = Space(
    lr=Float(1e-6, 10.0, log=True),
    dropout=Float(0.0, 1.0),
    weight_decay=Float(0.0, 10.0),
)
USUAL = {"lr": 1e-3, "dropout": 0.2, "weight_decay": 0.0}
TASK = Task(
    kind="classification", n_train=5000, n_val=1000, classes=10, baseline_loss=math.log(10),
    baseline_metric=0.1, initial_loss=2.31, eval_mode_train=True,
)  # fmt: skip
"""Ten balanced classes."""

Curves = Mapping[str, Sequence[float]]


def study(
    curves: Curves,
    task: Task = TASK,
    config: Mapping[str, float] = USUAL,
    metric: str = "max val_accuracy",
    horizon: int = 0,
) -> History:
    """A study whose only trial reported these curves from epoch 1 on, and finished."""
    epochs = max(map(len, curves.values()), default=0)
    given = spec(SPACE, objective=Objective.parse(metric), epochs=horizon or max(1, epochs))
    history = empty(given, [Learned(0.0, task), Started(0.0, 1, config, epochs, 0)])
    for e in range(epochs):
        metrics = {name: float(values[e]) for name, values in curves.items() if e < len(values)}
        history = history.after(Reported(0.0, 1, e + 1, metrics))
    return history.after(Finished(0.0, 1))


def said(curves: Curves, task: Task = TASK, **given: object) -> list[Finding]:
    """The verdicts on a trial with these curves."""
    history = study(curves, task, **given)  # type: ignore[arg-type]
    return verdicts(history, history.trials[1])


def codes(curves: Curves, task: Task = TASK, **given: object) -> list[str]:
    return [f.code for f in said(curves, task, **given)]


def falling(start: float, end: float, rate: float = 0.3, n: int = 30) -> list[float]:
    """From start towards end, exponentially."""
    return [end + (start - end) * math.exp(-rate * (e + 1)) for e in range(n)]


def healthy(n: int = 30, rate: float = 0.3) -> dict[str, list[float]]:
    """A training on ten classes as it should be."""
    return {
        "train_loss": falling(2.3, 0.05, rate, n),
        "train_accuracy": falling(0.1, 0.98, rate, n),
        "val_loss": falling(2.3, 0.12, rate, n),
        "val_accuracy": falling(0.1, 0.96, rate, n),
    }
