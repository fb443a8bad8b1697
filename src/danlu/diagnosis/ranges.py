"""Findings about ranges: too narrow, unstable beyond, or reaching into what fails."""

import math
from collections.abc import Iterator, Sequence

from danlu.catalogue.roles import role_of
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Float, Int
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.diagnosis.study_thresholds import (
    BAD_LUCK,
    BAD_ROOM,
    BAD_ROOM_LINEAR,
    BAD_SHARE,
    BAD_TRIALS,
    DECADE,
    DOUBLE,
    EDGE,
    EDGE_LUCK,
    FEWEST_CELLS,
    FEWEST_TRIED,
    HALF,
    NO_DECAY,
    OUTER,
    OUTER_SHARE,
    TOP_LEAST,
    TOP_SHARE,
    UNSTABLE_FACTOR,
    UNSTABLE_TRIALS,
)
from danlu.diagnosis.survey import Survey, broke, diverged, off_scale, on_scale

LOW, HIGH = "low", "high"
FURTHER = {LOW: "lower low", HIGH: "raise high"}
NEARER = {LOW: "raise low", HIGH: "lower high"}


def boundary(survey: Survey) -> Iterator[Finding]:
    """The best config and most of the top lie at one end of a parameter's range."""
    if len(survey.tried) < FEWEST_TRIED:
        return
    unstable = unstable_rates(survey)
    for name, p in survey.numeric():
        for side in (LOW, HIGH):
            if name in unstable and side == HIGH:
                continue  # what lies beyond diverges: `stability_limited` says so
            if _natural_end(name, p, side) or p.cells < FEWEST_CELLS:
                continue
            if side == LOW and _decades_above(survey, name, p):
                continue  # it is the scale that is wrong, as `danlu lint` says
            found = _crowd(survey, name, side)
            if found is not None:
                yield _boundary(survey, name, p, side, *found)


def _natural_end(name: str, p: Float | Int, side: str) -> bool:
    """Whether nothing can lie beyond an end: a hard limit, zero, one for a count, no decay."""
    end = p.low if side == LOW else p.high
    if side == LOW and role_of(name, p) == "weight decay" and end <= NO_DECAY:
        return True
    if p.limits is not None and end == p.limits[0 if side == LOW else 1]:
        return True
    least = 1 if isinstance(p, Int) else 0
    return side == LOW and 0 <= end <= least


def _decades_above(survey: Survey, name: str, p: Float | Int) -> bool:
    """Whether the best is near the low end on a linear scale only: many times as large as it."""
    value = survey.incumbent.config.get(name) if survey.incumbent else None
    return not p.log and isinstance(value, int | float) and value > DECADE * p.low > 0


def _crowd(survey: Survey, name: str, side: str) -> tuple[int, int, float] | None:
    """How many of the top lie in the outer fifth, of how many, and the probability of that.

    None if the best does not lie at the end, or too few of the top lie near it.
    """
    best, p = survey.incumbent, survey.parameter(name)
    assert best is not None
    count = max(TOP_LEAST, math.ceil(TOP_SHARE * len(survey.tried)))
    depths = [
        x if side == LOW else 1.0 - x
        for c in [best, *(c for c in survey.tried if c is not best)][:count]
        if (x := survey.place(name, c.config)) is not None
    ]  # fmt: skip
    if name not in best.config or len(depths) < TOP_LEAST:
        return None
    cell = 0.0 if isinstance(p, Float) else 1.0 / (p.cells - 1)
    if depths[0] > max(EDGE, 0.5 * cell):
        return None
    outer = sum(depth <= OUTER for depth in depths)
    chance = max(OUTER, (math.floor(OUTER / cell) + 1) / p.cells) if cell else OUTER
    luck = _at_least(outer, len(depths), chance)
    return (outer, len(depths), luck) if outer >= OUTER_SHARE * len(depths) and (
        luck < EDGE_LUCK) else None  # fmt: skip


def _boundary(
    survey: Survey, name: str, p: Float | Int, side: str, outer: int, count: int, luck: float
) -> Finding:
    low, high = survey.ranges[name]
    end = off_scale(p, low if side == LOW else high)
    best = survey.incumbent
    assert best is not None
    to = _extended(p, end, high - low, side)
    said = say(
        "The best config has {name} = {config:g}, at the {side} end of its range, and "
        "{outer} of the best {count} lie in the outer fifth there: better values may lie "
        "beyond {end:g}.",
        name=name,
        config=best.config[name],
        side=say("low") if side == LOW else say("high"),
        outer=outer,
        count=count,
        end=end,
    )
    if to is None:
        advice = Advice("check", name, why="its range is hard: limits would let the search extend")
        said += say(
            " Its range is hard; give it limits, or a wider range, to let the search go there."
        )
    else:
        advice = Advice(FURTHER[side], name, to, why=f"the best lies at {end:g}")
        said += say(" Extend it to {to:g}.", to=to)
    return Finding(
        "boundary", "info" if to is None else "warning", round(1.0 - luck, 3), said,
        {"parameter": name, "side": side, "best": best.config[name], "end": end, "outer": outer,
         "top": count, "luck": round(luck, 4)},
        (advice,),
    )  # fmt: skip


