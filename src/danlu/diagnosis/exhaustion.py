"""Whether the search is exhausted: six conditions, and what is left when all hold (E5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.core.spending import spent
from danlu.diagnosis.leaders import codes, seed_noise
from danlu.diagnosis.ranges import boundary
from danlu.diagnosis.study_thresholds import (
    FEW_GOOD,
    IMPORTANT,
    IMPROVED_NOISE,
    LEADERS,
    LITTLE_TO_GAIN,
    PAUSED_EACH,
    PAUSED_TRIALS,
    PROBE,
    PROBE_LEAST,
)
from danlu.diagnosis.survey import Survey
from danlu.errors import joined

UNFINISHED = frozenset({"still_improving", "overfit", "late_spikes"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the signs that nothing is left to find.

    Attributes:
        name: In two or three words.
        holds: Whether it does.
        said: What is missing, as a clause; empty if it holds.
    """

    name: str
    holds: bool
    said: str = ""


def conditions(survey: Survey) -> list[Condition]:
    """All six, in the order in which they are told."""
    return [rule(survey) for rule in (_paused, _inside, _known_around, _probed, _little, _sound)]


def _paused(survey: Survey) -> Condition:
    """No improvement in the last configs."""
    last = max(PAUSED_TRIALS, PAUSED_EACH * len(survey.free))
    ordered = sorted(survey.tried, key=lambda c: c.number)
    if len(ordered) < last + FEW_GOOD:
        said = say("fewer than {last} configs were tried", last=last + FEW_GOOD)
        return Condition(say("no more progress"), False, said)
    before = min(c.loss for c in ordered[:-last])
    gain = before - min(c.loss for c in ordered[-last:])
    holds = gain <= IMPROVED_NOISE * (survey.noise.sd or 0.0)
    said = (
        ""
        if holds
        else say("the last {last} configs still brought {gain:.2g}", last=last, gain=gain)
    )
    return Condition(say("no more progress"), holds, said)


def _inside(survey: Survey) -> Condition:
    """No best value at the end of a range that can be extended."""
    ends = [f.evidence["parameter"] for f in boundary(survey)]
    said = say("the best lie at an end of the range of {ends}", ends=ends) if ends else ""
    return Condition(say("the best inside its ranges"), not ends, said)


def _known_around(survey: Survey) -> Condition:
    """Enough good configs, on both sides of the best in each parameter that matters."""
    name, count = say("good configs around the best"), len(survey.good)
    if count < FEW_GOOD:
        said = say("too few configs are as good as the best ({count})", count=count)
        return Condition(name, False, said)
    bare = [p for p in _important(survey) if not _both_sides(survey, p)]
    said = say("all good values of {bare} lie on one side of the best", bare=bare) if bare else ""
    return Condition(name, not bare, said)


def _important(survey: Survey) -> list[str]:
    """Numbers that matter; before that is known, all of them."""
    found = survey.importance
    numbers = [n for n, p in survey.numeric() if p.cells > 2]
    return numbers if found is None else [n for n in numbers if found.total(n) >= IMPORTANT]


def _both_sides(survey: Survey, name: str) -> bool:
    best = survey.incumbent
    own = None if best is None else survey.place(name, best.config)
    if own is None:
        return True
    steps = [x - own for c in survey.good if (x := survey.place(name, c.config)) is not None]
    return any(s < 0 for s in steps) and any(s > 0 for s in steps)


def _probed(survey: Survey) -> Condition:
    """Neighbours of the best on both sides were tried and are no better."""
    missing = [p for p in _important(survey) if not _neighbours(survey, p)]
    said = say("no neighbour of the best in {missing} was tried on each side", missing=missing)
    return Condition(say("neighbours tried"), not missing, said if missing else "")


def _neighbours(survey: Survey, name: str) -> bool:
    best = survey.incumbent
    own = None if best is None else survey.place(name, best.config)
    if best is None or own is None:
        return True
    steps = [
        x - own for c in survey.tried
        if c is not best and survey.distance(best.config, c.config) <= PROBE
        and (x := survey.place(name, c.config)) is not None
        and PROBE_LEAST <= abs(x - own) <= PROBE
    ]  # fmt: skip
    return any(s < 0 for s in steps) and any(s > 0 for s in steps)


def _little(survey: Survey) -> Condition:
    """Another random config is not expected to gain more than a part of the noise."""
    name, sd, tried = say("little to gain"), survey.noise.sd, survey.tried
    if sd is None or len(tried) < 2 * FEW_GOOD:
        return Condition(name, False, say("the noise between trainings is not known"))
    # A new best comes with probability 1/(N + 1), and the gaps among the best tell its size.
    gap = (tried[FEW_GOOD - 1].loss - tried[0].loss) / (FEW_GOOD - 1)
    gain = gap / (len(tried) + 1)
    holds = gain < LITTLE_TO_GAIN * sd
    return Condition(
        name, holds, "" if holds else say("another config may still gain {gain:.2g}", gain=gain)
    )


def _sound(survey: Survey) -> Condition:
    """The best are finished and sound."""
    carried = sorted(
        {code for c in survey.tried[:LEADERS] for code in codes(c) if code in UNFINISHED}
    )
    said = say("the best carry {carried}", carried=carried) if carried else ""
    return Condition(say("the best sound and finished"), not carried, said)


LEFT = say("more or cleaner data, other features, another family of models, or longer training")


def exhausted(survey: Survey) -> Iterator[Finding]:
    """Nothing is left to find in this space, or nothing that noise lets see.

    When the budget ends before, it is said which of the conditions are missing.
    """
    if not survey.tried or not survey.proxy.full:
        return
    found = conditions(survey)
    missing = [c for c in found if not c.holds]
    noisy = bool(list(seed_noise(survey)))
    evidence = {"holds": [c.name for c in found if c.holds],
                "missing": [say("{name}: {said}", name=c.name, said=c.said) for c in missing],
                "noise": survey.noise.sd}  # fmt: skip
    if noisy and found[0].holds:
        yield Finding(
            "noise_limited", "info", 0.7,
            say(
                "Noise limits the search: the last configs brought nothing, and the best differ "
                "by no more than two trainings of one config do ({sd:.2g}). More seeds or more "
                "validation data would help, more configs would not.",
                sd=survey.noise.sd,
            ),
            evidence, (Advice("add", "seeds", 2, "budget"),),
        )  # fmt: skip
    elif not missing:
        yield Finding(
            "space_limited", "info", 0.8,
            say(
                "The search is exhausted: no progress, the best inside its ranges with good "
                "neighbours on all sides, and little to gain. What is left is {left}.",
                left=LEFT,
            ),
            evidence, (Advice("check", group="data", why=LEFT),),
        )  # fmt: skip
    elif spent(survey.history, survey.history.last_at):
        said = joined((c.said for c in missing), "; ")
        yield Finding(
            "budget_ended", "info", 0.8,
            say(
                "More budget may find better: of {found} signs that the search is exhausted "
                "{missing} are missing ({said}).",
                missing=len(missing), found=len(found), said=said,
            ),
            evidence, (Advice("add", "budget", None, "budget", "the search was not exhausted"),),
        )  # fmt: skip
