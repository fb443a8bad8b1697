"""Histories written down directly: trials with losses at some epochs, verdicts and log-book."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.zoo import spec

from danlu.core.decision import FULL, Proxy
from danlu.core.event import Began, Diagnosed, Event, Failed, Noted, Paused, Reported, Started
from danlu.core.finding import Advice, Finding
from danlu.core.history import History, empty
from danlu.core.logbook import Entry
from danlu.core.space import Config, Space
from danlu.strategies.looks import Look
from danlu.strategies.plan import Moves, plan
from danlu.strategies.ranges import current
from danlu.strategies.rungs import ranked_at

HALF = 15  # half of the 30 epochs that the specs of the zoo have


@dataclass(frozen=True)
class Row:
    """One trial.

    Attributes:
        losses: Epoch → loss.
        note: A line of the log-book written before the trial began.
    """

    config: Config
    losses: Mapping[int, float]
    findings: tuple[Finding, ...] = ()
    stage: str = "fine"
    proxy: Proxy = field(default=FULL)
    failed: bool = False
    note: Entry | None = None


def past(space: Space, rows: Iterable[Row], findings: Iterable[Finding] = ()) -> History:
    """The history in which all that happened."""
    events: list[Event] = [Began(0.0, takes_fraction=True)]
    for number, row in enumerate(rows, 1):
        at = float(number)
        if row.note is not None:
            events.append(Noted(at, row.note))
        until = max(row.losses, default=1)
        events.append(
            Started(at, number, row.config, until, number, row.proxy, row.stage, "a row")
        )
        events += [Reported(at, number, e, {"val_loss": v}) for e, v in row.losses.items()]
        events += [Diagnosed(at, number, f) for f in row.findings]
        ending = Failed(at, number, "not finite", "") if row.failed else Paused(at, number)
        events.append(ending)
    events += [Diagnosed(99.0, None, f) for f in findings]
    return empty(spec(space), events)


def look_at(history: History, number: int = 1, moves: Moves | None = None) -> Look:
    """A look at the results at half length."""
    space = history.spec.space
    p = plan(space, history, moves or Moves())
    return Look(space, history, p, number, ranked_at(history, HALF))


def ranges(look: Look, entries: Iterable[Entry]) -> Space:
    """The ranges in force once some lines are written."""
    return current(look.space, [*look.history.logbook, *entries])


def verdict(
    code: str, action: str, parameter: str, amount: Any = None, sure: float = 0.8
) -> Finding:
    """A finding with one advice."""
    advice = Advice(action, parameter, amount)
    return Finding(code, "warning", sure, f"{code} was seen.", {"parameter": parameter}, (advice,))
