"""Findings about the best configs: what they share, and what may be luck."""

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping

from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice
from danlu.core.sentence import say
from danlu.diagnosis.study_thresholds import (
    BOUND_SHARE,
    BOUND_TRIALS,
    FEW_GOOD,
    FEW_GOOD_EACH,
    FEW_GOOD_TRIED,
    FRAGILE_LEAST,
    FRAGILE_NEAR,
    FRAGILE_NOISE,
    IMPORTANT,
    LEADERS,
    LEADERS_ALIKE,
    NOISY_RATIO,
    NOISY_SHARE,
    NOISY_TRIED,
    SPREAD_MOST,
    SPREAD_TRIALS,
    SPREAD_WIDTH,
)
from danlu.diagnosis.survey import Survey, Tried

PROBLEMS = ("overfit", "late_spikes", "noisy_val", "still_improving")
"""Trial verdicts that make a comparison of the best configs unfair (B3)."""

ACTS: Mapping[str, str] = {
    "overfit": say(
        "raise regularisation before comparing anything else: selection otherwise favours "
        "whatever regularises by accident"
    ),
    "late_spikes": say(
        "make training stable (clip gradients, halve the learning rate) before comparing "
        "anything else: selection otherwise favours lucky epochs"
    ),
    "noisy_val": say(
        "make validation less noisy (more samples, averaged evaluations) before comparing "
        "anything else: selection otherwise favours lucky epochs"
    ),
    "still_improving": say(
        "train longer before comparing anything else: selection otherwise favours what learns "
        "fast"
    ),
}  # fmt: skip


def too_few_good(survey: Survey) -> Iterator[Finding]:
    """Too few configs near the best to know where good ones lie."""
    if len(survey.tried) < FEW_GOOD_TRIED or survey.noise.sd is None:
        return
    needed = max(FEW_GOOD, FEW_GOOD_EACH * len(active(survey)))
    count, tried = len(survey.good), len(survey.tried)
    if count < needed:
        yield Finding(
            "too_few_good", "info", 0.6,
            say(
                "As far as noise lets tell, too few configs are as good as the best: {count} of "
                "{tried}. {needed} would tell where good ones lie. Try more before narrowing: "
                "another random config beats all of them with probability 1/{all}.",
                count=count, tried=tried, needed=needed, all=tried + 1,
            ),
            {"good": count, "needed": needed, "tried": tried},
        )  # fmt: skip


def active(survey: Survey) -> list[str]:
    """Parameters that matter, as far as is known; all of them before anything is."""
    known = survey.importance
    names = list(survey.free)
    return names if known is None else [n for n in names if known.total(n) >= IMPORTANT] or names


def best_problem(survey: Survey) -> Iterator[Finding]:
    """The best trials carry one and the same problem."""
    leaders = survey.tried[:LEADERS]
    carried = Counter(code for c in leaders for code in codes(c) if code in PROBLEMS)
    for code, count in carried.items():
        if len(leaders) < LEADERS or count < LEADERS_ALIKE:
            continue
        numbers = [c.number for c in leaders if code in codes(c)]
        listed = ", ".join(f"#{n}" for n in numbers)
        yield Finding(
            "best_problem", "warning", 0.7,
            say(
                "{count} of the best {leaders} configs ({listed}) are {names}: {acts}.",
                count=count, leaders=LEADERS, listed=listed, names=NAMES[code], acts=ACTS[code],
            ),
            {"problem": code, "trials": numbers},
            _advice(leaders, code),
        )  # fmt: skip


NAMES: Mapping[str, str] = {
    "overfit": say("overfitting"),
    "late_spikes": say("spiking late in training"),
    "noisy_val": say("measured with much noise"),
    "still_improving": say("still improving when they end"),
}


def codes(tried: Tried) -> set[str]:
    """What is to be said of a config's trials as they are now."""
    return {f.code for t in tried.trials for f in t.diagnosis}


def _advice(leaders: tuple[Tried, ...], code: str) -> tuple[Advice, ...]:
    """What the first of the trials' findings advise, stopping left out."""
    found = (f for c in leaders for t in c.trials for f in t.diagnosis if f.code == code)
    finding = next(found, None)
    return tuple(a for a in finding.advice if a.action != "stop") if finding else ()


