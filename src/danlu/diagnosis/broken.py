"""Verdicts on training that broke down: numbers that are none, and losses that run away."""

import math
from collections.abc import Set

from danlu.core.codec import encode_number
from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis import advice, recognition, thresholds
from danlu.diagnosis.features import Features
from danlu.diagnosis.words import finding, verdict

LATE = 0.25  # of the run: what diverges after this share was nearly stable


def not_finite(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """The objective or a loss is NaN or infinite: nothing that follows can be trusted.

    Norms of gradients may be infinite: mixed precision skips such steps and goes on.
    """
    objective = at.history.objective.metric
    for report in at.trial.reports:
        if math.isfinite(sum(report.metrics.values())):  # mostly; a sum may overflow
            continue
        for name, value in report.metrics.items():
            if math.isfinite(value) or not (name == objective or recognition.is_loss(name)):
                continue
            since = _ran_off(at, report.epoch)
            word = "NaN" if math.isnan(value) else say("infinite")
            return finding(
                "not_finite", "error", 1.0,
                say(
                    "{name} is {word} at epoch {epoch}: training broke down. {what}",
                    name=name, word=word, epoch=report.epoch,
                    what=_decays_away(at) or say(
                        "Try a learning rate {times_smaller}, or clip gradients.",
                        times_smaller=_times_smaller(at, since),
                    ),
                ),
                (advice.STOP, *_moves(at, since)),
                metric=name, epoch=report.epoch, value=encode_number(value),
            )  # fmt: skip
    return None


def diverging(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """The training loss stays far above its start, and the answers are not good all the same.

    The start is the larger of the constant answer's loss and the loss before the first step.
    Where neither is known it is the highest of the first epochs, of the validation loss too: that
    gives the scale of the task to a training loss that begins near zero. Losses that are negative
    at first have no such scale and are not judged.
    """
    name = at.named.train_loss
    if name is None or not _above_start(at, name):
        return None
    start = _start(at)
    curve = at.trial.curve(name)
    known = at.chance_loss is not None
    last = thresholds.DIVERGED_EPOCHS_KNOWN if known else thresholds.DIVERGED_EPOCHS
    first = 1 if known else thresholds.DIVERGED_START_EPOCHS
    if start is None or len(curve) < first + last or _answers_well(at):
        return None
    end = curve[-last:]
    if not all(v > thresholds.DIVERGED_FACTOR * start for _, v in end):
        return None
    return finding(
        "diverged", "error", 0.9,
        say(
            "{name} has been more than {factor:g} times its start ({start:.4g}) since epoch "
            "{since} and is {value:.4g} at epoch {epoch}: training diverges. {what}",
            name=name, factor=thresholds.DIVERGED_FACTOR, start=start, since=end[0][0],
            value=end[-1][1], epoch=end[-1][0], what=_try(at, end[0][0]),
        ),
        (advice.STOP, *_moves(at, end[0][0])),
        metric=name, start=start, epochs=[e for e, _ in end],
        values=[encode_number(v) for _, v in end],
    )  # fmt: skip


def diverged(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """The training loss ended far above its minimum and the constant answer's."""
    if (now := diverging(at)) is not None:
        return now
    loss, chance = at.train_loss, at.chance_loss
    if at.epochs < thresholds.LEAST_EPOCHS or not len(loss) or chance is None:
        return None
    risen = loss.end > max(
        thresholds.DIVERGED_END * chance, thresholds.DIVERGED_RISE * min(loss.values)
    )
    if not (risen or at.blown_up) or _answers_well(at):
        return None
    since = loss.epochs[loss.lowest]
    return verdict(
        at, "diverged", "ended far above",
        say(
            "The training loss ends at {end:.4g}, {ratio:.3g} times that of a constant answer: "
            "training diverged. {what}",
            end=loss.end, ratio=loss.end / chance, what=_try(at, since),
        ),
        _moves(at, since), severity="error",
        loss=loss.end, lowest=min(loss.values), constant=chance,
    )  # fmt: skip


def _ran_off(at: Features, epoch: int) -> int:
    """The first epoch with a training loss far above its scale, ``epoch`` at the last."""
    limit = thresholds.DIVERGED_FACTOR * (at.scale or math.inf)
    loss = at.train_loss
    return next((e for e, v in zip(loss.epochs, loss.values, strict=True) if v > limit), epoch)


def _moves(at: Features, since: int) -> tuple[Advice, ...]:
    first = (advice.check("loss", "its sign"),) if _climbs(at) else ()
    decay = (advice.NO_DECAY,) if _decays_away(at) else ()
    return (*first, *decay, advice.lr(_factor(at, since)), advice.CLIP, advice.WARM_UP)


def _try(at: Features, since: int) -> str:
    return _decays_away(at) or say(
        "Try a learning rate {times_smaller}, warm-up, or clip gradients.",
        times_smaller=_times_smaller(at, since),
    )


def _decays_away(at: Features) -> str:
    """What to try where weight decay alone makes weights grow; empty where it does not."""
    product = at.roles.get("lr", 0.0) * at.roles.get("weight decay", 0.0)
    if product <= thresholds.DECAY_STABLE:
        return ""
    return say(
        "Learning rate times weight decay is {product:.3g}; above {most:g} decay alone makes "
        "weights grow with every step of SGD and AdamW: try a far smaller weight decay.",
        product=product, most=thresholds.DECAY_STABLE,
    )  # fmt: skip


def _climbs(at: Features) -> bool:
    """Whether the loss grows steadily from the start: the optimiser maximises it.

    Too large steps jump; a loss of the wrong sign grows at every epoch.
    """
    loss = at.train_loss
    return len(loss) >= thresholds.LEAST_EPOCHS and loss.tau > thresholds.CLIMB_TAU


def _factor(at: Features, since: int) -> float:
    """The sooner training breaks down, the further off the learning rate is."""
    if since <= 1:
        return 0.01
    return 1 / 3 if since > LATE * at.horizon else 0.1


def _times_smaller(at: Features, since: int) -> str:
    return {0.01: say("a hundred times smaller"), 0.1: say("ten times smaller")}.get(
        _factor(at, since), say("three times smaller")
    )


def _above_start(at: Features, name: str) -> bool:
    """Whether the last report allows for divergence: most curves need no closer look."""
    first, last = (at.trial.reports[i].metrics.get(name) for i in (0, -1))
    least = at.chance_loss if at.chance_loss is not None else first
    return last is None or least is None or not last <= thresholds.DIVERGED_FACTOR * least


def _answers_well(at: Features) -> bool:
    return at.train_skill is not None and at.train_skill >= thresholds.DIVERGED_SKILL


def _start(at: Features) -> float | None:
    """The loss that training begins with; None if it has no scale."""
    if at.chance_loss is not None:
        return max(at.chance_loss, at.initial_loss or 0.0)
    names = [n for n in at.trial.metric_names() if recognition.is_loss(n)]
    first = thresholds.DIVERGED_START_EPOCHS
    starts = [v for n in names for _, v in at.trial.curve(n)[:first]]
    return max(starts) if starts and all(0 < v < math.inf for v in starts) else None
