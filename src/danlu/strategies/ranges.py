"""The ranges from which new configs are drawn: what the log-book's moves made of the space.

Each move writes the ranges that it changed into its log-book line, as plain JSON: a pair
``[low, high]`` for numbers, the list of what is left for choices. Reading them back in their
order gives the ranges in force, so that they stay until another move changes them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Parameter, Value, same
from danlu.core.space import Config, Space
from danlu.strategies.narrowing import choice, consistent

Range: TypeAlias = list[Any]
Ranges: TypeAlias = Mapping[str, Range]
DECADE = 10.0
DOUBLE = 2.0  # of counts: ten times the units would be a hundred times the time
MARGIN = 0.1  # of the whole width, around a value that a range is extended to
HALF = 0.5  # of the width: how far a range on a linear scale is extended


def range_of(p: Parameter) -> Range:
    return list(p.values) if isinstance(p, Choice) else [p.low, p.high]


def with_range(p: Parameter, given: Range) -> Parameter:
    """The parameter with a range as it stands in the log-book."""
    if isinstance(p, Choice):
        return choice(p, tuple(v for v in p.values if any(same(v, w) for w in given)), p.when)
    return p.between(given[0], given[1])


def with_ranges(space: Space, ranges: Ranges) -> Space:
    """The study's space with the ranges in force."""
    changed = {n: with_range(space[n], r) for n, r in ranges.items() if n in space}
    return Space(consistent({**space.parameters, **changed})) if changed else space


def in_force(logbook: Iterable[Entry]) -> dict[str, Range]:
    """Name → range of all parameters that a move has changed."""
    ranges: dict[str, Range] = {}
    for entry in logbook:
        ranges |= entry.data.get("ranges", {})
    return ranges


def current(space: Space, logbook: Sequence[Entry]) -> Space:
    """The part of the study's space from which new configs are drawn now."""
    return with_ranges(space, in_force(logbook))


def changes(before: Space, after: Space) -> dict[str, Range]:
    """The ranges of ``after`` that differ."""
    return {
        name: range_of(p)
        for name, p in after.parameters.items()
        if name in before and range_of(p) != range_of(before[name])
    }


def holds(p: Parameter, value: Value) -> bool:
    """Whether a value lies in the parameter's range; its limits do not count."""
    if isinstance(p, Choice):
        return p.problem(value) is None
    return isinstance(value, int | float) and p.low <= value <= p.high


def outside(box: Space, config: Config) -> list[str]:
    """Names of the parameters of a config that lie outside the ranges."""
    return [n for n, v in config.items() if n in box and not holds(box[n], v)]


def limits_of(p: Float | Int) -> tuple[float, float]:
    """How far the parameter may go at all."""
    return p.limits or (p.low, p.high)


def extended(box: Float | Int, whole: Float | Int, side: str) -> Range:
    """The range with one end moved outwards, within the limits.

    On a log scale by a decade, of counts by a factor of two; on a linear one by half of the width.
    """
    least, most = limits_of(whole)
    width = whole.high - whole.low
    factor = DECADE if isinstance(whole, Float) else DOUBLE
    if side == "low":
        low = box.low / factor if whole.log else box.low - HALF * width
        return tidy(box, max(least, low), box.high)
    high = box.high * factor if whole.log else box.high + HALF * width
    return tidy(box, box.low, min(most, high))


def beyond(box: Parameter, whole: Parameter, value: Value) -> Range:
    """The range with a value that lies outside of it, and a margin around, within the limits."""
    if isinstance(box, Choice) or isinstance(whole, Choice):
        return [*range_of(box), value]
    assert isinstance(value, int | float)
    least, most = limits_of(whole)
    margin = MARGIN * (scaled(whole, whole.high) - scaled(whole, whole.low))
    x = scaled(whole, value)
    low, high = min(scaled(whole, box.low), x - margin), max(scaled(whole, box.high), x + margin)
    ends = (math.exp(low), math.exp(high)) if whole.log else (low, high)
    return tidy(box, max(float(least), ends[0]), min(float(most), ends[1]))


def tidy(p: Float | Int, low: float, high: float) -> Range:
    """A range in numbers that a person can read, whole ones where they must be."""
    if isinstance(p, Int):
        return [round(low), max(round(low), round(high))]
    return [float(f"{low:.4g}"), max(float(f"{low:.4g}"), float(f"{high:.4g}"))]


def scaled(p: Float | Int, value: float) -> float:
    """A value on the parameter's own scale."""
    return math.log(value) if p.log else float(value)


def shown(given: Range, p: Parameter) -> str:
    """A range as a person reads it."""
    if isinstance(p, Choice):
        return "{" + ", ".join(map(str, given)) + "}"
    return f"[{given[0]:.3g}, {given[1]:.3g}]"


def told(before: Space, ranges: Ranges) -> str:
    """What became of some ranges, in words."""
    return "; ".join(
        f"{name} {shown(range_of(before[name]), before[name])} → {shown(r, before[name])}"
        for name, r in ranges.items()
        if name in before
    )