def _extended(p: Float | Int, end: float, width: float, side: str) -> float | None:
    """The end of the extended range, within the hard limits; None if there is no room."""
    if p.limits is None:
        return None
    factor = DECADE if isinstance(p, Float) else DOUBLE
    step = math.log(factor) if p.log else HALF * width
    x = on_scale(p, end) + (step if side == HIGH else -step)
    low, high = (on_scale(p, limit) for limit in p.limits)
    to = off_scale(p, min(high, max(low, x)))
    to = min(p.limits[1], max(p.limits[0], to))
    return to if (to > end if side == HIGH else to < end) else None


def unstable_rates(survey: Survey) -> dict[str, tuple[float, int]]:
    """Learning rates whose best lies just below where all diverge: that end, and how many."""
    best = survey.incumbent
    found: dict[str, tuple[float, int]] = {}
    for name in survey.learning_rates if best is not None else ():
        assert best is not None
        if name not in best.config:
            continue
        own = _number(best.config[name])
        trials = [t for t in survey.history.trials.values() if name in t.config]
        ran_away = [_number(t.config[name]) for t in trials if diverged(t)]
        sound = [_number(t.config[name]) for t in trials if t.value is not None and not broke(t)]
        above = [v for v in ran_away if v > max(sound, default=own)]
        if len(above) >= UNSTABLE_TRIALS and min(above) <= UNSTABLE_FACTOR * own:
            found[name] = (min(above), len(above))
    return found


def stability_limited(survey: Survey) -> Iterator[Finding]:
    """The best learning rate lies just below those that diverge (playbook: instability)."""
    best = survey.incumbent
    for name, (end, count) in unstable_rates(survey).items():
        assert best is not None
        yield Finding(
            "stability_limited", "warning", 0.7,
            say(
                "The best {name}, {config:g}, lies just below {end:.3g}, from where on all "
                "{count} trials diverged: stability limits it, not the range. Try warm-up, "
                "gradient clipping or normalisation layers, then rates up to ten times higher.",
                name=name, config=best.config[name], end=end, count=count,
            ),
            {"parameter": name, "best": best.config[name], "diverges_from": end, "trials": count},
            (Advice("enable", "clip", group="optimisation"),
             Advice("enable", "warmup", group="optimisation"),
             Advice("check", name, group="optimisation", why="raise it only once it is stable")),
        )  # fmt: skip


def infeasible(survey: Survey) -> Iterator[Finding]:
    """Nearly all trials beyond some value of a parameter fail: cut its range."""
    best = survey.incumbent
    if best is None:
        return
    trials = [t for t in survey.history.trials.values() if broke(t) or t.value is not None]
    for name, p in survey.numeric():
        known = [t for t in trials if name in t.config]
        for side in (LOW, HIGH):
            cut = _cut_at(known, name, side)
            if cut is None or name not in best.config:
                continue
            end, failed, count, luck = cut
            to = _kept(survey, name, p, end, side)
            if to is None:
                continue
            word = say("above") if side == HIGH else say("below")
            yield Finding(
                "infeasible", "warning", round(1.0 - luck, 3),
                say(
                    "{failed} of {count} trials with {name} at {end:g} or {word} failed, the "
                    "others hardly ever: cut its range at {to:g}.",
                    failed=failed, count=count, name=name, end=end, word=word, to=to,
                ),
                {"parameter": name, "side": side, "from": end, "failed": failed, "trials": count,
                 "luck": round(luck, 4)},
                (Advice(NEARER[side], name, to, why=f"{failed} of {count} fail beyond {end:g}"),),
            )  # fmt: skip


def _cut_at(
    trials: Sequence[TrialRecord], name: str, side: str
) -> tuple[float, int, int, float] | None:
    """The cut beyond which failures are least due to chance: its value, failed, all, p."""
    rows = sorted(((_number(t.config[name]), broke(t)) for t in trials), reverse=side == HIGH)
    all_failed, found = sum(failed for _, failed in rows), None
    failed = 0
    for count, (value, bad) in enumerate(rows, start=1):
        failed += bad
        if count < len(rows) and rows[count][0] == value:
            continue  # a cut lies between different values
        if not bad or count < BAD_TRIALS or failed < BAD_SHARE * count:
            continue
        luck = fisher(failed, count, all_failed, len(rows))
        if luck < BAD_LUCK and (found is None or luck < found[3]):
            found = (value, failed, count, luck)
    return found


def _kept(survey: Survey, name: str, p: Float | Int, end: float, side: str) -> float | None:
    """Where to cut: half-way to the best, on the scale, but with room beside it."""
    best = survey.incumbent
    assert best is not None
    own, x = on_scale(p, best.config[name]), on_scale(p, end)
    low, high = survey.ranges[name]
    room = math.log(BAD_ROOM) if p.log else BAD_ROOM_LINEAR * (high - low)
    to = 0.5 * (own + x)
    to = max(to, own + room) if side == HIGH else min(to, own - room)
    inside = (own < to < high) if side == HIGH else (low < to < own)
    value = min(p.high, max(p.low, off_scale(p, to)))
    return value if inside and low < on_scale(p, value) < high else None


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _at_least(k: int, n: int, chance: float) -> float:
    """Probability of k or more hits in n draws."""
    return sum(math.comb(n, i) * chance**i * (1.0 - chance) ** (n - i) for i in range(k, n + 1))


def fisher(failed: int, beyond: int, all_failed: int, trials: int) -> float:
    """Probability that so many failures lie beyond a cut by chance (Fisher's exact test)."""
    ways = math.comb(trials, beyond)
    most = min(beyond, all_failed)
    hits = sum(
        math.comb(all_failed, k) * math.comb(trials - all_failed, beyond - k)
        for k in range(failed, most + 1)
    )
    return hits / ways
