"""What a study comes to: what to use, how sure that is, and what to try next."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

from danlu.comparing import levelled
from danlu.core.confirmation import Confirmation
from danlu.core.decision import FULL
from danlu.core.finding import Finding, standing
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.noise import Noise, accuracy_like, cut, noise_of
from danlu.reporting.text import format_measured, format_number

NINETY = 0.95  # probability below the upper end of an interval that holds nine tenths
CERTAIN = 0.995  # beyond, two digits would read as certainty
GOOD_NOISE = 2.0  # standard deviations within which a config is as good as the best
MOST_NEXT = 3
GRAVITY = {"error": 0, "warning": 1, "info": 2}
LAST_WORDS = ("noise_limited", "space_limited", "no_gain", "budget_ended")
"""Findings of no gravity that still say what to try next."""
UNSURE = frozenset({"nothing_learns", "nothing_yet"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last word on a study so far.

    Attributes:
        trial: Number of the trial to use; None if there is none, or none worth using.
        use: What to use, as a sentence.
        sure: How sure that is, as sentences.
        next: What to try next, most urgent first; each a sentence or two.
        chance: Probability that the winner is better than the runner-up, where configs were
            trained again with the same seeds.
        low: Lower end of the interval that holds the config's mean value with probability 0.9.
        high: Upper end; None like ``low`` where nothing tells the noise.
        corrected: The value to expect of another training of a config that was trained once: the
            best of several equals is the luckiest of them.
    """

    trial: int | None
    use: str
    sure: tuple[str, ...]
    next: tuple[str, ...]
    chance: float | None = None
    low: float | None = None
    high: float | None = None
    corrected: float | None = None


def gravest(findings: Sequence[Finding]) -> list[Finding]:
    """Findings that still hold, the gravest and surest first."""
    return sorted(standing(findings), key=lambda f: (GRAVITY[f.severity], -f.confidence))


def top_finding(history: History) -> Finding | None:
    """What a person should know first; None if nothing is wrong."""
    return next((f for f in gravest(history.findings) if f.severity != "info"), None)


def verdict_of(history: History) -> Verdict:
    """The verdict on a study as it is now."""
    best = history.best
    advice = tuple(_next(history))
    lost = next((f for f in gravest(history.findings) if f.code == "nothing_learns"), None)
    if best is None or best.value is None:
        return Verdict(None, say("No trial has a result, so there is nothing to use."), (), advice)
    if lost is not None:
        use = say("Nothing learns, so there is nothing to use.")
        return Verdict(None, use, (lost.message,), tuple(lost.evidence.get("look_at", ())))
    if history.confirmation is not None:
        return _confirmed(history, history.confirmation, advice)
    return _single(history, best, advice)


def _confirmed(history: History, seen: Confirmation, advice: tuple[str, ...]) -> Verdict:
    """Of configs that were trained again with the same seeds."""
    chosen, loss = seen.chosen, history.objective.loss
    sd, freedom = _pooled(seen)
    mean, count = loss(chosen.mean), max(2, len(chosen.repeats))
    low, high = _interval(history, mean, sd / math.sqrt(count), freedom)
    metric = history.objective.metric
    said = say("Use the config of trial {number}", number=chosen.best.number)
    first = seen.finalists[0]
    if chosen is not first:
        said += say(
            ": it is cheaper than trial {number}, and no worse beyond the noise",
            number=first.best.number,
        )
    half = sd if low is None or high is None else min(sd, (high - low) / 2)
    values = {"metric": metric, "mean": format_measured(mean, half), "count": count}
    use = say("{said}.", said=said)
    if seen.unseeded:
        sure = [say("{metric} {mean}, the same to the last digit in {count} repetitions: the seed "
                    "of the trial does not reach the training, so how sure this is they cannot "
                    "tell. Pass it on (trial.seed, DANLU_SEED).", **values)]  # fmt: skip
        return Verdict(chosen.best.number, use, tuple(sure), advice, None, None, None)
    if low is None or high is None:
        sure = [say("{metric} {mean} on average over {count} seeds.", **values)]
    else:
        ends = {"low": format_measured(low, half), "high": format_measured(high, half)}
        sure = [say("{metric} {mean} on average over {count} seeds, between {low} and {high} with "
                    "probability 0.9.", **values, **ends)]  # fmt: skip
    if seen.chance is not None and seen.runner_up is not None:
        sure.append(_odds(seen, seen.chance, seen.runner_up))
    sure += _against_trivial(history, mean, sd / math.sqrt(count))
    return Verdict(chosen.best.number, use, tuple(sure), advice, seen.chance, low, high)


def _interval(
    history: History, mean: float, error: float, freedom: int
) -> tuple[float, float] | tuple[None, None]:
    """Where the mean lies with probability 0.9; shares of right answers end at 0 and 1."""
    if not freedom:
        return None, None
    half = float(stdtrit(freedom, NINETY)) * error
    low, high = mean - half, mean + half
    share = accuracy_like(history) and 0.0 <= mean <= 1.0
    return (max(0.0, low), min(1.0, high)) if share else (low, high)


