"""What a person leaves open is taken from the catalogue: role, scale and hard limits.

A study fills its space once, when it is made, wherever that space was written. What a person
wrote is never changed: a scale, limits or a role that is given stays, and ``role = "other"``
keeps the catalogue out altogether.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from danlu.catalogue.roles import Known
from danlu.catalogue.subject import Subject
from danlu.catalogue.thresholds import DECADES_FOR_LOG
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.sentence import say
from danlu.core.space import Space


def filled(space: Space, before: Space | None = None) -> Space:
    """The space with role, scale and limits of each free parameter that is known.

    The scale is taken only where the range spans two decades or more, limits only where the range
    lies within them: else the parameter is counted in other units than the role's.

    Args:
        space: As it was written.
        before: The same as it was filled when its study began; what is open is taken from there,
            so that a study goes on though the catalogue has learnt since.
    """
    subject = Subject(space)
    full = {name: _filled(space[name], subject.of(name)) for name in space.free}
    for name in full if before is not None else ():
        assert before is not None
        if name in before:
            full[name] = _as_before(space[name], full[name], before[name])
    return space.replaced(full)


def _as_before(p: Parameter, full: Parameter, before: Parameter) -> Parameter:
    """The filled parameter with what was taken earlier for what ``p`` leaves open.

    Where a person has since written a range that goes beyond what was taken, the range holds:
    nobody is refused for limits or a scale that he did not write.
    """
    if type(p) is not type(before) or isinstance(p, Choice) or isinstance(before, Choice):
        return full
    if before.log is None:  # of a version that took nothing
        return full
    log = (before.log and p.low > 0) if p.log is None else p.log
    limits: Any = p.limits or _around(p, before, log=log)
    return replace(p, role=p.role or before.role, log=log, limits=limits)


def _around(p: Float | Int, before: Float | Int, *, log: bool) -> tuple[float, float] | None:
    """The limits that were taken, drawn out to the range of today."""
    if before.limits is None:
        return None
    low, high = min(before.limits[0], p.low), max(before.limits[1], p.high)
    return (p.low if log and low <= 0 else low, high)


def _filled(p: Parameter, known: Known | None) -> Parameter:
    if known is None:
        return p if isinstance(p, Choice) else replace(p, log=bool(p.log))
    role = p.role or known.role
    if isinstance(p, Choice):
        return Choice(*p.values, default=p.default, when=p.when, role=role)
    log = wants_log(p, known) if p.log is None else p.log
    limits: Any = p.limits or _limits(replace(p, log=log), known)
    return replace(p, role=role, log=log, limits=limits)


def wants_log(p: Float | Int, known: Known) -> bool:
    """Whether a range is so wide that the role's logarithmic scale should be its own."""
    return known.scale == "log" and p.low > 0 and p.high >= p.low * 10**DECADES_FOR_LOG


def in_units_of(p: Float | Int, known: Known) -> bool:
    """Whether a range looks as if it were counted in the role's own units."""
    if known.limits is None or (isinstance(p, Int) and known.type == "float"):
        return False
    return known.limits[0] <= p.low and p.high <= known.limits[1]


def _limits(p: Float | Int, known: Known) -> tuple[float, float] | None:
    if not in_units_of(p, known) or (p.log and known.limits and known.limits[0] <= 0):
        return None
    return known.limits


def taken(written: Space, full: Space) -> Mapping[str, str]:
    """What was taken from the catalogue for each parameter, in words, where that changes a search.

    Args:
        written: The space as a person wrote it.
        full: The same, `filled`.
    """
    words: dict[str, str] = {}
    for name in written.free:
        before, after = written[name], full[name]
        if isinstance(before, Choice) or isinstance(after, Choice):
            continue
        parts = [say("a log scale")] if after.log and before.log is None else []
        if after.limits and before.limits is None:
            parts.append(
                say("limits {low:g} … {high:g}", low=after.limits[0], high=after.limits[1])
            )
        if parts:
            words[name] = (
                parts[0] if len(parts) == 1 else say("{a} and {b}", a=parts[0], b=parts[1])
            )
    return words
