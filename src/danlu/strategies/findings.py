"""Findings about the study move ranges: extend at a boundary, cut what fails, freeze what is flat.

What was done about a finding, or why nothing was, stands in the log-book, so that it is answered
once; a finding that came again with other evidence is another one.
"""

import math
from collections.abc import Collection, Iterator

from danlu.catalogue.roles import role_of
from danlu.core.finding import Advice, Finding, standing
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Value, same
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.looks import Look
from danlu.strategies.pulls import named
from danlu.strategies.ranges import Range, extended, limits_of, range_of, tidy, told

NOTHING = say("nothing")
SURE = 0.5  # confidence below which a finding moves nothing
MOST_EXTENSIONS = 2  # of one parameter
NEVER_FROZEN = frozenset({"lr"})  # its best value moves with all others
OUTWARD = {"raise high": "high", "lower low": "low"}
INWARD = {"lower high": "high", "raise low": "low"}
ALL = frozenset({*OUTWARD, *INWARD, "freeze", "drop choice"})


def answer(look: Look, actions: Collection[str] = ALL) -> Iterator[Entry]:
    """A line for each finding about the study whose advice concerns ranges.

    Args:
        look: What is known.
        actions: Those of the advice that are followed; others are passed over.
    """
    findings = look.history.findings
    answered = {e.data["finding"] for e in look.history.logbook if "finding" in e.data}
    hold = {id(f) for f in standing(findings)}
    box: dict[str, Range] = {}
    for i, f in enumerate(findings):
        advised = [
            (a, n) for a in f.advice if a.action in actions for n in named(look.space, a.parameter)
        ]
        if i in answered or id(f) not in hold or not advised:
            continue
        for advice, name in advised:
            if name in box:  # one move of a range at a look
                continue
            entry = _answer(look, i, f, advice, name)
            box |= entry.data.get("ranges", {})
            if not _said(look, entry):
                yield entry


def _said(look: Look, entry: Entry) -> bool:
    """Whether nothing was done about the same for the same reason before."""
    return entry.done == NOTHING and any(
        (e.code, e.done, e.why) == (entry.code, NOTHING, entry.why)
        and e.data.get("parameter") == entry.data["parameter"]
        for e in look.history.logbook
    )


def _answer(look: Look, i: int, f: Finding, advice: Advice, name: str) -> Entry:
    """What is done about one advice on one parameter."""
    code = "freeze" if advice.action == "freeze" else "extend"
    if advice.action in INWARD or advice.action == "drop choice":
        code = "cut"
    known = {"finding": i, "parameter": name}
    moved, why = None, say("{name} plays no part any more", name=name)
    if not f.confidence >= SURE:
        why = say(
            "not enough evidence: confidence {confidence:.2f}, {sure:g} is needed",
            confidence=f.confidence,
            sure=SURE,
        )
    elif name in look.box:
        moved, why = _range(look, advice, name)
    seen = say("{code}: {message}", code=f.code, message=f.message)
    if moved is None or moved == range_of(look.box[name]):
        return look.entry(code, seen, NOTHING, why, **known)
    ranges, before = {name: moved}, {name: range_of(look.box[name])}
    done = told(look.box, ranges)
    return look.entry(code, seen, done, why, ranges=ranges, before=before, **known)


def _range(look: Look, advice: Advice, name: str) -> tuple[Range | None, str]:
    """The new range, or None; and why."""
    p, whole = look.box[name], look.space[name]
    if advice.action == "freeze":
        return _frozen(look, advice, name)
    if isinstance(p, Choice) or isinstance(whole, Choice):
        return _dropped(look, advice, name)
    if advice.action in OUTWARD:
        return _extended(look, p, whole, name, OUTWARD[advice.action])
    if advice.action in INWARD:
        return _cut(look, p, advice.amount, name, INWARD[advice.action])
    return None, say("{action} is no move of a range of numbers", action=repr(advice.action))


def _frozen(look: Look, advice: Advice, name: str) -> tuple[Range | None, str]:
    p = look.box[name]
    if role_of(name, look.space[name]) in NEVER_FROZEN:
        return None, say("the learning rate is never frozen: its best value moves with all others")
    value = _value(look.space, name, advice.amount)
    if value is None:
        value = next((c[name] for c in look.configs[: look.valued] if name in c), None)
    if value is None or p.problem(value) is not None:
        return None, say("not enough evidence: no result to take its value from")
    fixed = [value] if isinstance(p, Choice) else [value, value]
    return fixed, say("what makes no difference is not searched")


def _value(space: Space, name: str, amount: object) -> Value:
    fits = isinstance(amount, str | int | float | bool) and space[name].problem(amount) is None
    return amount if fits and isinstance(amount, str | int | float | bool) else None


def _dropped(look: Look, advice: Advice, name: str) -> tuple[Range | None, str]:
    values = range_of(look.box[name])
    best = next((c[name] for c in look.configs[: look.valued] if name in c), None)
    kept = [v for v in values if not same(v, advice.amount)]
    if advice.action != "drop choice" or len(kept) in (0, len(values)):
        return None, say("it is a choice, and none of its values is to go")
    if same(best, advice.amount):
        return None, say("the best config has that value")
    return kept, say("trials with it fail or stay behind")


def _extended(
    look: Look, p: Float | Int, whole: Float | Int, name: str, side: str
) -> tuple[Range | None, str]:
    least, most = limits_of(whole)
    if (p.low <= least) if side == "low" else (p.high >= most):
        return None, say(
            "{name} reaches its hard limits [{least:g}, {most:g}] already",
            name=name,
            least=least,
            most=most,
        )
    before = sum(
        e.code == "extend" and e.done != NOTHING and e.data.get("parameter") == name
        for e in look.history.logbook
    )
    if before >= MOST_EXTENSIONS:
        return None, say("{name} was extended {before} times already", name=name, before=before)
    return extended(p, whole, side), say("the best lies at the end of its range")


def _cut(
    look: Look, p: Float | Int, amount: object, name: str, side: str
) -> tuple[Range | None, str]:
    """The range without the part that fails; the best two configs stay inside."""
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return None, say("not enough evidence: where to cut is not said")
    if not math.isfinite(amount) or not p.low < amount < p.high:
        return None, say("the range ends within {amount:g} already", amount=amount)
    kept = [c[name] for c in look.configs[: min(2, look.valued)] if name in c]
    inside = [float(v) for v in kept if isinstance(v, int | float)]
    low, high = (amount, p.high) if side == "low" else (p.low, amount)
    low, high = min([low, *inside]), max([high, *inside])
    low, high = max(low, p.low), min(high, p.high)
    moved = tidy(p, low, high)
    if not moved[0] < moved[1]:
        return None, say("nothing would be left of the range")
    return moved, say("training fails there; the best two configs stay inside")
