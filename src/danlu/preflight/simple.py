"""Simple models, fitted in a second: what they reach tells what the data holds.

X: standardised inputs, (n, d).  y: class numbers, (n,).  W: weights, (d + 1, classes).
"""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from danlu.preflight.conversion import Array

PENALTY = 1.0  # of half the squared weights beside the summed loss, as in most libraries
ITERATIONS = 100
NEIGHBOURS = 10
MOST_COLUMNS = 256  # for linear models, which would take minutes on raw images


def standardised(train: Array, *others: Array) -> tuple[Array, ...]:
    """Columns with mean 0 and standard deviation 1 on the training data; constants become 0."""
    mean, sd = train.mean(0), train.std(0)
    safe = np.where(sd > 0, sd, 1.0)
    return tuple((x - mean) / safe for x in (train, *others))


def columns(train: Array, *others: Array) -> tuple[Array, ...]:
    """Standardised columns; of many the directions in which most of the training data varies.

    A randomised range finder (Halko, Martinsson and Tropp 2011, algorithm 4.3 with one power).
    """
    scaled = standardised(train, *others)
    if train.shape[1] <= MOST_COLUMNS:
        return scaled
    x = scaled[0]
    draw = np.random.default_rng(0).normal(size=(len(x), MOST_COLUMNS))
    basis = np.linalg.qr(x.T @ (x @ np.linalg.qr(x.T @ draw)[0]))[0]
    return tuple(part @ basis for part in scaled)


def fit_linear(x: Array, y: Array, classes: int) -> Array:
    """Multinomial logistic regression: the weights W, with the bias in the last row."""
    inputs, targets = _with_bias(x), np.eye(classes)[y]
    shape = (inputs.shape[1], classes)

    def objective(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(shape)
        logits = inputs @ weights
        penalised = weights.copy()
        penalised[-1] = 0.0
        loss = -(targets * log_softmax(logits, axis=1)).sum() + PENALTY / 2 * (penalised**2).sum()
        gradient = inputs.T @ (softmax(logits, axis=1) - targets) + PENALTY * penalised
        return float(loss), gradient.ravel()

    found = minimize(
        objective, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B",
        options={"maxiter": ITERATIONS},
    )  # fmt: skip
    return np.asarray(found.x).reshape(shape)


def probabilities(weights: Array, x: Array) -> Array:
    """Of each class, (n, classes)."""
    return np.asarray(softmax(_with_bias(x) @ weights, axis=1))


def fit_ridge(x: Array, y: Array) -> Array:
    """Ridge regression onto targets (n, outputs): weights with the bias in the last row."""
    inputs = _with_bias(x)
    penalty = PENALTY * np.eye(inputs.shape[1])
    penalty[-1, -1] = 0.0
    return np.asarray(np.linalg.lstsq(inputs.T @ inputs + penalty, inputs.T @ y, rcond=None)[0])


def ridge_predictions(weights: Array, x: Array) -> Array:
    return np.asarray(_with_bias(x) @ weights)


def neighbour_probabilities(
    x: Array, y: Array, queries: Array, classes: int, *, itself: bool, count: int = NEIGHBOURS
) -> Array:
    """Share of each class among the nearest neighbours, (queries, classes).

    Args:
        x: Known points.
        y: Their classes.
        queries: Where to look.
        classes: How many there are.
        itself: Whether ``queries`` are ``x``, whose own class must not count.
        count: How many neighbours.
    """
    squared = distances(queries, x)
    if itself:
        np.fill_diagonal(squared, np.inf)
    nearest = np.argpartition(squared, min(count, len(x) - 1) - 1, axis=1)[:, :count]
    return np.asarray(np.eye(classes)[y[nearest]].mean(1))


def distances(a: Array, b: Array) -> Array:
    """Squared distances between rows, (len(a), len(b))."""
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(squared, 0.0))


def folds(y: Array, count: int, seed: int = 0) -> Iterator[tuple[Array, Array]]:
    """Stratified (rest, held out) rows of each fold."""
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(y))
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    part = np.empty(len(y), dtype=np.int64)
    part[ordered] = np.arange(len(y)) % count
    for fold in range(count):
        yield np.flatnonzero(part != fold), np.flatnonzero(part == fold)


def out_of_fold(x: Array, y: Array, classes: int, count: int = 5) -> Array:
    """Linear probabilities of rows that were held out, (n, classes)."""
    found = np.zeros((len(y), classes))
    for rest, held in folds(y, count):
        found[held] = probabilities(fit_linear(x[rest], y[rest], classes), x[held])
    return found


def area_under_curve(scores: Array, positive: Array) -> float:
    """Probability that a positive row scores above a negative one."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    _, inverse, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks[order] = (ends - (counts - 1) / 2.0)[inverse]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    total = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(total / max(1, positives * negatives))


def _with_bias(x: Array) -> Array:
    return np.hstack([x, np.ones((len(x), 1))])
