"""Findings act on the default search: what is advised for one of the best, or of a range, is done.

As in the staged plan (`danlu.strategies.advised`, `danlu.strategies.findings`), but nothing
narrows the space: ranges are only extended, within their limits, to where an advice has led to a
new best, and at an end at which the best lie.
"""

from dataclasses import replace
from functools import lru_cache

from danlu.core.decision import FULL, Note, Start
from danlu.core.history import History
from danlu.core.identity import Same
from danlu.core.logbook import Entry
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.strategies.advised import BEST, REACH, Rung, advised, advising, answered
from danlu.strategies.budgeting import fits, total, trials_left
from danlu.strategies.findings import OUTWARD, answer
from danlu.strategies.lines import SEARCH
from danlu.strategies.looks import Look
from danlu.strategies.plan import Moves, coarse_epochs, plan
from danlu.strategies.ranges import in_force, with_ranges
from danlu.strategies.rungs import ranked_at


def heard(space: Space, history: History) -> Note | None:
    """The line that says what became of the last advice, or what follows; None if it is said."""
    return _note(answered(space, history, _rung(history)))


def heeded(space: Space, history: History) -> Start | Note | None:
    """The trial that follows an advice on one of the best, or a line that is due before it.

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
    return _note(_extending(space, history, rung) or advising(space, history, rung))


def reached(space: Space, history: History) -> Space:
    """The space, with ranges extended to where advice has led."""
    return with_ranges(space, in_force(e for e in history.logbook if e.code in (REACH, "extend")))


def _extending(space: Space, history: History, rung: Rung) -> Entry | None:
    """The line on what is said of an end of a range; None if all of that is answered.

    Only real numbers go beyond what the user gave: more units or layers take more time and memory,
    which is for the user to say. The finding advises it all the same.
    """
    look = Look(space, history, plan(space, history, Moves()), 0, rung.ranking)
    real = (e for e in answer(look, OUTWARD) if isinstance(space[e.data["parameter"]], Float))
    line = next(real, None)
    return None if line is None else replace(line, stage=SEARCH)


def _note(line: Entry | None) -> Note | None:
    return None if line is None else Note(line)


def _rung(history: History) -> Rung:
    """Where configs are compared: as soon as verdicts on their curves are possible."""
    return _rung_of(Same(history))


@lru_cache(maxsize=2)
def _rung_of(same: Same[History]) -> Rung:
    """Kept, as each decision asks for it twice."""
    history = same.value
    epoch = coarse_epochs(history.spec.epochs)
    return Rung(SEARCH, epoch, FULL, ranked_at(history, epoch))
