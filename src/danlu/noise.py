"""How far values of one config lie apart by chance."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from danlu.comparing import HUGE
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say

SEED_FREEDOM = 6  # degrees of freedom from which the spread between seeds is trusted alone (E4)
NOISE_EPOCHS = 5  # reports of a curve from which its noise is read off
NOISE_WANTED = 8  # … if there are so many: of fewer the median says too little
NOISE_CURVES, NOISE_TAIL = 30, 20  # of so many best curves, their last epochs

Trainings: TypeAlias = tuple[TrialRecord, ...]
"""All trainings of one config."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How far values of one config lie apart by chance.

    Attributes:
        sd: Standard deviation between trainings; None where nothing tells it.
        freedom: Degrees of freedom of repeated trainings on which it rests, 0 without any.
        source: In words.
    """

    sd: float | None
    freedom: int
    source: str


def noise_of(history: History, tried: Sequence[Trainings]) -> Noise:
    """The noise between trainings: from repeats, else from the data's size or the curves.

    The last two know only a part of it, so the largest counts until there are enough repeats.
    """
    spread, freedom = _between_seeds(tried)
    if spread is not None and freedom >= SEED_FREEDOM:
        return Noise(
            spread, freedom, say("{freedom} or more repeated trainings", freedom=freedom + 1)
        )
    known = [
        (spread, say("few repeated trainings")),
        (_sampling(history), say("the number of validation samples")),
        (_along_curves(history, tried), say("how far the curves jump from epoch to epoch")),
    ]
    told = [(sd, source) for sd, source in known if sd is not None]
    if not told:
        return Noise(None, freedom, say("nothing tells it"))
    sd, source = max(told)
    return Noise(sd, freedom, source)


def _between_seeds(tried: Iterable[Trainings]) -> tuple[float | None, int]:
    """Pooled standard deviation of repeated trainings of one config, and its freedom."""
    squares, freedom = 0.0, 0
    for trials in tried:
        longest = max(t.epoch for t in trials)
        alike = [t for t in trials if t.epoch == longest]
        values = list({t.seed: cut(t.value) for t in alike if t.value is not None}.values())
        if len(values) > 1:
            squares += statistics.variance(values) * (len(values) - 1)
            freedom += len(values) - 1
    return (math.sqrt(squares / freedom), freedom) if freedom else (None, 0)


def _sampling(history: History) -> float | None:
    """Standard error of an accuracy on so many validation samples."""
    n, best = history.task.n_val, history.best
    if not n or best is None or best.value is None or not accuracy_like(history):
        return None
    share = min(1.0, max(0.0, best.value))
    return math.sqrt(share * (1.0 - share) / n)


def accuracy_like(history: History) -> bool:
    """Whether the objective is a share of right answers."""
    words = history.objective.metric.lower().replace("-", "_").split("_")
    return bool({"accuracy", "acc"} & set(words)) and history.task.kind != "regression"


def _along_curves(history: History, tried: Sequence[Trainings]) -> float | None:
    """The noise of the best curves: the median of what their second differences tell.

    Of the second half of each curve: at its beginning it bends so much that this looks like noise.
    """
    metric = history.objective.metric
    curves = [t.curve(metric) for trials in tried[:NOISE_CURVES] for t in trials[:1]]
    tails = [c[-min(NOISE_TAIL, max(NOISE_WANTED, len(c) // 2)) :] for c in curves]
    found = [sd for tail in tails if (sd := jumps([v for _, v in tail])) is not None]
    return statistics.median(found) if found else None


def jumps(values: Sequence[float]) -> float | None:
    """Noise of a curve, blind to its trend: 1.4826 · median |d₂ − median d₂| / √6.

    None below five finite values.
    """
    values = [cut(v) for v in values if math.isfinite(v)]
    if len(values) < NOISE_EPOCHS:
        return None
    second = [a - 2.0 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    middle = statistics.median(second)
    return 1.4826 * statistics.median(abs(d - middle) for d in second) / math.sqrt(6.0)


def cut(value: float) -> float:
    """A finite value, so small that its square is finite too."""
    return min(HUGE, max(-HUGE, value))