def fragile_best(survey: Survey) -> Iterator[Finding]:
    """The nearest neighbours of the best config are much worse than it: it may be luck."""
    best, sd = survey.incumbent, survey.noise.sd
    if best is None or not sd or len({t.seed for t in best.trials}) > 1:
        return
    near = sorted(
        (c for c in survey.tried if c is not best
         and survey.distance(best.config, c.config) <= FRAGILE_NEAR),
        key=lambda c: survey.distance(best.config, c.config),
    )[:5]  # fmt: skip
    gaps = [c.loss - best.loss for c in near]
    if len(near) >= FRAGILE_LEAST and min(gaps) > FRAGILE_NOISE * sd:
        middle = statistics.median(gaps)
        yield Finding(
            "fragile_best", "warning", 0.6,
            say(
                "The best config, #{number}, beats its {near} nearest neighbours by "
                "{middle:.3g}, {times:.0f} times the noise: it may be luck. Train it with two "
                "more seeds before using it.",
                number=best.number, near=len(near), middle=middle, times=middle / sd,
            ),
            {"trial": best.number, "neighbours": [c.number for c in near],
             "gap": middle, "noise": sd},
            (Advice("add", "seeds", 2, "budget"),),
        )  # fmt: skip


def seed_noise(survey: Survey) -> Iterator[Finding]:
    """The noise between trainings is as large as what the search still tells apart."""
    noise, count = survey.noise, len(survey.tried)
    if noise.sd is None or noise.freedom < 1 or count < NOISY_TRIED:
        return
    top = survey.tried[: max(FEW_GOOD, math.ceil(NOISY_SHARE * count))]
    reach = statistics.median(c.loss for c in top) - top[0].loss
    if noise.sd > NOISY_RATIO * reach:
        yield Finding(
            "seed_noise", "warning", 0.7,
            say(
                "Two trainings of one config differ by {sd:.2g} (standard deviation, from "
                "{source}), and the best {top} configs by hardly more ({reach:.2g} in the "
                "middle): what is left to find is noise. Spend on seeds or validation data, not "
                "on more configs.",
                sd=noise.sd, source=noise.source, top=len(top), reach=reach,
            ),
            {"noise": noise.sd, "freedom": noise.freedom, "reach": reach, "top": len(top)},
            (Advice("add", "seeds", 2, "budget"),
             Advice("check", group="data", why="more validation samples")),
        )  # fmt: skip


def duplicate_winners(survey: Survey) -> Iterator[Finding]:
    """Good configs spread over most of a parameter's range: it is free."""
    if len(survey.good) < SPREAD_TRIALS or len(survey.tried) < FEW_GOOD_TRIED:
        return
    if len(survey.good) > SPREAD_MOST * len(survey.tried):
        return  # noise hides all differences
    matters = set(active(survey)) if survey.importance else set()
    for name in survey.free:
        if name in matters or isinstance(survey.parameter(name), Choice):
            continue
        places = [x for c in survey.good if (x := survey.place(name, c.config)) is not None]
        if len(places) < SPREAD_TRIALS or max(places) - min(places) <= SPREAD_WIDTH:
            continue
        width = max(places) - min(places)
        yield Finding(
            "duplicate_winners", "info", 0.5,
            say(
                "{places} configs as good as the best spread over {width:.0%} of the range of "
                "{name}: it is free. Narrow the others first, and take what is cheapest.",
                places=len(places), width=width, name=name,
            ),
            {"parameter": name, "good": len(places), "width": round(width, 3)},
        )  # fmt: skip


def budget_bound(survey: Survey) -> Iterator[Finding]:
    """Most good configs still improve at their full length."""
    full = survey.history.spec.epochs
    good = [c for c in survey.good if c.epoch >= full]
    improving = [c for c in good if "still_improving" in codes(c)]
    if len(good) >= BOUND_TRIALS and len(improving) > BOUND_SHARE * len(good):
        longer = math.ceil(1.5 * full)
        yield Finding(
            "budget_bound", "warning", 0.7,
            say(
                "{improving} of the {good} good configs trained in full still improve at epoch "
                "{full}: their length limits them. Train for {longer} epochs, if need be fewer "
                "of them.",
                improving=len(improving), good=len(good), full=full, longer=longer,
            ),
            {"improving": [c.number for c in improving], "good": len(good), "epochs": full},
            (Advice("multiply", "epochs", 1.5, "budget"),),
        )  # fmt: skip
