"""Whether anything learns at all: if not, more trials are a waste, and data or code at fault.

Stopping a study that would still have succeeded is worse than letting one run in vain. So it is
said only when a good part of the budget is spent, when configs with learning rates from the whole
range were trained to their full length, and when not a single one shows anything: neither in the
objective nor in a loss on validation data, neither by its level nor by its trend, nor the best
of them together.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise

from danlu.core.finding import Advice, Finding
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.diagnosis.checklist import checklist
from danlu.diagnosis.study_thresholds import (
    CHANCE_LOSS,
    DOUBT_CONFIGS,
    DOUBT_SPENT,
    LEAST_CONFIGS,
    LEAST_FULL,
    LEAST_FULL_NO_LR,
    LEAST_SPENT,
    LR_DECADES,
    STILL,
    STILL_CURVES,
    STILL_EPOCHS,
    WEAK_CONFIGS,
    WEAK_ERRORS,
    WEAK_LONG,
    WIDEST_GAP,
)
from danlu.diagnosis.survey import Survey, Tried, spent_share, widest_gap
from danlu.diagnosis.trivial import Reference, losses_of, smoothed, trivial
from danlu.noise import jumps

STOP = Advice("stop", group="code")


DOUBT = Advice("add", "epochs", group="budget", why="see a few rates at their full length")


def nothing_learns(survey: Survey) -> Iterator[Finding]:
    """No config learns anything: the study should stop."""
    if not _seen_enough(survey):
        return
    how = _how(survey)
    if how == "chance":
        yield _at_chance(survey, trivial(survey)[0])
    elif how:
        yield _unmoved(survey, how)


def nothing_yet(survey: Survey) -> Iterator[Finding]:
    """No config shows anything so far, and too little was trained in full to say that none will.

    A search that sees no difference between configs trains none of them for long; it takes a few
    full trainings at learning rates from the whole range to tell a late start from none.
    """
    if len(survey.tried) < DOUBT_CONFIGS or spent_share(survey.history) < DOUBT_SPENT:
        return
    if _single(survey) and not _seen_enough(survey) and _how(survey):
        yield Finding(
            "nothing_yet", "warning", 0.6,
            say(
                "None of {tried} configs learns anything so far. A few of them, with learning "
                "rates from the whole range, trained to their full length will tell whether "
                "learning begins late or not at all.",
                tried=len(survey.tried),
            ),
            {"configs": len(survey.tried), "full": len(_full(survey))}, (DOUBT,),
        )  # fmt: skip


def _single(survey: Survey) -> bool:
    return survey.proxy.full and not survey.history.spec.further


def _full(survey: Survey) -> list[Tried]:
    """Configs that were trained to their full length."""
    return [c for c in survey.tried if c.epoch >= survey.history.spec.epochs]


def _seen_enough(survey: Survey) -> bool:
    """Whether so much was tried, and so widely, that a success would have shown."""
    full, rates = _full(survey), survey.learning_rates
    return (
        _single(survey)
        and len(survey.tried) >= LEAST_CONFIGS
        and len(full) >= (LEAST_FULL if rates else LEAST_FULL_NO_LR)
        and spent_share(survey.history) >= LEAST_SPENT
        and (not rates or widest_gap(survey, [c.config for c in full]) <= WIDEST_GAP)
    )


def _how(survey: Survey) -> str:
    """In which way nothing learns: at ``"chance"``, ``"constant"``, ``"still"``; empty if not."""
    references = trivial(survey)
    if references:
        trials = survey.history.trials.values()  # also those of no use: they learn or do not
        if any(_beats(t, r) or _rises(t, r) for t in trials for r in references):
            return ""
        return "" if any(_weak_signal(survey, r) for r in references) else "chance"
    if _constant(survey):
        return "constant"
    return "still" if _stands_still(survey) else ""


def _beats(trial: TrialRecord, r: Reference) -> bool:
    """Whether a trial is better than the trivial answer beyond luck, at any epoch."""
    losses = smoothed(losses_of(trial, r.metric, r.sign))
    return bool(losses) and min(losses) < r.loss - r.margin


def _rises(trial: TrialRecord, r: Reference) -> bool:
    """Whether a trial at chance has begun to take off at its end."""
    losses = losses_of(trial, r.metric, r.sign)
    if len(losses) < 6:
        return False
    before, end = statistics.median(losses[: len(losses) // 2]), statistics.median(losses[-3:])
    better = end < r.loss - r.luck  # from far worse towards chance is no take-off
    return better and before - end > max(STILL * (jumps(losses) or 0.0), 0.5 * r.margin)


def _weak_signal(survey: Survey, r: Reference) -> bool:
    """Whether the best few end a little better than chance: for each alone it may be luck."""
    long = WEAK_LONG * survey.history.spec.epochs
    ends = sorted(
        statistics.median(losses[-3:]) for c in survey.tried for t in c.trials
        if t.epoch >= long and (losses := losses_of(t, r.metric, r.sign))
    )[:WEAK_CONFIGS]  # fmt: skip
    return bool(ends) and statistics.fmean(ends) < r.loss - WEAK_ERRORS * r.luck


def _at_chance(survey: Survey, r: Reference) -> Finding:
    best = survey.tried[0]
    full = len(_full(survey))
    level = r.sign * r.loss
    said = say(
        "None of {tried} configs, {full} of them trained in full, beats what always giving "
        "one answer reaches ({metric} {level:.4g}; the best, #{number}, has {best:.4g}): "
        "nothing learns. ",
        tried=len(survey.tried),
        full=full,
        metric=r.metric,
        level=level,
        number=best.number,
        best=r.sign * best.loss,
    )
    fits = _training_fits(survey)
    if fits:
        said += say(
            "Training data is learned all the same, so it is not the model: look at the data."
        )
    else:
        said += say("Hyperparameters will not mend that: model, loss or data are at fault.")
    return _finding(survey, "chance", said, fits, {"metric": r.metric, "trivial": level,
                                                  "best": r.sign * best.loss})  # fmt: skip


def _unmoved(survey: Survey, how: str) -> Finding:
    history = survey.history
    metric = history.objective.metric
    value = survey.tried[0].trials[0].value
    full = len(_full(survey))
    if how == "constant":
        said = say(
            "{metric} is {value:.6g} at every epoch of all {tried} configs",
            metric=metric,
            value=value,
            tried=len(survey.tried),
        )
    else:
        said = say(
            "{metric} stays where it began in all {tried} configs, {full} of them trained in "
            "full, whatever the learning rate",
            metric=metric,
            tried=len(survey.tried),
            full=full,
        )
    said += say(
        ": it does not depend on training. Is the right number reported, and does the model that "
        "is evaluated train at all?"
    )
    return _finding(survey, how, said, False, {"metric": metric, "value": value})


def _finding(
    survey: Survey, how: str, said: str, fits: bool, evidence: dict[str, object]
) -> Finding:
    """The finding that ends the study, with what to look at, in this order."""
    looks = checklist(survey.history, fits)
    evidence |= {"how": how, "configs": len(survey.tried), "look_at": looks,
                 "full": len(_full(survey)),
                 "spent": round(spent_share(survey.history), 3)}  # fmt: skip
    return Finding(
        "nothing_learns", "error", 0.9,
        say("{said} First look at {looks}", said=said, looks=looks[0]), evidence,
        (STOP, Advice("check", group="data" if fits else "code", why=looks[0])),
    )  # fmt: skip


def _training_fits(survey: Survey) -> bool:
    """Whether training curves show that the training data is learned."""
    task = survey.history.task
    for c in survey.tried:
        for t in c.trials:
            losses = smoothed(losses_of(t, "train_loss", 1.0))
            if (
                losses
                and task.baseline_loss
                and min(losses) < (1 - 5 * CHANCE_LOSS) * (task.baseline_loss)
            ):
                return True
    return False


def _constant(survey: Survey) -> bool:
    metric = survey.history.objective.metric
    values = (v for c in survey.tried for t in c.trials for _, v in t.curve(metric))
    first = next(values, None)
    return first is not None and all(v == first for v in values)


def _stands_still(survey: Survey) -> bool:
    """Whether no curve moves, though learning rates of very different size were tried."""
    if not _decades(survey):
        return False
    metric, sign = survey.history.objective.metric, survey.history.objective.loss(1.0)
    long = [t for c in survey.tried for t in c.trials if len(t.reports) >= STILL_EPOCHS]
    curves = [c for t in long[:STILL_CURVES] if (c := losses_of(t, metric, sign))]
    noises = [jumps(c) or 0.0 for c in curves]
    if len(long) < LEAST_FULL or not any(noises):
        return False
    typical, most = statistics.median(noises), STILL * max(noises)
    level = statistics.median(curves[0][-3:])
    # The first curve that moves settles it, so that a study that learns costs next to nothing.
    every = (losses_of(t, metric, sign) for t in long)
    return all(_still(c, typical) and _near(c, level, most) for c in every if c)


def _still(losses: Sequence[float], typical: float) -> bool:
    """Whether a curve does not move beyond noise: its own, or what is typical of all.

    That of the wildest curve would hide what the others learn.
    """
    noise = max(typical, jumps(losses) or 0.0)
    return all(abs(a - b) <= STILL * noise for a, b in pairwise(_thirds(losses)))


def _near(losses: Sequence[float], level: float, most: float) -> bool:
    """Whether a curve ends where the others do."""
    return abs(statistics.median(losses[-3:]) - level) < most


def _thirds(losses: Sequence[float]) -> list[float]:
    """Medians of a curve's beginning, middle and end."""
    n = max(1, len(losses) // 3)
    parts = (losses[:n], losses[n:-n] or losses, losses[-n:])
    return [statistics.median(part) for part in parts]


def _decades(survey: Survey) -> bool:
    """Whether the learning rates tried lie far apart."""
    for name in survey.learning_rates:
        values = [c.config[name] for c in survey.tried if name in c.config]
        logs = [math.log10(v) for v in values if isinstance(v, int | float) and v > 0]
        if len(logs) > 1 and max(logs) - min(logs) >= LR_DECADES:
            return True
    return False
