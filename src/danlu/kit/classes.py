"""Fewer classes as a cheaper stand-in: a part of the classes that is about as hard to tell apart.

The most confusable pair is always among them, and the mean confusability of a pair is that of
the full problem, as far as the classes allow: the most frequent classes, or two easy ones, would
make every config look good.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

EASIER = 0.05  # accuracy that a linear model may gain by there being fewer classes
GROWTH = 1.2  # of the number of classes while they are too easy
TOLERANCE = 0.2  # by which the mean confusability of a pair may differ from the full problem's
FOLDS = 3
MOST_ROWS = 5_000  # for the linear model that is asked what it confuses


def confusability(x: Matrix, y: npt.NDArray[np.int64], classes: int) -> Matrix:
    """How often a linear model takes one class for another, out of fold.

    Args:
        x: Standardised features, (n, p).
        y: Class codes, (n,).
        classes: Their number, C.

    Returns:
        Symmetric (C, C): the mean of the two error rates of each pair, 0 on the diagonal.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    x, y = x[:MOST_ROWS], y[:MOST_ROWS]
    folds = min(FOLDS, int(np.bincount(y, minlength=classes).min()))
    if folds < 2:
        return np.zeros((classes, classes))
    model = LogisticRegression(max_iter=100, tol=1e-2)
    told = cross_val_predict(model, x, y, cv=StratifiedKFold(folds))
    counts = np.zeros((classes, classes))
    np.add.at(counts, (y, told), 1.0)
    rates = counts / np.maximum(1.0, counts.sum(1, keepdims=True))
    np.fill_diagonal(rates, 0.0)
    symmetric: Matrix = (rates + rates.T) / 2
    return symmetric


def hard_subset(confusion: Matrix, k: int) -> tuple[int, ...]:
    """At least ``k`` classes that are nearly as hard to tell apart as all of them.

    With too few an accuracy comes near 1 whatever the config, and ranks by it are noise. So there
    are more than ``k`` where a linear model would gain more than `EASIER` in accuracy.

    Args:
        confusion: (C, C), as `confusability` gives it.
        k: From 2 to C.
    """
    wanted = _error(confusion, range(len(confusion))) - EASIER
    while True:
        chosen = class_subset(confusion, k)
        if k >= len(confusion) or _error(confusion, chosen) >= wanted:
            return chosen
        k = min(len(confusion), math.ceil(k * GROWTH))


def _error(confusion: Matrix, classes: Iterable[int]) -> float:
    """The share of errors among some classes: what is taken for another one of them."""
    kept = list(classes)
    return float(confusion[np.ix_(kept, kept)].sum()) / len(kept)


def class_subset(confusion: Matrix, k: int) -> tuple[int, ...]:
    """``k`` classes in ascending order, chosen by their confusability.

    The most confusable pair, then by farthest point on the rows of ``confusion``; then single
    classes are exchanged while that brings the mean confusability of a pair nearer to that of
    the full problem, until it is within `TOLERANCE`.

    Args:
        confusion: (C, C), as `confusability` gives it.
        k: From 2 to C.
    """
    n = len(confusion)
    if k >= n:
        return tuple(range(n))
    flat = int(np.triu(confusion + 1e-12, 1).argmax())
    chosen = [flat // n, flat % n]
    squares = (confusion**2).sum(1)  # for a thousand classes (C, C, C) would be too much
    distance = squares[:, None] + squares - 2.0 * confusion @ confusion.T
    while len(chosen) < k:
        nearest = distance[:, chosen].min(1)
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
    return tuple(sorted(_matched(confusion, chosen)))


def _matched(confusion: Matrix, chosen: list[int]) -> list[int]:
    """The choice with single classes, never of the first pair, exchanged towards the mean."""
    full = _mean_pair(confusion, list(range(len(confusion))))
    while abs(_mean_pair(confusion, chosen) - full) > TOLERANCE * full:
        others = [c for c in range(len(confusion)) if c not in chosen]
        swaps = [[*chosen[:i], c, *chosen[i + 1 :]] for i in range(2, len(chosen)) for c in others]
        best = min(swaps, key=lambda s: abs(_mean_pair(confusion, s) - full), default=chosen)
        if abs(_mean_pair(confusion, best) - full) >= abs(_mean_pair(confusion, chosen) - full):
            break
        chosen = best
    return chosen


def _mean_pair(confusion: Matrix, classes: list[int]) -> float:
    part = confusion[np.ix_(classes, classes)]
    return float(part.sum() / max(1, len(classes) * (len(classes) - 1)))


def flat_features(inputs: tuple[Any, ...]) -> Matrix:
    """Inputs of any kind as standardised features of a linear model, (n, p).

    Args:
        inputs: As `Preprocessing` makes them: float arrays are flattened (sequences averaged over
            time by their callers' padding), integer codes counted.
    """
    parts = [_flat(np.asarray(part)) for part in inputs if np.ndim(part) > 1 and part.shape[1]]
    x = np.concatenate(parts, axis=1)
    standardised: Matrix = (x - x.mean(0)) / np.maximum(1e-6, x.std(0))
    return standardised


def _flat(part: npt.NDArray[Any]) -> Matrix:
    if part.dtype.kind == "f":
        x = part.mean(1) if part.ndim == 3 else part
        return x.reshape(len(x), -1).astype(np.float64)
    counts = np.zeros((len(part), int(part.max()) + 1))
    np.add.at(counts, (np.arange(len(part))[:, None], part), 1.0)
    return counts
