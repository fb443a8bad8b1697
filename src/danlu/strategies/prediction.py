"""What every trial would reach if it were trained on, with its interval."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from danlu.core.history import History
from danlu.core.prediction import NINETY, Prediction
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import Curve, gather
from danlu.strategies.outlook import Outlook, look
from danlu.strategies.search import rows_of
from danlu.surrogates.curve_gp import INTERVAL, condition_curve_gp
from danlu.surrogates.curves import Horizon
from danlu.surrogates.linalg import one_thread

MOST = 140  # curves that all predictions rest on
AT_ONCE = 60  # further trials that are added to them and predicted together


def predict(
    history: History, epochs: Sequence[int] = (), trials: Collection[int] | None = None
) -> list[Prediction]:
    """Predictions for trials of the real task that have a curve and did not fail.

    How far an improvement on the best goes is told with restraint: at most a quarter of the
    distance from the median trial to the best.

    Args:
        history: All that happened; without any finite value, or where nothing may vary, the
            answer is empty.
        epochs: For which epochs, those that a trial has passed are left out; the end of a full
            training if not given.
        trials: For which trials; all if not given.

    Returns:
        Predictions by trial and epoch.
    """
    # The first objective is predicted, also of trials that break a constraint.
    history = replace(history, spec=replace(history.spec, further=(), constraints=()))
    # Running trials are predicted from what they reported, not from what is believed of them.
    curves = [replace(c, until=0) if c.until else c for c in gather(history)]
    seen = [c for c in curves if c.epochs]
    wanted = [c for c in seen if not c.failed and (trials is None or c.number in trials)]
    horizon = Horizon(max([history.spec.epochs, *(c.epoch for c in seen)]))
    epochs = [e for e in epochs or (history.spec.epochs,) if e <= horizon.epochs]
    wanted = [c for c in wanted if any(e > c.epoch for e in epochs)]
    if not wanted or not history.spec.space.free:
        return []
    rng = np.random.default_rng(history.spec.seed & 0xFFFFFFFF)
    found = []
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):  # checked at the end
        outlook = look(encode(history.spec.space), history, curves, horizon, rng, most=MOST)
        for part, numbers in _parts(outlook, wanted):
            found += _predicted(part, history, numbers, epochs)
    return sorted(_bounded(history, seen, found), key=lambda p: (p.trial, p.epoch))


def _parts(outlook: Outlook, wanted: Sequence[Curve]) -> Iterator[tuple[Outlook, set[int]]]:
    """The wanted trials in parts, each with an outlook that was conditioned on them."""
    held = {c.number for c in outlook.curves}
    yield outlook, held & {c.number for c in wanted}
    others = [c for c in wanted if c.number not in held]
    for k in range(0, len(others), AT_ONCE):
        more = others[k : k + AT_ONCE]
        yield _extended(outlook, more), {c.number for c in more}


def _extended(outlook: Outlook, more: Sequence[Curve]) -> Outlook:
    """The outlook conditioned on some more curves, its hyperparameters as they are."""
    gp, curves = outlook.gp, [*outlook.curves, *more]
    epochs = [*gp.epochs, *(c.epochs for c in more)]
    values = [*gp.values, *(outlook.warp(np.array(c.losses)) for c in more)]
    X = rows_of(outlook.encoding, curves)
    extended = condition_curve_gp(outlook.horizon, X, gp.group, epochs, values, gp.theta)
    return replace(outlook, curves=curves, gp=extended)


def _predicted(
    outlook: Outlook, history: History, numbers: Collection[int], epochs: Sequence[int]
) -> list[Prediction]:
    pairs = [
        (i, e)
        for i, c in enumerate(outlook.curves)
        if c.number in numbers
        for e in epochs
        if e > c.epoch
    ]
    if not pairs:
        return []
    rows, at = np.array(pairs).T
    mu, sd = outlook.predict_seen(rows, at)
    sign = history.objective.loss(1.0)
    found = []
    for i, e, m, s in zip(rows, at, mu, sd, strict=True):
        three = sign * outlook.warp.inverse(m + INTERVAL * s * np.array([-NINETY, 0.0, NINETY]))
        if np.all(np.isfinite(three)):  # not so when values were near the largest float
            low, value, high = sorted(three.tolist())
            found.append(Prediction(outlook.curves[i].number, int(e), value, low, high))
    return found


def _bounded(
    history: History, seen: Sequence[Curve], found: Sequence[Prediction]
) -> list[Prediction]:
    """Predictions inside what the metric can be, as far as its values tell.

    What was never negative stays so, and what is to be maximised and was never above 1, as an
    accuracy, stays below.
    """
    sign = history.objective.loss(1.0)
    values = [sign * loss for c in seen for loss in c.losses]
    low = 0.0 if min(values) >= 0 else -math.inf
    high = 1.0 if low == 0 and max(values) <= 1 and sign < 0 else math.inf

    def inside(value: float) -> float:
        return min(high, max(low, value))

    return [
        replace(p, value=inside(p.value), low=inside(p.low), high=inside(p.high)) for p in found
    ]
