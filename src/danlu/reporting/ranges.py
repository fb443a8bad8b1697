"""How far an axis reaches, so that one diverged trial does not squeeze all others flat."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.spec import Direction
from danlu.reporting.metrics import MetricPair

LOG_RATIO = 20.0  # a loss that falls by more than this is read better on a log scale
WARM_UP = 0.1  # share of the epochs whose values may leave the picture
SQUEEZE = 2.5  # the first epochs are shown if they make the picture at most this much higher
PAD = 0.04
LIMIT = 1e100  # beyond, and below its inverse, sums and axes run out of floats


@dataclass(frozen=True, slots=True)
class Range:
    """How an axis is drawn.

    Attributes:
        low: Its lower end in the robust view.
        high: Its upper end in the robust view.
        full: Smallest and largest finite value, for the view that shows all.
        log: Whether a log scale reads better.
        can_log: Whether a log scale is possible: all values are positive.
    """

    low: float
    high: float
    full: tuple[float, float]
    log: bool
    can_log: bool


def drawable(value: float | None) -> bool:
    """Whether a chart can show a value: neither missing nor infinite, nor as good as that."""
    return value is not None and abs(value) < LIMIT  # false for NaN


def quantile(ordered: Sequence[float], q: float) -> float:
    """The value at share ``q`` of an ordered, non-empty sequence."""
    return ordered[min(len(ordered) - 1, max(0, round(q * (len(ordered) - 1))))]


def curve_range(
    history: History, pair: MetricPair, leaders: Iterable[TrialRecord]
) -> Range | None:
    """The range of the learning curves of a pair of metrics; None without a finite value.

    The good end holds every value (but one per cent); the bad end holds what the best third of
    the trials shows after their first epochs, and the leaders whole after theirs.
    """
    ranked = sorted(_finite(history, pair), key=lambda row: row[0])
    if not ranked:
        return None
    everything = sorted(v for _, values in ranked for _, v in values)
    good = [values for _, values in ranked[: max(5, len(ranked) // 3)]]
    warm = WARM_UP * max((e for values in good for e, _ in values), default=0)
    later = [v for values in good for e, v in values if e > warm]
    starts = sorted(v for values in good for _, v in values)
    for leader in leaders:
        later += [v for e, v in _points(leader, pair) if e > warm]
    later = sorted(later) or starts
    ends = _ends(everything, later, starts, pair.direction)
    return _range(ends, everything, starts, pair.direction)


def _range(
    ends: tuple[float, float],
    everything: Sequence[float],
    starts: Sequence[float],
    direction: Direction | None,
) -> Range:
    low, high = ends
    positive = everything[0] > 1 / LIMIT
    log = direction == "min" and positive and high > 0 and starts[-1] / low > LOG_RATIO
    if log:
        high = max(high, quantile(starts, 0.995))
    low, high = padded(low, high, log)
    return Range(low, high, (everything[0], everything[-1]), log, positive)


def _ends(
    everything: Sequence[float],
    later: Sequence[float],
    starts: Sequence[float],
    direction: Direction | None,
) -> tuple[float, float]:
    if direction is None:
        return quantile(everything, 0.01), quantile(everything, 0.99)
    if direction == "min":
        low = min(quantile(everything, 0.01), later[0])
        high = quantile(later, 0.98)
        wide = quantile(starts, 0.995)
        return low, wide if wide - low <= SQUEEZE * (high - low) else high
    high = max(quantile(everything, 0.99), later[-1])
    low = quantile(later, 0.02)
    wide = quantile(starts, 0.005)
    return wide if high - wide <= SQUEEZE * (high - low) else low, high


def value_range(values: Sequence[float], direction: Direction) -> Range | None:
    """The range of the trials' values: the good ones whole, the worst clipped."""
    known = [v for v in values if drawable(v)]
    if not known:
        return None
    ordered = sorted(known, reverse=direction == "max")
    best, middle, bad = ordered[0], quantile(ordered, 0.5), quantile(ordered, 0.92)
    limit = best + 4 * (middle - best)
    end = bad if abs(bad - best) <= abs(limit - best) or middle == best else limit
    low, high = min(best, end), max(best, end)
    log = direction == "min" and low > 1 / LIMIT and bad / low > LOG_RATIO
    low, high = padded(low, max(high, bad) if log else high, log)
    return Range(low, high, (min(ordered), max(ordered)), log, min(ordered) > 1 / LIMIT)


def padded(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """A little room at both ends, and some where both are one."""
    if log:
        room = max((math.log(high) - math.log(low)) * PAD, 0.02)
        return low * math.exp(-room), high * math.exp(room)
    room = (high - low) * PAD or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _points(trial: TrialRecord, pair: MetricPair) -> list[tuple[int, float]]:
    missing = math.nan  # neither missing nor infinite nor NaN, as of `drawable`
    return [
        (r.epoch, v)
        for name in pair.names
        for r in trial.reports
        if -LIMIT < (v := r.metrics.get(name, missing)) < LIMIT
    ]


def _finite(
    history: History, pair: MetricPair
) -> list[tuple[tuple[int, float], list[tuple[int, float]]]]:
    """For each trial with a finite value: its place by the objective, and its points."""
    rows = []
    for trial in history.trials.values():
        if points := _points(trial, pair):
            failed = trial.state == "failed" or trial.value is None
            last = 2 if failed else 0 if trial.proxy.full else 1
            loss = 0.0 if trial.value is None else history.objective.loss(trial.value)
            rows.append(((last, loss), points))
    return rows
