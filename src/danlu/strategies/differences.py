"""Which differences between losses mean nothing."""

import math
import statistics
from collections.abc import Iterable

from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.noise import noise_of
from danlu.strategies.fresh import Key, config_key


def noise(history: History) -> float:
    """Standard deviation between trainings of one config; 0.0 where nothing tells it."""
    groups: dict[Key, list[TrialRecord]] = {}
    for t in history.ranked:
        groups.setdefault(config_key(t.config), []).append(t)
    return noise_of(history, [tuple(group) for group in groups.values()]).sd or 0.0


def spread(losses: Iterable[float]) -> float:
    """Between the first and the third quarter of some losses; 0.0 for fewer than four."""
    finite = [v for v in losses if math.isfinite(v)]
    if len(finite) < 4:
        return 0.0
    quarters = statistics.quantiles(finite, n=4, method="inclusive")
    return quarters[2] - quarters[0]