def _odds(seen: Confirmation, chance: float, runner_up: int) -> str:
    other = say("trial {number}'s config", number=seen.finalists[runner_up].best.number)
    if seen.separable:
        odds = (
            say("probability {chance:.2f}", chance=chance)
            if chance < CERTAIN
            else say("near certainty")
        )
        return say("It is better than {other} with {odds}.", other=other, odds=odds)
    return say(
        "It is better than {other} with probability {chance:.2f} only: the two cannot be "
        "told apart, so take whichever is cheaper.",
        other=other,
        chance=chance,
    )


def _against_trivial(history: History, value: float, sd: float) -> list[str]:
    """That a value is no better than what always giving one answer reaches, if it is not."""
    task, loss = history.task, history.objective.loss
    level = task.baseline_loss if history.objective.direction == "min" else None
    level = task.baseline_metric if level is None else level
    if level is None or not math.isfinite(level):
        return []
    if task.n_val and accuracy_like(history) and 0.0 < level < 1.0:
        sd = math.hypot(sd, math.sqrt(level * (1.0 - level) / task.n_val))
    if loss(value) < loss(level) - GOOD_NOISE * sd:
        return []
    said = say(
        "That is no better, beyond noise, than always giving one answer ({level:.4g}).",
        level=level,
    )
    return [said + say(" Do not rely on it.")]


def _pooled(seen: Confirmation) -> tuple[float, int]:
    """Standard deviation between seeds, pooled over all finalists, and its freedom."""
    groups = [
        [cut(loss) for s, loss in f.losses.items() if s in f.repeats or len(f.repeats) < 2]
        for f in seen.finalists
    ]
    freedom = sum(len(g) - 1 for g in groups)
    squares = sum((len(g) - 1) * statistics.variance(g) for g in groups if len(g) > 1)
    return (math.sqrt(squares / freedom), freedom) if freedom else (0.0, 0)


def _single(history: History, best: TrialRecord, advice: tuple[str, ...]) -> Verdict:
    """Of configs that were trained once."""
    assert best.value is not None
    loss = history.objective.loss
    noise, equals = _luck(history)
    sure = [say("It was trained with one seed, so how it compares with others is not known.")]
    corrected = low = high = None
    if noise.sd and best.proxy.full:
        corrected = loss(loss(best.value) + winners_luck(equals) * noise.sd)
        low, high = corrected - 1.645 * noise.sd, corrected + 1.645 * noise.sd
        others = (
            say("the best of {equals} configs that noise cannot tell apart", equals=equals)
            if equals > 1
            else say("one training")
        )
        sure.append(
            say(
                "{metric} {value} is {others}: expect about {corrected}, give or take {error} "
                "(noise from {source}).",
                metric=history.objective.metric,
                value=format_measured(best.value, noise.sd),
                others=others,
                corrected=format_measured(corrected, noise.sd),
                error=format_number(1.645 * noise.sd, 2),
                source=noise.source,
            )
        )
        sure += _against_trivial(history, corrected, noise.sd)
    if best.epoch < history.spec.epochs:
        sure.append(
            say(
                "It was trained for {epoch} of {epochs} epochs only.",
                epoch=best.epoch,
                epochs=history.spec.epochs,
            )
        )
    if not best.proxy.full:
        sure.append(say("It was trained on a part of the data only."))
    use = say("Use the config of trial {number}.", number=best.number)
    return Verdict(best.number, use, tuple(sure), advice, None, low, high, corrected)


def _luck(history: History) -> tuple[Noise, int]:
    """The noise of a training, and how many configs are as good as the best."""
    losses = {n: v for n, v in levelled(history, FULL).items() if math.isfinite(v)}
    groups: dict[str, list[TrialRecord]] = {}
    for n in sorted(losses, key=lambda n: losses[n]):
        trial = history.trials[n]
        groups.setdefault(repr(sorted(trial.config.items())), []).append(trial)
    noise = noise_of(history, [tuple(g) for g in groups.values()])
    if not losses:
        return noise, 0
    limit = min(losses.values()) + GOOD_NOISE * (noise.sd or 0.0)
    return noise, sum(any(losses[t.number] <= limit for t in g) for g in groups.values())


def winners_luck(equals: int) -> float:
    """Standard deviations by which the best of so many equal configs is better than it is.

    Blom 1958: 1.54 for ten, 1.87 for twenty, 2.51 for a hundred.
    """
    if equals < 2:
        return 0.0
    return float(ndtri((equals - 0.375) / (equals + 0.25)))


def _next(history: History) -> list[str]:
    """What to try next, from the findings that hold."""
    held = gravest(history.findings)
    told = [f.message for f in held if f.severity != "info"][:MOST_NEXT]
    if not any(f.code in UNSURE for f in held):
        known = {f.code for f in held}
        words = LAST_WORDS[1:] if "seed_noise" in known else LAST_WORDS
        last = [f for code in words for f in held if f.code == code]
        told += [f.message for f in last]
    seen = history.confirmation
    if not told and seen is None and history.best is not None:
        told.append(
            say("With more budget the search would train the best again with other seeds.")
        )
    if seen is not None and not seen.separable and len(told) < MOST_NEXT:
        told.append(say("More seeds would tell the winner from the runner-up, if that matters."))
    return told[: MOST_NEXT + 1]
