"""Looking at the ranges anew, at the end of the coarse stage and as full trainings come in.

A look is a row of moves. Each move sees what those before it wrote, writes its own line into the
log-book, and says so when the evidence is not enough. How often looks come depends on the number
of results alone, and a look that the log-book has is not repeated: so the ranges stay between
looks whatever is asked when.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from danlu.core.event import Noted
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.space import Config, Space
from danlu.strategies.plan import Plan
from danlu.strategies.ranges import current
from danlu.strategies.rungs import Ranking

FIRST, GROWTH = 8, 2  # results at half length at the second look; the third at twice as many


@dataclass(frozen=True)
class Look:
    """What the moves of one look go by.

    Attributes:
        space: The study's.
        history: With the lines that this look wrote so far.
        number: 0 at the end of the coarse stage, then growing.
        ranking: Trials compared at one length: the coarse one at look 0, then half length.
    """

    space: Space
    history: History
    plan: Plan
    number: int
    ranking: Ranking

    @cached_property
    def box(self) -> Space:
        """The ranges in force."""
        return current(self.space, self.history.logbook)

    @cached_property
    def valued(self) -> int:
        """How many of the ranked trials have a value; they come first."""
        return sum(loss < float("inf") for loss, _ in self.ranking)

    @cached_property
    def configs(self) -> list[Config]:
        """Of the ranked trials, best first."""
        return [self.history.trials[n].config for _, n in self.ranking]

    def entry(self, code: str, seen: str, done: str, why: str = "", **data: Any) -> Entry:
        """A line of this look, with what its successors read again."""
        stage = "coarse" if self.number == 0 else "fine"
        known = {"look": self.number, "trials": len(self.history.trials)}
        return Entry(code, stage, seen, done, why, known | data)


Move: TypeAlias = Callable[[Look], Iterator[Entry]]


def due(results: int) -> int:
    """The number of the look that so many results at half length are enough for."""
    number, wanted = 0, FIRST
    while results >= wanted:
        number, wanted = number + 1, wanted * GROWTH
    return number


def looked(history: History) -> int:
    """The number of the last look; -1 before the first."""
    return max((e.data["look"] for e in history.logbook if "look" in e.data), default=-1)


def lines(look: Look, moves: tuple[Move, ...]) -> list[Entry]:
    """What the moves write, each after those before it."""
    written: list[Entry] = []
    for move in moves:
        new = tuple(move(look))
        written += new
        events = [Noted(look.history.last_at, e) for e in new]
        look = replace(look, history=look.history.after(*events))
    return written
