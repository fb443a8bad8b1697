"""Rules about one parameter: its scale, its range, its default."""

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from danlu.catalogue import thresholds as t
from danlu.catalogue.filling import in_units_of, wants_log
from danlu.catalogue.lines import line_of
from danlu.catalogue.roles import Known
from danlu.catalogue.subject import Subject
from danlu.catalogue.verdict import verdict
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice, Float, Int, is_number
from danlu.core.sentence import say

Number: TypeAlias = Float | Int
NumberRule: TypeAlias = Callable[[str, Number, Known], Iterable[Finding]]

IMPOSSIBLE: dict[str, Callable[[float, float], bool]] = {
    "above": operator.lt,  # a range may begin with what is only reached at its end
    "from": operator.lt,
    "below": operator.ge,
    "to": operator.gt,
}
OWN_RULE = ("weight decay",)  # its convention is what a large one tells of
WANTED = {
    "above": say("above"), "from": say("at least"), "below": say("below"), "to": say("at most"),
}  # fmt: skip


def impossible(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Values with which nothing can be trained."""
    for word, bound in known.valid.items():
        end = "low" if word in ("above", "from") else "high"
        value = getattr(p, end)
        if IMPOSSIBLE[word](value, bound):
            yield from verdict(
                "impossible_value", "error", name,
                say(
                    "{value:g} is no possible value ({about}): it must be {wanted} "
                    "{bound:g}.{per_cent}",
                    value=value, about=known.about, wanted=WANTED[word], bound=bound,
                    per_cent=_per_cent(p, known),
                ),
                Advice("lower high" if end == "high" else "raise low", name, bound),
                better=_within(p, known), bound=bound,
            )  # fmt: skip


def _per_cent(p: Number, known: Known) -> str:
    most = known.valid.get("below", known.valid.get("to"))
    return say(" Is it counted in per cent?") if most == 1.0 and 1.0 < p.high <= 100.0 else ""


def _within(p: Number, known: Known) -> Number | None:
    """The range as far as it lies within the limits; None if nothing is left of it."""
    if _per_cent(p, known):
        return Float(p.low / 100, p.high / 100, when=p.when, role=p.role)
    limits = known.limits or known.range
    if limits is None:
        return None
    low, high = max(p.low, limits[0]), min(p.high, limits[1])
    return _ranged(p, low, high) if low < high else None


def _ranged(p: Number, low: float, high: float) -> Number:
    """The parameter over another range, its default moved into it and without limits."""
    log = p.log if low > 0 else None
    moved: Number = replace(p, log=log, limits=None).between(low, high)
    return moved


def beyond(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Values beyond what has ever been of use."""
    if known.limits is None or not _same_units(p, known):
        return
    low, high = known.limits
    if p.high > high and known.role not in OWN_RULE and not _impossible(p.high, known):
        yield from verdict(
            "beyond_limits", "warning", name,
            say(
                "up to {high:g} is beyond {high2:g}, the most that is of use ({about}).{note}",
                high=p.high, high2=high, about=known.about, note=_note(known),
            ),
            Advice("lower high", name, high), better=_within(p, known), limit=high,
        )  # fmt: skip
    if p.low < low and p.low != known.valid.get("from") and not _impossible(p.low, known):
        yield from verdict(
            "beyond_limits", "warning", name,
            say(
                "down to {low:g} is below {low2:g}, the least that is of use ({about}).",
                low=p.low, low2=low, about=known.about,
            ),
            Advice("raise low", name, low), better=_within(p, known), limit=low,
        )  # fmt: skip


def _impossible(value: float, known: Known) -> bool:
    return any(IMPOSSIBLE[word](value, bound) for word, bound in known.valid.items())


def _same_units(p: Number, known: Known) -> bool:
    return not (isinstance(p, Int) and known.type == "float")


def _note(known: Known) -> str:
    return say(" {note}", note=known.note) if known.note else ""


def unusual(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Ranges that have nothing in common with the usual one."""
    if known.range is None or not in_units_of(p, known):
        return
    low, high = known.range
    if p.high < low or p.low > high:
        move = ("raise high", low) if p.high < low else ("lower low", high)
        yield from verdict(
            "unusual_range", "warning", name,
            say(
                "{low:g} … {high:g} lies outside the usual {low2:g} … {high2:g} ({about}).{note}",
                low=p.low, high=p.high, low2=low, high2=high, about=known.about, note=_note(known),
            ),
            Advice(move[0], name, move[1]),
            better=_ranged(p, *known.range), usual=[low, high],
        )  # fmt: skip


def linear(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Linear scales over decades."""
    if known.scale != "log" or p.log or not _same_units(p, known):
        return
    if wants_log(p, known):
        decades = math.log10(p.high) - math.log10(p.low)
        log = replace(p, log=True)
        if p.log is None:
            yield from verdict(
                "scale_taken", "info", name,
                say(
                    "a log scale is taken for its {decades:.1f} decades. Write log = true, or "
                    "log = false to have it otherwise.",
                    decades=decades,
                ),
                Advice("check", name, why="log scale"), better=log, decades=decades,
            )  # fmt: skip
            return
        yield from verdict(
            "linear_scale", "warning", name,
            say(
                "on a linear scale over {decades:.1f} decades 99 % of the draws lie above "
                "{low:.3g} ({about}): write log = true.",
                decades=decades, low=p.low + 0.01 * (p.high - p.low), about=known.about,
            ),
            Advice("check", name, why="log scale"), better=log, decades=decades,
        )  # fmt: skip
    elif p.low <= 0 < p.high and known.range is not None and p.high >= 10 * known.range[0]:
        yield from _from_zero(name, p, known)


def _from_zero(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """A range that begins with 0, which a log scale cannot."""
    assert known.range is not None
    low = min(known.range[0], p.high / 100)
    if isinstance(p, Int):
        low = max(1, math.ceil(low))
    if low >= p.high:
        return
    yield from verdict(
        "linear_scale", "warning", name,
        say(
            "a range from {low:g} is drawn linearly and seldom comes near it; a log scale is "
            "usual ({about}), for example from {low2:g}.",
            low=p.low, about=known.about, low2=low,
        ),
        Advice("raise low", name, low),
        better=replace(_ranged(p, low, p.high), log=True),
    )  # fmt: skip


def one_minus(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Ranges close to 1 on a linear scale."""
    if known.scale != "one minus" or isinstance(p, Int) or not 0 <= p.low < p.high < 1:
        return
    decades = math.log10(1 - p.low) - math.log10(1 - p.high)
    if decades > t.DECADES_FOR_LOG + 1e-9:
        yield from verdict(
            "linear_near_one", "warning", name,
            say(
                "from {low:g} to {high:g} what counts, 1 − {name}, spans {decades:.1f} decades, "
                "which only the model-based search takes into account. Tune 1 − x on a log scale.",
                low=p.low, high=p.high, name=name, decades=decades,
            ),
            Advice("check", name),
            decades=decades,
            line=line_of(f"one_minus_{name}", _complement(p)),
        )  # fmt: skip


def _complement(p: Float) -> Float:
    low, high = (float(f"{1 - value:.4g}") for value in (p.high, p.low))
    default = None if p.default is None else min(high, max(low, float(f"{1 - p.default:.4g}")))
    return Float(low, high, True, default, p.when)


def whole(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Whole numbers on the wrong scale, or not whole."""
    if known.type == "int" and isinstance(p, Float) and not p.constant:
        better = None
        if math.ceil(p.low) < math.floor(p.high):
            default = None if p.default is None else round(p.default)
            low, high = math.ceil(p.low), math.floor(p.high)
            fits = default is None or low <= default <= high
            log = p.log if low > 0 else None
            better = Int(low, high, log, default if fits else None, p.when, None, p.role)
        yield from verdict(
            "not_whole", "warning", name,
            say("{about} are counted in whole numbers: add int = true.", about=known.about),
            Advice("check", name, why="whole numbers"), better=better,
        )  # fmt: skip
    if isinstance(p, Int) and p.log and known.scale == "linear" and p.high < t.SHORT_LOG * p.low:
        yield from verdict(
            "needless_log", "info", name,
            say("from {low} to {high} a log scale gains nothing.", low=p.low, high=p.high),
            Advice("check", name, why="linear scale"), better=replace(p, log=None),
        )  # fmt: skip


def narrow(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Ranges too narrow to be worth a parameter."""
    if known.range is None or isinstance(p, Int) or not in_units_of(p, known):
        return
    share = _width(p.low, p.high, known) / _width(*known.range, known)
    if share < t.NARROW:
        yield from verdict(
            "narrow_range", "info", name,
            say(
                "{low:g} … {high:g} is {share:.0%} of the usual {range:g} … {range2:g}: fix it, "
                "or widen it.",
                low=p.low, high=p.high, share=share, range=known.range[0], range2=known.range[1],
            ),
            Advice("freeze", name), share=share,
        )  # fmt: skip


def _width(low: float, high: float, known: Known) -> float:
    if known.scale == "log" and low > 0:
        return math.log(high) - math.log(low)
    if known.scale == "one minus" and high < 1:
        return math.log(1 - low) - math.log(1 - high)
    return high - low


def default_at_edge(name: str, p: Number, known: Known) -> Iterator[Finding]:
    """Defaults at an end of the range that is not a natural one, or outside the usual."""
    if p.default is None or p.cells <= t.FEW_CELLS:
        return
    natural = {0.0, 1.0, *known.valid.values(), *(known.limits or ()), *(known.range or ())}
    if p.default in (p.low, p.high) and p.default not in natural:
        end = "low" if p.default == p.low else "high"
        yield from verdict(
            "default_at_edge", "warning", name,
            say(
                "the default {default:g} is at the {end} end: one side of it is never tried.",
                default=p.default, end=say("low") if end == "low" else say("high"),
            ),
            Advice("lower low" if end == "low" else "raise high", name, p.default),
            default=p.default,
        )  # fmt: skip
    elif known.range and in_units_of(p, known) and _is_far(p.default, known.range):
        yield from verdict(
            "unusual_default", "info", name,
            say(
                "the default {default:g} lies outside the usual {range:g} … {range2:g}.{note}",
                default=p.default, range=known.range[0], range2=known.range[1], note=_note(known),
            ),
            Advice("check", name), default=p.default,
        )  # fmt: skip


def _is_far(default: float, usual: tuple[float, float]) -> bool:
    return not (default == 0 or usual[0] / t.FAR <= default <= usual[1] * t.FAR)


def _for_each_number(rule: NumberRule, subject: Subject) -> Iterator[Finding]:
    for name in subject.space.free:
        p, known = subject.space[name], subject.of(name)
        if known is not None and known.searched and not isinstance(p, Choice):
            yield from rule(name, p, known)


def numbers_as_choices(subject: Subject) -> Iterator[Finding]:
    """Choices of numbers in order, which are better a range."""
    for name in subject.space.free:
        p, known = subject.space[name], subject.of(name)
        if not isinstance(p, Choice) or (known is not None and known.type in ("choice", "flag")):
            continue
        values: list[Any] = list(p.values)
        if len(values) < t.FEWEST_ORDERED or not all(map(is_number, values)):
            continue
        if values not in (sorted(values), sorted(values, reverse=True)):
            continue
        low, high = min(values), max(values)
        usual = known is not None and known.scale == "log"
        log = low > 0 and (usual or high / low >= t.SHORT_LOG)
        make: Any = Int if all(isinstance(v, int) for v in values) else Float
        yield from verdict(
            "numbers_as_choices", "info", name,
            say(
                "{values} numbers as choices hide what lies between them, and no search can move "
                "their ends: a range is better, unless only these are possible.",
                values=len(values),
            ),
            Advice("check", name),
            better=make(low, high, log or None, p.default, p.when, None, p.role),
        )  # fmt: skip


RULES: Sequence[Callable[[Subject], Iterable[Finding]]] = (
    *(
        partial(_for_each_number, rule)
        for rule in (
            impossible,
            beyond,
            unusual,
            linear,
            one_minus,
            whole,
            narrow,
            default_at_edge,
        )
    ),
    numbers_as_choices,
)
