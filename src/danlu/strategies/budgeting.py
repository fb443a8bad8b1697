"""What is left of a study's budget, in full-training equivalents, whatever its unit."""

import math
from statistics import median

from danlu.core.history import History
from danlu.core.record import TrialRecord

UNLIMITED = 20.0  # full trainings of a study without a budget, and until the pace is known
TOLERANCE = 1e-9  # sums of costs are not exact


def pace(history: History) -> float | None:
    """Seconds that a worker spends on a full training, all told; None before any is known."""
    timed = [t for t in history.trials.values() if t.seconds > 0 and t.reports]
    seconds = sum(t.seconds for t in timed)
    trainings = sum(history.cost(len(t.reports), t.proxy) for t in timed)
    return seconds / trainings if trainings else None


def bare_pace(history: History) -> float | None:
    """Seconds of a full training without its start, for the trial in the middle; None as above."""
    timed = [t for t in history.trials.values() if t.seconds > 0 and t.reports]
    seconds = [epoch_seconds(t) / t.proxy.data_fraction for t in timed]
    return median(seconds) * history.spec.epochs if seconds else None


def epoch_seconds(trial: TrialRecord) -> float:
    """Seconds between reports; at most the average, because a pause may lie between them."""
    average = trial.seconds / len(trial.reports)
    first, last = trial.reports[0], trial.reports[-1]
    if last.epoch == first.epoch:
        return average
    return min(average, (last.at - first.at) / (last.epoch - first.epoch))


def total(history: History) -> float:
    """The whole budget in full trainings; what limits first counts.

    A number of trials counts as that many full trainings. A time is what was spent plus what
    the workers can train in the time left at the pace so far.
    """
    budget = history.spec.budget
    totals = [float(b) for b in (budget.trainings, budget.trials) if b is not None]
    if budget.seconds is not None and (seconds := pace(history)) is not None:
        left = max(0.0, budget.seconds - history.seconds)
        totals.append(history.trainings + left * history.workers / seconds)
    return min(totals, default=UNLIMITED)


def fits(history: History, cost: float, limit: float) -> bool:
    """Whether some more full trainings fit under a limit, beside all that runs."""
    return history.trainings + history.committed + cost <= limit + TOLERANCE


def trials_left(history: History) -> float:
    """How many trials may still be started."""
    trials = history.spec.budget.trials
    return math.inf if trials is None else trials - len(history.trials)
