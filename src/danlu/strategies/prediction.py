"""What every trial would reach if it were trained on, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import gather
from danlu.strategies.outlook import look
from danlu.surrogates.curves import Horizon
from danlu.surrogates.linalg import one_thread

MOST = 200  # curves that predictions rest on
NINETY = 1.6449  # standard deviations on either side that hold nine tenths


@dataclass(frozen=True, slots=True)
class Prediction:
    """A trial's value to come, in the objective's own units.

    Attributes:
        epoch: For which epoch.
        value: The median.
        low: Lower end of the interval that holds the value with probability 0.9.
        high: Upper end.
    """

    trial: int
    epoch: int
    value: float
    low: float
    high: float


def predict(history: History, epochs: Sequence[int] = ()) -> list[Prediction]:
    """Predictions for every trial of the real task that has a curve, by trial and epoch.

    How far an improvement on the best goes is told with restraint: at most a quarter of the
    distance from the median trial to the best.

    Args:
        history: All that happened; without any finite value the answer is empty.
        epochs: For which epochs, those that a trial has passed are left out; the end of a full
            training if not given.
    """
    curves = gather(history)
    seen = [c for c in curves if c.epochs]
    if not seen:
        return []
    horizon = Horizon(max([history.spec.epochs, *(c.epoch for c in seen)]))
    rng = np.random.default_rng(history.spec.seed & 0xFFFFFFFF)
    with one_thread():
        outlook = look(encode(history.spec.space), history, curves, horizon, rng, most=MOST)
    wanted = [
        (i, e)
        for i, c in enumerate(outlook.curves)
        if c.epochs
        for e in (epochs or (history.spec.epochs,))
        if c.epoch < e <= horizon.epochs
    ]
    if not wanted:
        return []
    rows, at = np.array(wanted).T
    mu, sd = outlook.predict_seen(rows, at)
    sign = history.objective.loss(1.0)
    found = []
    for i, e, m, s in zip(rows, at, mu, sd, strict=True):
        low, value, high = sign * outlook.warp.inverse(m + s * np.array([-NINETY, 0.0, NINETY]))
        number = outlook.curves[i].number
        found.append(Prediction(number, int(e), value, min(low, high), max(low, high)))
    return sorted(found, key=lambda p: (p.trial, p.epoch))
