"""Findings act on the default search: what is advised for one of the best is tried.

As in the staged plan (`danlu.strategies.advised`), but the search keeps the whole space: a new
best that an advice has led out of the ranges extends them, nothing narrows them.
"""

from danlu.core.decision import FULL, Note, Start
from danlu.core.history import History
from danlu.core.space import Space
from danlu.strategies.advised import BEST, REACH, Rung, advised, advising, answered
from danlu.strategies.budgeting import fits, total, trials_left
from danlu.strategies.lines import SEARCH
from danlu.strategies.plan import coarse_epochs
from danlu.strategies.ranges import in_force, with_ranges
from danlu.strategies.rungs import ranked_at


def heard(space: Space, history: History) -> Note | None:
    """The line that says what became of the last advice, or what follows; None if it is said."""
    line = answered(space, history, _rung(history))
    return None if line is None else Note(line)


def heeded(space: Space, history: History) -> Start | Note | None:
    """The trial that follows an advice on one of the best, or the line before it.

    None if nothing is advised, if too few were trained so far to tell who the best are, or if it
    does not fit the budget. Of several objectives none is the best.
    """
    rung = _rung(history)
    until = rung.epoch if history.can_pause else history.spec.epochs
    room = fits(history, history.cost(until), total(history)) and trials_left(history) >= 1
    if history.spec.further or len(rung.ranking) < BEST or not room:
        return None
    if (start := advised(history, rung, until)) is not None:
        return start
    line = advising(space, history, rung)
    return None if line is None else Note(line)


def reached(space: Space, history: History) -> Space:
    """The space, with ranges extended to where advice has led to a new best."""
    return with_ranges(space, in_force(e for e in history.logbook if e.code == REACH))


def _rung(history: History) -> Rung:
    """Where configs are compared: as soon as verdicts on their curves are possible."""
    epoch = coarse_epochs(history.spec.epochs)
    return Rung(SEARCH, epoch, FULL, ranked_at(history, epoch))
