"""Trials of one study side by side, though they were trained for different lengths.

What strategies, study rules and reports share: losses brought to one epoch, and how much each
parameter matters for them.
"""

import math
import statistics
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import Protocol

import numpy as np

from danlu.core.decision import Proxy
from danlu.core.history import History
from danlu.core.identity import Same
from danlu.core.record import TrialRecord
from danlu.core.space import Space
from danlu.surrogates import importance as shares
from danlu.surrogates.importance import Share
from danlu.surrogates.linalg import Array

BLAMELESS = frozenset({"lost", "launch", "order"})  # failures that say nothing about the config
RUNG_GROWTH = 1.3  # between epochs at which curves are compared
HUGE = 1e30  # what is larger is cut: it tells nothing more, and its square would be infinite
FEWEST_PAIRS = 3  # trials seen at two epochs before their change is trusted


class Recorded(Protocol):
    """What has a history: a `Study`."""

    @property
    def history(self) -> History: ...


@dataclass(frozen=True, slots=True)
class ParameterImportance:
    """How much each free parameter matters for the objective; made by `importance`.

    Shares of the variance that a model of the trials' values explains; they sum to 1 over
    parameters and pairs. Where ``explained`` is small they say little.

    Attributes:
        single: Parameter → its share alone, largest first.
        pairs: Two parameters → their share beyond what they explain alone, largest first.
        rows: How many trials they rest on.
        explained: Share of the whole variance that the model explains on trials it has not seen.
        sd: Standard deviation of the losses that were compared, those far off cut.
    """

    single: Mapping[str, Share]
    pairs: Mapping[tuple[str, str], Share]
    rows: int
    explained: float
    sd: float

    def total(self, name: str) -> float:
        """What a parameter explains alone and in all its pairs together."""
        return self.single[name].value + sum(s.value for p, s in self.pairs.items() if name in p)

    def effect(self, name: str) -> float:
        """Standard deviation of what a parameter explains, in the objective's units."""
        return self.sd * math.sqrt(self.explained * self.total(name))


def importance(
    study: History | Recorded, *, repeats: int = shares.REPEATS, most: int = shares.MOST_ROWS
) -> ParameterImportance | None:
    """How much each free parameter matters for the objective in what was tried.

    Trials of different lengths are brought to one epoch (`levelled`); failed ones count as the
    worst. Trials on proxies are never mixed with others: those of the proxy, or of the real task,
    that has most trials count.

    Args:
        study: A `Study` or its `History`.
        repeats: From how many resamples the intervals are taken.
        most: Trials that the model rests on, drawn from all.

    Returns:
        None if there is too little to tell: fewer than 15 trials, or values that are all equal.

    Raises:
        StoreError: If the study cannot be read.
    """
    history = study if isinstance(study, History) else study.history
    losses = levelled(history, most_used(history))
    trials = [history.trials[n] for n in losses]
    names = history.spec.space.free
    X, y = unit_rows(history.spec.space, trials), np.array(list(losses.values()))
    found = (
        shares.importance(X, y, history.spec.seed, repeats=repeats, most=most) if trials else None
    )
    if found is None:
        return None
    single = dict(zip(names, found.single, strict=True))
    pairs = {(names[i], names[j]): s for (i, j), s in found.pairs.items()}
    return ParameterImportance(
        dict(sorted(single.items(), key=lambda item: -item[1].value)),
        dict(sorted(pairs.items(), key=lambda item: -item[1].value)),
        found.rows, found.explained, found.sd,
    )  # fmt: skip


def most_used(history: History) -> Proxy:
    """The proxy that most trials with a value had; of equals the one nearest to the real task."""
    counts: dict[Proxy, int] = {}
    for t in history.trials.values():
        if t.value is not None:
            counts[t.proxy] = counts.get(t.proxy, 0) + 1
    return max(counts, key=lambda p: (counts[p], p.full, p.data_fraction), default=Proxy())


