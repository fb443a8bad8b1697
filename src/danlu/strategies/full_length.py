"""What strategies share that train every trial to the same length."""

from itertools import islice

from danlu.core.decision import Continue
from danlu.core.history import History
from danlu.core.sentence import say


def length(history: History, epochs: int | None) -> int:
    """The epochs of each trial: those asked for, at most the study's."""
    return min(epochs or history.spec.epochs, history.spec.epochs)


def unfinished(history: History, until: int, free_slots: int) -> list[Continue]:
    """Paused trials that are shorter than ``until``, as after an interruption, are continued.

    Those that break a constraint are not worth it.
    """
    if not history.can_pause:
        return []
    worthy = (t for t in history.paused if t.epoch < until and history.feasible(t))
    return [
        Continue(
            t.number,
            until,
            why=say(
                "#{number} goes on from epoch {epoch} to {until}",
                number=t.number,
                epoch=t.epoch,
                until=until,
            ),
        )
        for t in islice(worthy, free_slots)
    ]
