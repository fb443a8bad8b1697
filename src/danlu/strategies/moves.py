"""The moves that go by the results alone: widen what was too narrow, and narrow."""

import math
from collections.abc import Iterator

import numpy as np

from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.core.space import Config
from danlu.strategies.differences import noise
from danlu.strategies.looks import Look
from danlu.strategies.narrowing import ENOUGH, narrowed, top_count
from danlu.strategies.ranges import changes, outside, range_of, told
from danlu.strategies.transfer import transferred
from danlu.surrogates.importance import importance

MATTERS = 0.1  # share of the variance, alone and in pairs, from which a parameter is important
EXPLAINED = 0.3  # of the variance by the model of importance; with less nothing is called minor
LEAST_INSIDE = 3  # draws from the narrowed ranges before the control is set against them


def narrow(look: Look) -> Iterator[Entry]:
    """Shrink the ranges to where the best results lie."""
    known = say("{valued} results at epoch {epoch}", valued=look.valued, epoch=_epoch(look))
    if look.valued < ENOUGH:
        known = say("results at epoch {epoch}: {valued}", valued=look.valued, epoch=_epoch(look))
        yield look.entry(
            "narrow",
            known,
            say("nothing"),
            say("not enough evidence: {enough} results are needed", enough=ENOUGH),
        )
        return
    shares = shares_of(look)
    minor = [] if shares is None else [n for n, s in shares.items() if s < MATTERS]
    failed = len(look.ranking) - look.valued
    box = narrowed(look.box, look.space, look.configs, failed, minor)
    if look.number == 0:
        box = transferred(look.box, box, look.space, look.plan.proxy)
    ranges = changes(look.box, box)
    dropped = [n for n in look.box if n not in box]
    if not ranges:
        yield look.entry("narrow", known, say("nothing"), say("the best lie all over the ranges"))
        return
    before = {n: range_of(look.box[n]) for n in ranges}
    gone = say("; without {dropped}", dropped=dropped) if dropped else ""
    yield look.entry(
        "narrow",
        say("the best {count} of {known}", count=top_count(look.valued), known=known),
        told(look.box, ranges) + gone, _weighing(shares), ranges=ranges, before=before,
    )  # fmt: skip


def _epoch(look: Look) -> int:
    return look.plan.coarse_epochs if look.number == 0 else look.plan.half_epochs


def shares_of(look: Look) -> dict[str, float] | None:
    """How much of the losses' variance each parameter explains; None if it cannot be told."""
    names = look.space.free
    rows = [look.space.to_unit(c) for c in look.configs]
    points = np.array([[row.get(n, math.nan) for n in names] for row in rows])
    losses = np.array([loss for loss, _ in look.ranking])
    found = importance(points.reshape(-1, len(names)), losses, look.history.spec.seed, repeats=0)
    if found is None or found.explained < EXPLAINED:
        return None
    return {name: found.total(j) for j, name in enumerate(names)}


def _weighing(shares: dict[str, float] | None) -> str:
    if shares is None:
        return say("which parameters matter cannot be told yet, so that all count alike")
    top = sorted(shares.items(), key=lambda item: -item[1])[:3]
    words = ", ".join(f"{name} {share:.0%}" for name, share in top)
    return say("of the differences {words} (alone and in pairs)", words=words)


def widen(look: Look) -> Iterator[Entry]:
    """Take back what a draw from the whole space, kept as a control, shows to be wrong."""
    since = _last_change(look.history)
    if since is None or look.number == 0:  # the coarse stage has no control draws
        return
    drawn = [(loss, n) for loss, n in look.ranking[: look.valued] if n > since]
    if not drawn:
        return
    control = [(loss, n) for loss, n in drawn if outside(look.box, _config(look, n))]
    inside = [(loss, n) for loss, n in drawn if not outside(look.box, _config(look, n))]
    if not control or len(inside) < LEAST_INSIDE:
        seen = say(
            "control draws: {control}, beside {inside} from the ranges",
            control=len(control),
            inside=len(inside),
        )
        yield look.entry(
            "control", seen, say("nothing"), say("not enough evidence to judge the ranges by")
        )
        return
    (best, number), rival, se = control[0], inside[0][0], noise(look.history)
    if not best < rival - se:
        seen = say(
            "no control draw (of {control}) is better than what the ranges gave",
            control=len(control),
        )
        yield look.entry("control", seen, say("the ranges stay"))
        return
    wrong = outside(look.box, _config(look, number))
    ranges = {n: r for n in wrong if (r := _range_before(look, n)) is not None}
    seen = say(
        "#{number}, a control draw, beats all {inside} from the ranges",
        number=number,
        inside=len(inside),
    )
    why = say("{wrong} of #{number} lie outside: narrowed too much", wrong=wrong, number=number)
    blamed = sorted({c for n in ranges for c in _blamed(look.history, n)})
    if blamed:
        why += say("; {blamed} count half from now on", blamed=blamed)
    done = told(look.box, ranges)
    yield look.entry("undo", seen, done, why, ranges=ranges, codes=blamed, too_narrow=wrong)


def _config(look: Look, number: int) -> Config:
    return look.history.trials[number].config


def _changes_of(history: History, name: str | None = None) -> list[Entry]:
    """The lines that changed ranges, or one parameter's."""
    found = [e for e in history.logbook if e.data.get("ranges")]
    return found if name is None else [e for e in found if name in e.data["ranges"]]


def _last_change(history: History) -> int | None:
    found = _changes_of(history)
    return found[-1].data["trials"] if found else None


def _range_before(look: Look, name: str) -> list[object] | None:
    """The range of a parameter before it was changed last; the whole one if that says nothing."""
    found = _changes_of(look.history, name)
    if not found:
        return None
    before: list[object] = found[-1].data.get("before", {}).get(name)
    return before if before is not None else range_of(look.space[name])


def _blamed(history: History, name: str) -> list[str]:
    """The verdicts by which a range was shifted last, if it was."""
    last = _changes_of(history, name)[-1]
    return list(last.data.get("codes", ())) if last.code == "shift" else []