def unit_rows(space: Space, trials: Sequence[TrialRecord]) -> Array:
    """Configs in the unit cube of the free parameters, (n, d); NaN where one is inactive."""
    X = np.full((len(trials), len(space.free)), np.nan)
    for j, name in enumerate(space.free):
        p = space[name]
        for i, t in enumerate(trials):
            if name in t.config:
                X[i, j] = p.to_unit(t.config[name])
    return X


def levelled(history: History, proxy: Proxy) -> dict[int, float]:
    """Number → loss of each trial on a proxy, all brought to one epoch; infinite if it failed.

    A trial that was trained for less gets what trials improved by from there on, each epoch's
    median over all that were trained through it. Whoever compares values as they are finds that
    long trainings matter; whoever compares at the deepest epoch sees the best trials only.
    """
    rungs = _rungs(history.spec.epochs)
    metric, sign = history.objective.metric, history.objective.loss(1.0)
    seen = {
        t.number: _summary(Same(t), metric, sign, rungs)
        for t in history.trials.values() if t.proxy == proxy
    }  # fmt: skip
    gains = _gains([s.on_rungs for s in seen.values()], len(rungs))
    losses: dict[int, float] = {}
    for number, summary in seen.items():
        trial = history.trials[number]
        if trial.state == "failed" and trial.cause not in BLAMELESS:
            losses[number] = float("inf")
        elif summary.epoch:
            losses[number] = summary.loss + _ahead(gains, rungs, summary.epoch)
    return losses


def best_so_far(trial: TrialRecord, metric: str, sign: float) -> list[tuple[int, float]]:
    """(epoch, best loss up to it) of a trial's finite values, taken times ``sign``."""
    known = [
        (e, min(HUGE, max(-HUGE, sign * v))) for e, v in trial.curve(metric) if abs(v) < np.inf
    ]
    return list(zip((e for e, _ in known), accumulate((v for _, v in known), min), strict=True))


def at_epoch(curve: Sequence[tuple[int, float]], epoch: int) -> float | None:
    """A curve's loss at an epoch: of the last one not after it; None before the first."""
    i = bisect_right(curve, epoch, key=lambda point: point[0])
    return curve[i - 1][1] if i else None


@dataclass(frozen=True, slots=True)
class _Summary:
    """A trial's curve as far as it is compared.

    Attributes:
        epoch: Its last finite value's; 0 without any.
        loss: The best up to there.
        on_rungs: The best up to each rung that it reached; None before its first value.
    """

    epoch: int
    loss: float
    on_rungs: tuple[float | None, ...]


@lru_cache(maxsize=32768)
def _summary(
    same: Same[TrialRecord], metric: str, sign: float, rungs: tuple[int, ...]
) -> _Summary:
    """Kept from one look to the next: most trials have not changed."""
    curve = best_so_far(same.value, metric, sign)
    if not curve:
        return _Summary(0, 0.0, ())
    last, loss = curve[-1]
    return _Summary(last, loss, tuple(at_epoch(curve, r) for r in rungs if r <= last))


@cache
def _rungs(last: int) -> tuple[int, ...]:
    """Epochs from 1 to the last, growing by a factor."""
    rungs = [1]
    while rungs[-1] < last:
        rungs.append(min(last, max(rungs[-1] + 1, round(rungs[-1] * RUNG_GROWTH))))
    return tuple(rungs)


def _gains(seen: Sequence[Sequence[float | None]], rungs: int) -> list[float]:
    """By how much losses change from each rung to the next: the median of those seen at both."""
    gains = []
    for k in range(rungs - 1):
        steps = [
            after - before
            for losses in seen
            if len(losses) > k + 1
            and (before := losses[k]) is not None
            and (after := losses[k + 1]) is not None
        ]
        gains.append(statistics.median(steps) if len(steps) >= FEWEST_PAIRS else 0.0)
    return gains


def _ahead(gains: Sequence[float], rungs: Sequence[int], epoch: int) -> float:
    """What a trial at an epoch has still to gain; of the rung it stands in, the part left."""
    return sum(
        gain * min(1.0, (b - epoch) / (b - a))
        for gain, (a, b) in zip(gains, pairwise(rungs), strict=True)
        if b > epoch
    )
