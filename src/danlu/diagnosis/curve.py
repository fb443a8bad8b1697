"""One metric over the epochs, and what can be read from it in spite of noise.

Robust statistics throughout: medians, Theil–Sen slopes and Kendall's rank correlation. No verdict
rests on a single epoch.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from danlu.core.record import TrialRecord
from danlu.diagnosis.thresholds import (
    END_EPOCHS,
    HUGE,
    SMOOTH_LEAST,
    SMOOTH_MOST,
    SMOOTH_SHARE,
    TAIL_LEAST,
    TAIL_POINTS,
    TAIL_SHARE,
)

GAUSS = 1.4826  # median absolute deviation → standard deviation
SECOND_DIFFERENCE = math.sqrt(6.0)  # the noise of x₁ − 2x₂ + x₃ over that of x
NOISE_POINTS = 5


@dataclass(frozen=True)
class Trend:
    """Where the last part of a curve goes.

    Attributes:
        change: Theil–Sen slope times the length of the part.
        tau: Kendall's rank correlation with time, from −1 (falls) to 1 (grows).
    """

    change: float
    tau: float


@dataclass(frozen=True)
class Curve:
    """The finite values of a metric, in the order of their epochs; may be empty."""

    epochs: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, trial: TrialRecord, metric: str | None) -> "Curve":
        """A trial's curve of a metric; empty where there is none."""
        if metric is None:
            return cls()
        known = [(e, v) for e, v in trial.curve(metric) if math.isfinite(v)]
        epochs = tuple(e for e, _ in known)
        return cls(epochs, tuple(max(-HUGE, min(HUGE, float(v))) for _, v in known))

    def __len__(self) -> int:
        return len(self.values)

    def map(self, scale: float, shift: float = 0.0) -> "Curve":
        """Every value times ``scale`` plus ``shift``."""
        return Curve(self.epochs, tuple(scale * v + shift for v in self.values))

    def until(self, epoch: int) -> "Curve":
        """The part up to an epoch."""
        n = bisect_right(self.epochs, epoch)
        return Curve(self.epochs[:n], self.values[:n])

    @cached_property
    def end(self) -> float:
        """The median of the last epochs; of a curve that is not empty."""
        return median(self.values[-END_EPOCHS:])

    @cached_property
    def smooth(self) -> tuple[float, ...]:
        """The rolling median; at the ends of the window that still fits."""
        n = len(self)
        width = min(max(int(SMOOTH_SHARE * n) | 1, SMOOTH_LEAST), SMOOTH_MOST)
        half = width // 2
        if n <= width:
            return (median(self.values),) * n if n else ()
        middle = [median(self.values[i - half : i + half + 1]) for i in range(half, n - half)]
        return (*middle[:1] * half, *middle, *middle[-1:] * half)

    @cached_property
    def lowest(self) -> int:
        """The index of the first minimum of the smoothed curve."""
        return min(range(len(self)), key=self.smooth.__getitem__)

    @cached_property
    def highest(self) -> int:
        """The index of the first maximum of the smoothed curve."""
        return max(range(len(self)), key=self.smooth.__getitem__)

    @cached_property
    def noise(self) -> float | None:
        """The standard deviation of noise from epoch to epoch, blind to smooth trends.

        From the median absolute deviation of second differences, of neighbours that are equally
        far apart; None with too few of them.
        """
        e, x = self.epochs, self.values
        second = [
            x[i] - 2.0 * x[i + 1] + x[i + 2] for i in range(len(x) - 2)
            if e[i + 1] - e[i] == e[i + 2] - e[i + 1]
        ]  # fmt: skip
        if len(second) < NOISE_POINTS - 2:
            return None
        centre = median(second)
        return GAUSS * median([abs(d - centre) for d in second]) / SECOND_DIFFERENCE

    @cached_property
    def rises(self) -> float:
        """The sum of all up-moves."""
        return sum(max(0.0, b - a) for a, b in pairwise(self.values))

    @cached_property
    def falls(self) -> float:
        """The sum of all down-moves, as a positive number."""
        return sum(max(0.0, a - b) for a, b in pairwise(self.values))

    @cached_property
    def roughness(self) -> float:
        """The share of the progress that up-moves undo; 0 of a curve that never moves."""
        if self.falls > 0.0:
            return self.rises / self.falls
        return math.inf if self.rises > 0.0 else 0.0

    @cached_property
    def tail(self) -> Trend:
        """The trend of the last part."""
        n = max(TAIL_LEAST, math.ceil(TAIL_SHARE * len(self)))
        return trend(self.epochs[-n:], self.values[-n:])

    @cached_property
    def tau(self) -> float:
        """Kendall's rank correlation of the whole curve with time."""
        return kendall(self.values)


def trend(epochs: Sequence[int], values: Sequence[float]) -> Trend:
    """Theil–Sen change over the epochs, and Kendall's tau."""
    if len(values) < 2:
        return Trend(0.0, 0.0)
    step = max(1, math.ceil(len(values) / TAIL_POINTS))
    x, y = epochs[::-step], values[::-step]
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(len(y)) for j in range(i + 1, len(y))]
    return Trend(median(slopes) * (epochs[-1] - epochs[0]), kendall(values))


def kendall(values: Sequence[float]) -> float:
    """Kendall's tau-a with the order: (pairs that grow − pairs that fall) / all pairs."""
    seen: list[float] = []
    score = 0
    for v in values:
        smaller, not_larger = bisect_left(seen, v), bisect_right(seen, v)
        score += smaller - (len(seen) - not_larger)
        insort(seen, v)
    n = len(values)
    return 2.0 * score / (n * (n - 1)) if n > 1 else 0.0
