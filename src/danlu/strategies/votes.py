"""Verdicts on trials move ranges by a pooled vote.

Each verdict's advice pulls one end of a parameter's range; a trial counts by the verdict's
confidence, half if it is in the worse half. A range moves only if (1) the votes for it weigh
enough, in all and beside the other verdicts, (2) twice as much as those against it, (3) the two
best configs stay inside, and (4) the same end was not moved the other way before. Draws from the
whole space are its control: what they prove wrong is taken back, and the verdict that asked for
it counts half from then on (see `moves.widen`).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.strategies.looks import Look
from danlu.strategies.pulls import beside, pulls
from danlu.strategies.ranges import Range, limits_of, range_of, tidy, told

LEAST_WEIGHT = 2.0  # of the votes for a move
LEAST_SHARE = 0.3  # of the weight of all trials that were judged
LEAST_RATIO = 2.0  # of the votes for a move to those against it
WORSE_HALF = 0.5  # what a trial there counts
MOST = 0.5  # of the width: how far an end is moved at once
INCUMBENTS = 2  # distinct best configs that stay inside


@dataclass
class Tally:
    """The votes for moving one end of one range in one direction."""

    weight: float = 0.0
    places: list[tuple[float, float]] = field(default_factory=list)  # (weight, new place)
    codes: set[str] = field(default_factory=set)

    @property
    def place(self) -> float:
        """The middle of the places voted for, by weight."""
        half, passed = sum(w for w, _ in self.places) / 2, 0.0
        for weight, place in sorted(self.places, key=lambda vote: vote[1]):
            passed += weight
            if passed >= half:
                return place
        return math.nan


def shift(look: Look) -> Iterator[Entry]:
    """Move ranges as the verdicts of enough trials advise."""
    judged = [t for t in look.history.trials.values() if t.diagnosis and t.stage != "confirm"]
    if not judged:
        return
    moved = False
    for name in look.box:
        since = _last_shift(look, name)
        pool = [t for t in judged if t.number > (since.data["trials"] if since else 0)]
        tallies, pooled = _tallies(look, name, pool)
        for (end, direction), tally in sorted(tallies.items()):
            against = sum(t.weight for (_, d), t in tallies.items() if d != direction)
            enough = tally.weight >= LEAST_WEIGHT and tally.weight >= LEAST_SHARE * pooled
            if not enough or tally.weight < LEAST_RATIO * against:
                continue
            entry = _shifted(look, name, end, direction, tally, pooled, len(pool))
            moved = moved or entry is not None
            if entry is not None:
                yield entry
                break  # one move of a range at a look
    if not moved:
        seen = say("trials with verdicts: {judged}", judged=len(judged))
        why = say("not enough evidence: no advice is shared by enough trials")
        yield look.entry("shift", seen, say("nothing"), why)


def _tallies(
    look: Look, name: str, pool: Iterable[TrialRecord]
) -> tuple[dict[tuple[str, int], Tally], float]:
    """(end, direction) → its votes; and the weight of all verdicts in the pool."""
    better = {n for _, n in look.ranking[: (len(look.ranking) + 1) // 2]}
    tallies: dict[tuple[str, int], Tally] = {}
    pooled = 0.0
    for t in pool:
        half = 1.0 if t.number in better else WORSE_HALF
        pooled += half * max(_confidence(look, f.code, f.confidence) for f in t.diagnosis)
        best: dict[tuple[str, int], tuple[float, float, str]] = {}
        for f in t.diagnosis:
            weight = half * _confidence(look, f.code, f.confidence)
            for pull in pulls(f, look.space, look.box):
                if pull.name == name and weight > 0:
                    vote = (weight, pull.to, f.code)
                    key = (pull.end, pull.direction)
                    best[key] = max(best.get(key, vote), vote, key=lambda v: v[0])
        for key, (weight, place, code) in best.items():
            tally = tallies.setdefault(key, Tally())
            tally.weight += weight
            tally.places.append((weight, place))
            tally.codes.add(code)
    return tallies, pooled


def _confidence(look: Look, code: str, confidence: float) -> float:
    """How much a verdict counts: half for each time that its advice was proved wrong."""
    wrong = sum(code in e.data.get("codes", ()) for e in look.history.logbook if e.code == "undo")
    sure = confidence if math.isfinite(confidence) else 0.0
    return min(1.0, max(0.0, sure)) * 0.5**wrong


def _last_shift(look: Look, name: str) -> Entry | None:
    found = [e for e in look.history.logbook
             if e.code in ("shift", "hold") and e.data.get("parameter") == name]  # fmt: skip
    return found[-1] if found else None


def _shifted(
    look: Look, name: str, end: str, direction: int, tally: Tally, pooled: float, trials: int
) -> Entry | None:
    """The line of one move; None if it would change nothing."""
    p, codes = look.box[name], sorted(tally.codes)
    assert not isinstance(p, Choice)
    word = say(
        "{codes}, of {trials} judged: votes {weight:.1f} of {pooled:.1f}",
        codes=codes,
        trials=trials,
        weight=tally.weight,
        pooled=pooled,
    )
    last = _last_shift(look, name)
    known = {"parameter": name, "end": end, "direction": direction, "codes": codes}
    if last and last.data["end"] == end and last.data["direction"] != direction:
        why = say(
            "{name}'s {end} end was moved the other way before: the advice contradicts itself",
            name=name,
            end=say("low") if end == "low" else say("high"),
        )
        return look.entry(
            "hold", word, say("{name} stays {range}", name=name, range=told_range(p)), why, **known
        )
    moved = _moved(look, name, p, end, direction, tally.place)
    if moved is None or moved == range_of(p):
        return None
    ranges = {name: moved}
    return look.entry(
        "shift", word, told(look.box, ranges),
        say("the two best configs stay inside; draws from the whole space are its control"),
        ranges=ranges, before={name: range_of(p)}, **known,
    )  # fmt: skip


def told_range(p: Parameter) -> str:
    low, high = range_of(p)
    return f"[{low:.3g}, {high:.3g}]"


def _moved(
    look: Look, name: str, p: Float | Int, end: str, direction: int, place: float
) -> Range | None:
    """The range with one end moved: not too far, within the limits, the best configs inside."""
    whole = look.space[name]
    assert not isinstance(whole, Choice)
    least, most = limits_of(whole)
    far = beside(p, end, direction, MOST)
    place = min(place, far) if direction > 0 else max(place, far)
    place = min(float(most), max(float(least), place))
    kept = _incumbents(look, name)
    low, high = (place, p.high) if end == "low" else (p.low, place)
    if end == "low" and kept:
        low = min(low, *kept)
    if end == "high" and kept:
        high = max(high, *kept)
    if not low < high:
        return None
    found = tidy(p, low, high)
    inward = (end == "low") == (direction > 0)
    old = range_of(p)
    shrinks = found[0] >= old[0] and found[1] <= old[1]
    return found if shrinks == inward and found[0] < found[1] else None


def _incumbents(look: Look, name: str) -> list[float]:
    """The parameter's values in the best distinct configs."""
    distinct: dict[tuple[tuple[str, str], ...], float | None] = {}
    for config in look.configs[: look.valued]:
        key = tuple(sorted((n, repr(v)) for n, v in config.items()))
        value = config.get(name)
        number = isinstance(value, int | float)
        distinct.setdefault(key, float(value) if number else None)  # type: ignore[arg-type]
        if len(distinct) == INCUMBENTS:
            break
    return [v for v in distinct.values() if v is not None]
