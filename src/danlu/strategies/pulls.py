"""What an advice on one trial asks of the ranges from which new trials are drawn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from danlu.catalogue.roles import role_of
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.strategies.ranges import scaled

STEP = 0.25  # of the width: where the advice names no amount
CAPACITY = frozenset({"width", "layers"})  # a large model is regularised, not shrunk
LONGER = "budget"  # the group of advice that the plan follows by training longer

ENDS = {
    "raise low": ("low", 1), "lower high": ("high", -1),
    "raise high": ("high", 1), "lower low": ("low", -1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pull:
    """Where one advice would have an end of a range.

    Attributes:
        end: ``"low"`` or ``"high"``.
        direction: 1 for up, -1 for down.
        to: The end's new place, if all votes were like this one.
    """

    name: str
    end: str
    direction: int
    to: float


def named(space: Space, parameter: str | None) -> list[str]:
    """The parameters of a space that an advice means: by name, or all of a role."""
    if parameter is None:
        return []
    if parameter in space:
        return [parameter]
    return [n for n, p in space.parameters.items() if role_of(n, p) == parameter]


def pulls(finding: Finding, space: Space, box: Space) -> Iterator[Pull]:
    """What a verdict asks of the ranges.

    Nothing if it asks for longer training first: the plan trains what is promising longer anyway.
    """
    if finding.advice and finding.advice[0].group != LONGER:
        for advice in finding.advice:
            yield from _pulls(advice, space, box)


def _pulls(advice: Advice, space: Space, box: Space) -> Iterator[Pull]:
    for name in named(box, advice.parameter):
        p = box[name]
        if isinstance(p, Choice) or space[name].constant:
            continue
        found = _pull(advice, name, p)
        role = role_of(name, space[name])
        if found and not (found.direction < 0 and role in CAPACITY):
            yield found


def _pull(advice: Advice, name: str, p: Float | Int) -> Pull | None:
    """One advice on one parameter; of range moves the direction counts, not the amount.

    What a single trial shows is how its own value should change, not where a range should end.
    """
    if advice.action in ENDS:
        end, direction = ENDS[advice.action]
        return Pull(name, end, direction, beside(p, end, direction, STEP))
    amount = advice.amount
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    if advice.action not in ("multiply", "add") or not math.isfinite(amount):
        return None
    neutral = 1.0 if advice.action == "multiply" else 0.0
    if amount == neutral or (neutral and amount <= 0.0):
        return None
    direction = 1 if amount > neutral else -1
    end = "low" if direction > 0 else "high"
    old = float(p.low if direction > 0 else p.high)
    place = old * amount if neutral else old + amount
    if (place - old) * direction <= 0:  # such as zero, which no factor moves
        place = beside(p, end, direction, STEP)
    return Pull(name, end, direction, place)


def beside(p: Float | Int, end: str, direction: int, share: float) -> float:
    """One end of a range moved by a share of the width, on the parameter's scale."""
    low, high = scaled(p, p.low), scaled(p, p.high)
    x = (low if end == "low" else high) + direction * share * (high - low)
    return math.exp(min(x, 700.0)) if p.log else x
