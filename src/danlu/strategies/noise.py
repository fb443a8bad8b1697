"""How large differences between trials are that mean nothing."""

import math
import statistics
from collections.abc import Iterable, Sequence

from danlu.core.history import History
from danlu.core.record import TrialRecord

LEAST_FREEDOM = 6  # repeats beyond the first of each config, before their spread is trusted
LEAST_EPOCHS = 6  # evaluations of a curve before its roughness says something
TO_SD = 1.4826 / math.sqrt(6.0)  # second differences of white noise have six times its variance
SHARES = ("accuracy", "acc", "f1", "precision", "recall", "auc")


def noise(history: History) -> float:
    """Standard deviation of a trial's value; 0.0 where nothing tells it.

    From repeats of configs where there are enough, else from what the validation set's size
    implies for a share, or from the roughness of the curves (which sees less than a seed does).
    """
    repeated = _within_configs(history)
    if repeated is not None:
        return repeated
    return max(_sampling(history), _roughness(history))


def _within_configs(history: History) -> float | None:
    """Pooled over configs that were trained in full with several seeds; None with too few."""
    seen = history.confirmation
    groups = [list(f.losses.values()) for f in seen.finalists] if seen else []
    freedom = sum(len(g) - 1 for g in groups)
    if freedom < LEAST_FREEDOM:
        return None
    squares = sum(sum((v - statistics.fmean(g)) ** 2 for v in g) for g in groups)
    return math.sqrt(squares / freedom)


def _sampling(history: History) -> float:
    """Binomial standard error of a share of the validation samples."""
    n, best = history.task.n_val, history.best
    words = history.objective.metric.lower().replace("-", "_").split("_")
    if not n or best is None or best.value is None or not any(w in SHARES for w in words):
        return 0.0
    share = min(1.0, max(0.0, best.value))
    return math.sqrt(share * (1.0 - share) / n)


def _roughness(history: History) -> float:
    metric = history.objective.metric
    values = [_second_differences(t, metric) for t in _good_half(history)]
    found = [TO_SD * statistics.median(v) for v in values if v]
    return statistics.median(found) if found else 0.0


def _good_half(history: History) -> Sequence[TrialRecord]:
    """Curves of trials that train well: bad ones are rough in ways that good ones are not."""
    return history.ranked[: (len(history.ranked) + 1) // 2]


def _second_differences(trial: TrialRecord, metric: str) -> list[float]:
    """Their distances from the middle one, along the finite part of a curve."""
    y = [v for _, v in trial.curve(metric) if math.isfinite(v)]
    if len(y) < LEAST_EPOCHS:
        return []
    second = [a - 2 * b + c for a, b, c in zip(y, y[1:], y[2:], strict=False)]
    middle = statistics.median(second)
    return [abs(v - middle) for v in second]


def spread(losses: Iterable[float]) -> float:
    """Between the first and the third quarter of some losses; 0.0 for fewer than four."""
    finite = [v for v in losses if math.isfinite(v)]
    if len(finite) < 4:
        return 0.0
    quarters = statistics.quantiles(finite, n=4, method="inclusive")
    return quarters[2] - quarters[0]
