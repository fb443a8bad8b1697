"""Verdicts on networks that fit too well: validation turns up, or training is memorised."""

from collections.abc import Set
from dataclasses import dataclass
from functools import partial

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis import advice, thresholds
from danlu.diagnosis.features import Features
from danlu.diagnosis.fit import BROKEN
from danlu.diagnosis.words import percent, verdict

EXPLAINED = BROKEN | {"collapse", "val_handicapped"}
"""Verdicts that explain why validation falls behind; only uneven classes are judged before."""


@dataclass(frozen=True)
class TurnUp:
    """How validation loss rose above its minimum.

    Attributes:
        epoch: Of the minimum.
        lowest: The smoothed loss there.
        share: The rise relative to the minimum.
        noise: The rise in standard deviations of the noise.
    """

    epoch: int
    lowest: float
    share: float
    noise: float


def turn_up(at: Features) -> TurnUp | None:
    """The rise of the validation loss, if it is one: large, beyond noise, and of matter."""
    val, train = at.val_loss, at.train_loss
    if len(val) < thresholds.LEAST_EPOCHS or val.noise is None:
        return None
    i = val.lowest
    lowest, rise = val.smooth[i], val.end - val.smooth[i]
    up = TurnUp(
        val.epochs[i], lowest, rise / max(abs(lowest), 1e-12), rise / max(val.noise, 1e-12)
    )
    material = at.chance_loss is None or rise > thresholds.RISE_MATERIAL * at.chance_loss
    begun = i < thresholds.RISE_BEGINS * len(val)
    there = train.until(up.epoch)
    falls = not len(there) or train.end <= there.smooth[-1]
    clear = up.share > thresholds.RISE and up.noise > thresholds.RISE_NOISE
    return up if clear and material and begun and falls else None


def overfit(at: Features, found: Set[str]) -> Finding | None:
    """Validation loss turns up while training goes on falling, or training is memorised.

    Where the metric shows no gap, or goes on growing, the network merely grows too sure of
    itself, ``overconfident``, unless training is far ahead: then it is learned by heart all the
    same.
    """
    if at.epochs < thresholds.LEAST_EPOCHS or found & EXPLAINED:
        return None
    up, gap = turn_up(at), at.gap
    apart = gap is not None and gap > thresholds.GAP and at.gap_noise > thresholds.GAP_NOISE
    far = gap is not None and gap > thresholds.GAP_ALONE
    memorised = apart and far and _loss_gap(at) > thresholds.LOSS_GAP_ALONE
    if up is None:
        return _overfit(at, "memorised", _memorised(at)) if memorised else None
    rise = say(
        "Validation loss rises since epoch {epoch}, from {lowest:.3g} to {end:.3g}, while "
        "training loss falls",
        epoch=up.epoch,
        lowest=up.lowest,
        end=at.val_loss.end,
    )
    tell = partial(_overfit, at, up=up)
    if gap is not None:
        if not apart or at.val_metric.tail.change > max(thresholds.RISING, at.val_error):
            if found & {"bad_scale", "lr_too_high"}:  # which explain it
                return None
            if memorised:
                return _overfit(at, "memorised", _memorised(at))
            return _overconfident(at, rise, up)
        return tell(
            "turned up, gap",
            say(
                "{rise}, and training is {gap} ahead: overfitting. {what}",
                rise=rise,
                gap=percent(gap),
                what=_try(up),
            ),
        )
    if _loss_gap(at) > thresholds.LOSS_GAP:
        return tell("turned up", say("{rise}: overfitting. {what}", rise=rise, what=_try(up)))
    return None


def _try(up: TurnUp) -> str:
    return say("Try more dropout or weight decay, or stop near epoch {epoch}.", epoch=up.epoch)


def _memorised(at: Features) -> str:
    return say(
        "Training reaches {end}, validation {val_metric_end}, and their losses are far "
        "apart: the training data is memorised. Try more dropout or weight decay, "
        "augmentation, or more data.",
        end=percent(at.train_metric.end),
        val_metric_end=percent(at.val_metric.end),
    )


def _loss_gap(at: Features) -> float:
    """Share of the validation loss by which training loss is smaller; 0 without both."""
    if not (len(at.train_loss) and len(at.val_loss)) or at.val_loss.end <= 0.0:
        return 0.0
    return (at.val_loss.end - at.train_loss.end) / at.val_loss.end


def _overfit(at: Features, rule: str, message: str, up: TurnUp | None = None) -> Finding:
    sure = at.gap is not None and at.gap_noise > thresholds.GAP_SURE
    few = at.task.n_train is not None and at.task.n_train < thresholds.FEW_PER_CLASS * (
        at.classes or 1
    )
    more_data = (
        (advice.check("data", "more training samples", advice.DATA),)
        if few or not at.trial.proxy.full
        else ()
    )
    moves = (
        *more_data, advice.MORE_DROPOUT, advice.decay(10.0 if sure else 3.0),
        Advice("enable", "augmentation", True, advice.DATA), advice.epochs(0.5),
        Advice("multiply", "width", 0.5, advice.CAPACITY),
    )  # fmt: skip
    return verdict(
        at,
        "overfit",
        rule,
        message,
        moves,
        gap=at.gap,
        loss_gap=_loss_gap(at),
        epoch=up and up.epoch,
        rise=up and up.share,
        noise=up and up.noise,
    )


def _overconfident(at: Features, rise: str, up: TurnUp) -> Finding:
    return verdict(
        at, "overconfident", "metric unharmed",
        say(
            "{rise}, but the answers get no worse: the network grows too sure of itself. Select "
            "by the metric, or try label smoothing.",
            rise=rise,
        ),
        (advice.SMOOTH_LABELS, advice.decay(3.0)), severity="info",
        epoch=up.epoch, rise=up.share, noise=up.noise, gap=at.gap,
    )  # fmt: skip
