"""Coarse to fine: a smaller space around the configs that did best.

Ranges shrink to where the best configs lie, with margins, on each parameter's own scale; a best
value at the edge of a range moves the edge outwards where the parameter's ``limits`` allow;
choices go only on evidence. The rule is deliberately cautious: what is cut off is lost.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.space import Config, Space

MARGIN = 0.15  # of the old width, beyond the outer quantiles of the best configs
INCUMBENT_MARGIN = 0.1  # of the old width, on both sides of the best config
LEAST_WIDTH = 0.25  # of the old width, for a parameter that matters
LEAST_WIDTH_OTHER = 0.1  # for one that hardly does
FLOOR = 0.05  # of the whole width, however often a range is narrowed
EDGE, OUTER = 0.1, 0.2  # the best within EDGE of an end, half of the top within OUTER of it
ENOUGH = 6  # fewer results say too little
ENOUGH_OF_CHOICE = 5  # all in the worse half by chance: (1/2)⁵ = 3 %


def top_count(results: int) -> int:
    """How many of the results count as the best: a fifth, but 5 where that leaves half."""
    return max(3, min(5, results // 2), math.ceil(0.2 * results))


def narrowed(
    space: Space,
    whole: Space,
    ranked: Sequence[Config],
    failed: int = 0,
    minor: Collection[str] = (),
) -> Space:
    """The part of a space in which the next configs should be drawn.

    Args:
        space: The ranges so far.
        whole: The study's space, beyond which no range grows except up to its ``limits``.
        ranked: Configs whose results can be compared, best first.
        failed: How many of them, at the end, had no result.
        minor: Names of the parameters that hardly matter.

    Returns:
        A space of which every config belongs to ``whole`` (within its limits); ``space`` itself
        when there are too few results.
    """
    valued = len(ranked) - failed
    if valued < ENOUGH:
        return space
    parameters: dict[str, Parameter] = {}
    for name, p in space.parameters.items():
        if isinstance(p, Choice):
            parameters[name] = _narrowed_choice(p, name, ranked)
        else:
            values = [c[name] for c in ranked[:valued] if name in c]
            limit = whole[name]
            assert not isinstance(limit, Choice)
            least = LEAST_WIDTH_OTHER if name in minor else LEAST_WIDTH
            parameters[name] = _narrowed_range(p, limit, values, top_count(valued), least)
    return Space(consistent(parameters))


def _narrowed_range(
    p: Float | Int, whole: Float | Int, values: Sequence[Value], top: int, least: float
) -> Float | Int:
    """The range around the best ``top`` of the values, which come best first."""
    x = [_scaled(whole, v) for v in values]
    if p.constant or len(x) < 3:
        return p
    low, high = _scaled(p, p.low), _scaled(p, p.high)
    width = high - low
    best, first, last = x[0], quantile(x[:top], 0.05), quantile(x[:top], 0.95)
    lo = min(first - MARGIN * width, best - INCUMBENT_MARGIN * width)
    hi = max(last + MARGIN * width, best + INCUMBENT_MARGIN * width)
    outer_low, outer_high = _outer(whole, x)
    lo, hi = max(lo, outer_low), min(hi, outer_high)
    if outer_low < _scaled(whole, whole.low):
        lo = outer_low
    if outer_high > _scaled(whole, whole.high):
        hi = outer_high
    floor = FLOOR * (_scaled(whole, whole.high) - _scaled(whole, whole.low))
    least_width = min(max(least * width, floor), outer_high - outer_low)
    lack = least_width - (hi - lo)
    if lack > 0:
        lo = max(outer_low, min(lo - lack / 2, outer_high - least_width))
        hi = lo + least_width
    return _between(p, whole, (lo, hi), values[0])


def _outer(whole: Float | Int, x: Sequence[float]) -> tuple[float, float]:
    """How far the range may reach: as far as the whole one, further where the best ask for it.

    They do when the best lies at an end and half of the top tenth (three at least) near it; then
    by a decade, or half of the width on a linear scale, within the limits.
    """
    low, high = _scaled(whole, whole.low), _scaled(whole, whole.high)
    if whole.limits is None:
        return low, high
    least, most = (_scaled(whole, v) for v in whole.limits)
    width = high - low
    step = math.log(10) if whole.log else 0.5 * width
    top = [(v - low) / width for v in x[: max(3, math.ceil(0.1 * len(x)))]]
    if top[0] < EDGE and sum(u < OUTER for u in top) * 2 >= len(top):
        low = max(least, low - step)
    if top[0] > 1 - EDGE and sum(u > 1 - OUTER for u in top) * 2 >= len(top):
        high = min(most, high + step)
    return low, high


def _between(
    p: Float | Int, whole: Float | Int, scaled: tuple[float, float], best: Value
) -> Float | Int:
    """The parameter with a range given on its scale, in numbers that a person can read.

    The neighbours of the best whole number always stay in play.
    """
    low, high = (float(f"{math.exp(v) if p.log else v:.4g}") for v in scaled)
    if isinstance(p, Int) and isinstance(best, int):
        low, high = min(round(low), best - 1), max(round(high), best + 1)
    ends = [whole.low, whole.high, *(whole.limits or ())]
    return p.between(max(min(ends), low), min(max(ends), high))


def relative_width(whole: Parameter, part: Float | Int) -> float:
    """The width of a range as a share of the whole one's, on the parameter's scale."""
    return 1.0 if isinstance(whole, Choice) or whole.constant else _width(part) / _width(whole)


def _width(p: Float | Int) -> float:
    half = 0.5 if isinstance(p, Int) else 0.0  # a whole number fills its cell
    return _scaled(p, p.high + half) - _scaled(p, p.low - half)


def _scaled(p: Float | Int, value: Value) -> float:
    assert isinstance(value, int | float)
    return math.log(value) if p.log else float(value)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies, between neighbours by a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    i = min(int(place), len(ordered) - 2) if len(ordered) > 1 else 0
    after = ordered[min(i + 1, len(ordered) - 1)]
    return ordered[i] + (place - i) * (after - ordered[i])


def _narrowed_choice(p: Choice, name: str, ranked: Sequence[Config]) -> Choice:
    """The choice without values whose trials, five at least, all lie in the worse half."""
    places: dict[str, list[int]] = {}
    for place, config in enumerate(ranked):
        if name in config:
            places.setdefault(repr(config[name]), []).append(place)

    def kept(value: Value) -> bool:
        own = places.get(repr(value), [])
        return len(own) < ENOUGH_OF_CHOICE or own[0] < len(ranked) / 2

    return choice(p, tuple(v for v in p.values if kept(v)) or p.values, p.when)


def choice(p: Choice, values: tuple[Value, ...], when: Mapping[str, tuple[Value, ...]]) -> Choice:
    """The choice with other values and another condition."""
    default = p.default if p.default in values else None
    return Choice(*values, default=default, when=when, role=p.role)


def consistent(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters without conditions that can no longer hold, and those left without any."""
    kept: dict[str, Parameter] = {}
    for name, p in parameters.items():
        when = {
            parent: tuple(v for v in wanted if not kept[parent].problem(v))
            for parent, wanted in p.when.items()
            if parent in kept
        }
        if len(when) < len(p.when) or not all(when.values()):
            continue
        kept[name] = choice(p, p.values, when) if isinstance(p, Choice) else replace(p, when=when)
    return kept
