"""What trivial answers and a linear model reach: the reference for every later verdict.

Practice, section A2: BL1 (the best constant answer), BL2 (linear), BL3 (nearest neighbours).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.core.task import Task
from danlu.preflight.arrays import Arrays, arrays_of, some_rows
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Skipped, well
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.simple import (
    columns,
    fit_linear,
    fit_ridge,
    neighbour_probabilities,
    probabilities,
    ridge_predictions,
)

MOST_ROWS = 5_000
NEAREST = 5


@dataclass(frozen=True, slots=True)
class Baselines:
    """What needs no network.

    Attributes:
        loss: Of the best constant answer: entropy of the priors in nats, or the target's variance.
        metric: The same answer's accuracy, or R².
        linear_metric: Accuracy or R² of a linear model on validation data; None if not fitted.
        neighbour_metric: Accuracy of five nearest neighbours; None if not fitted.
    """

    loss: float
    metric: float
    linear_metric: float | None
    neighbour_metric: float | None


@remembered
def baselines_of(problem: Problem) -> Baselines:
    arrays = arrays_of(problem)
    if arrays.form == "several":
        shares = np.clip(arrays.y_train.mean(0), 1e-12, 1 - 1e-12)
        entropy = -(shares * np.log(shares) + (1 - shares) * np.log(1 - shares))
        return Baselines(float(entropy.mean()), float(np.maximum(shares, 1 - shares).mean()),
                         None, None)  # fmt: skip
    if arrays.form == "numbers":
        return _of_numbers(arrays)
    priors = arrays.priors
    entropy = float(-(priors[priors > 0] * np.log(priors[priors > 0])).sum())
    if arrays.form == "positions" or arrays.described is None or np.unique(
        arrays.labels_train).size < 2:  # fmt: skip
        return Baselines(entropy, float(priors.max()), None, None)
    linear, neighbour = _of_labels(arrays)
    return Baselines(entropy, float(priors.max()), linear, neighbour)


def _of_numbers(arrays: Arrays) -> Baselines:
    y, target = (a.reshape(len(a), -1).astype(np.float64) for a in (arrays.y_train, arrays.y_val))
    variance = float(y.var(0).mean())
    if arrays.described is None or variance == 0 or not _finite(*arrays.described, y, target):
        return Baselines(variance, 0.0, None, None)
    y, target = y[arrays.rows[0]], target[arrays.rows[1]]
    x, x_val = columns(*arrays.described)
    error = ((ridge_predictions(fit_ridge(x, y), x_val) - target) ** 2).mean()
    return Baselines(variance, 0.0, float(1 - error / max(target.var(0).mean(), 1e-12)), None)


def _of_labels(arrays: Arrays) -> tuple[float | None, float | None]:
    """Accuracy of a linear model and of nearest neighbours on validation data."""
    assert arrays.described is not None
    labels, wanted = arrays.labels_train[arrays.rows[0]], arrays.labels_val[arrays.rows[1]]
    known = np.flatnonzero(labels >= 0)
    rows = known[some_rows(len(known), MOST_ROWS)]
    if not _finite(*arrays.described):
        return None, None
    x, x_val = columns(arrays.described[0][rows], arrays.described[1])
    y, classes = labels[rows], arrays.classes or 0
    linear = probabilities(fit_linear(x, y, classes), x_val).argmax(1)
    near = neighbour_probabilities(x, y, x_val, classes, itself=False, count=NEAREST).argmax(1)
    right = [float((found == wanted).mean()) for found in (linear, near)]
    return right[0], right[1]


def _finite(*arrays: Array) -> bool:
    return all(bool(np.isfinite(a).all()) for a in arrays)


def prior(problem: Problem) -> Iterator[Finding]:
    """BL1: the loss and metric of the best constant answer."""
    found, kind = baselines_of(problem), arrays_of(problem).kind
    name = say("accuracy") if kind == "classification" else "R²"
    yield well(
        "BL1",
        say(
            "loss {loss:.4g}, {name} {metric:.3g}", loss=found.loss, name=name, metric=found.metric
        ),
        loss=found.loss,
        metric=found.metric,
    )


def linear(problem: Problem) -> Iterator[Finding]:
    """BL2: what a linear model reaches on validation data; a network must earn its depth."""
    found, kind = baselines_of(problem), arrays_of(problem).kind
    if found.linear_metric is None:
        raise Skipped(say("no linear model fits such data"))
    name = say("accuracy") if kind == "classification" else "R²"
    yield well(
        "BL2",
        say("{name} {metric:.3g}", name=name, metric=found.linear_metric),
        metric=found.linear_metric,
    )


def neighbours(problem: Problem) -> Iterator[Finding]:
    """BL3: what the nearest training samples reach; near 1 with a poor linear model: copies?"""
    found = baselines_of(problem)
    if found.neighbour_metric is None:
        raise Skipped(say("only for classes"))
    yield well(
        "BL3",
        say("{name} {metric:.3g}", name=say("accuracy"), metric=found.neighbour_metric),
        metric=found.neighbour_metric,
    )


def task_of(problem: Problem) -> Task:
    """The facts that the data alone tells."""
    arrays, found = arrays_of(problem), baselines_of(problem)
    classes = arrays.classes
    return Task(
        kind=arrays.kind, n_train=len(arrays.y_train), n_val=len(arrays.y_val), classes=classes,
        priors=None if classes is None else tuple(map(float, arrays.priors)),
        baseline_loss=found.loss, baseline_metric=found.metric, linear_metric=found.linear_metric,
    )  # fmt: skip
