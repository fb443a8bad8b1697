"""How far a study is: what is spent of its budget, and how long the rest may take."""

import time
from dataclasses import dataclass

from danlu.core.history import History
from danlu.core.sentence import listed, say
from danlu.reporting.text import format_duration, format_number

SOON = 0.01  # share of the budget before which no time left is told: it would only be noise


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is.

    Attributes:
        share: Spent share of the budget that ends first, 0 to 1; None without a budget.
        text: What is spent of each limit: ``"6.3 of 20x"``.
        left_s: Estimated seconds until the budget is spent; None if that is not known.
    """

    share: float | None
    text: str
    left_s: float | None


def elapsed(history: History) -> float:
    """Seconds that the study ran, up to now if it is running."""
    since = time.time() - history.last_at if history.active else 0.0
    return history.seconds + max(0.0, since)


def usual_epoch_s(history: History) -> float:
    """Seconds that an epoch of a trial usually takes; of a study that begins, all that it ran."""
    epochs = history.trainings * history.spec.epochs / max(1, history.workers)
    return history.seconds / max(1.0, epochs)


def progress_of(history: History, seconds: float | None = None) -> Progress:
    """How far the study is.

    Args:
        history: Of the study.
        seconds: How long it ran; what the history tells if not given.
    """
    ran = history.seconds if seconds is None else seconds
    limits = _limits(history, ran)
    if not limits:
        spent = format_number(history.trainings, 3)
        return Progress(None, say("{trainings}x", trainings=spent), None)
    shares = [min(1.0, spent / limit) for spent, limit, _ in limits]
    share = max(shares)
    left = ran * (1 - share) / share if share >= SOON and ran > 0 else None
    return Progress(share, listed(text for _, _, text in limits), left)


def _limits(history: History, ran: float) -> list[tuple[float, float, str]]:
    """(spent, limit, text) of each limit of the budget."""
    budget = history.spec.budget
    limits = []
    if budget.trainings is not None:
        spent = _rounded(history.trainings)
        text = say("{spent} of {limit:g}x", spent=spent, limit=budget.trainings)
        limits.append((history.trainings, budget.trainings, text))
    if budget.trials is not None:
        running = sum(1 - t.epoch / max(1, t.until) for t in history.running)
        text = say("{spent} of {limit} trials", spent=len(history.trials), limit=budget.trials)
        limits.append((len(history.trials) - running, float(budget.trials), text))
    if budget.seconds is not None:
        ran_for, limit = format_duration(ran), format_duration(budget.seconds)
        text = say("{spent} of {limit}", spent=ran_for, limit=limit)
        limits.append((ran, budget.seconds, text))
    return limits


def _rounded(trainings: float) -> str:
    return f"{trainings:.1f}" if trainings < 100 else f"{trainings:.0f}"
