"""Verdicts on how well the network fits: too well, too little, or training held back."""

import math
from collections.abc import Set
from dataclasses import dataclass
from functools import partial

from danlu.core.finding import Advice, Finding
from danlu.diagnosis import advice, thresholds
from danlu.diagnosis.features import Features
from danlu.diagnosis.optimisation import smoothing_entropy, softmax_twice, still_falls
from danlu.diagnosis.words import percent, verdict

RAN_OFF = frozenset({"diverged", "val_at_chance"})
BROKEN = RAN_OFF | {"not_learning"}


def train_handicapped(at: Features, found: Set[str]) -> Finding | None:
    """Training is made too hard, or its labels are wrong.

    Validation beats it; or strong dropout keeps it from fitting; or it is right but unsure.
    """
    if at.epochs < thresholds.SURE_EPOCHS or at.gap is None or found & RAN_OFF:
        return None
    explained = bool(found & {"bad_scale", "lr_too_high"})
    if not explained and (drowned := _drowned(at)):
        return drowned
    if "not_learning" in found:
        return None
    if -at.gap > max(thresholds.HANDICAP, thresholds.HANDICAP_ERRORS * at.val_error):
        return _outdone(at)
    return None if explained else _unsure(at)


def _outdone(at: Features) -> Finding:
    """Validation is clearly better than training."""
    train, val = percent(at.train_metric.end), percent(at.val_metric.end)
    if at.task.eval_mode_train:
        reason = (
            "although training is judged without dropout: training labels are wrong, "
            "or validation is easier. Look at the labels, and try label smoothing."
        )
        moves: tuple[Advice, ...] = (
            advice.check("labels", "share of wrong ones", advice.DATA),
            advice.SMOOTH_LABELS,
            advice.decay(3.0),
            advice.epochs(0.5),
        )
    else:
        reason = "dropout or augmentation is too strong, or training labels are wrong."
        moves = (advice.LESS_DROPOUT, advice.decay(1 / 3), advice.SMOOTH_LABELS)
    if at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT:
        moves = (advice.USUAL_DROPOUT, *moves)
    return verdict(
        at, "train_handicapped", 0.8,
        f"Validation ({val}) is better than training ({train}), {reason}", moves,
        train=at.train_metric.end, val=at.val_metric.end,
    )  # fmt: skip


def _drowned(at: Features) -> Finding | None:
    """Training that does not fit because dropout leaves too little of the network."""
    dropout, skill = at.roles.get("dropout", 0.0), at.train_skill
    if dropout <= thresholds.MAD_DROPOUT or skill is None or skill >= thresholds.FITTED:
        return None
    return verdict(
        at, "train_handicapped", 0.6,
        f"Training ends at {percent(at.train_metric.end)}: dropout of {dropout:g} leaves "
        f"{percent(1.0 - dropout)} of the units, too few to learn with. Try 0.2.",
        (advice.USUAL_DROPOUT,), dropout=dropout, train=at.train_metric.end,
    )  # fmt: skip


def _unsure(at: Features) -> Finding | None:
    """Right answers that are given with little certainty: what strong dropout leaves behind.

    Calibrated answers with error rate e lose as much as their entropy, H(e) + e·log(C − 1);
    labels that are smoothed on purpose cost no more than their own entropy.
    """
    loss, skill, classes = at.train_loss, at.train_skill, at.classes
    if not len(loss) or skill is None or classes is None:
        return None
    usual_first = at.usual_first_loss or math.inf
    end = loss.end - smoothing_entropy(at)
    dropout = at.roles.get("dropout", 0.0)
    factor = thresholds.UNSURE
    if dropout > thresholds.STRONG_DROPOUT:
        factor = thresholds.UNSURE_DROPOUT
    usual = calibrated_loss(1.0 - at.train_metric.end, classes)
    if skill < thresholds.UNSURE_SKILL or end < thresholds.UNSURE_LOSS * usual_first:
        return None
    if end <= factor * usual or softmax_twice(at):
        return None
    moves = (advice.USUAL_DROPOUT if dropout > thresholds.STRONG_DROPOUT else advice.LESS_DROPOUT,
             advice.decay(1 / 3), advice.epochs(2.0))  # fmt: skip
    return verdict(
        at, "train_handicapped", 0.6,
        f"Training answers {percent(at.train_metric.end)} right but with little certainty: its "
        f"loss of {loss.end:.3g} is {end / usual:.2g} times what such answers need. Dropout, "
        "augmentation or weight decay is too strong.", moves,
        train=at.train_metric.end, loss=loss.end, usual=usual,
    )  # fmt: skip


def calibrated_loss(error: float, classes: int) -> float:
    """The cross-entropy of answers that are as sure as they are right."""
    e = min(max(error, 1e-6), 1.0 - 1e-6)
    entropy = -e * math.log(e) - (1.0 - e) * math.log(1.0 - e)
    return entropy + e * math.log(max(1, classes - 1))


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
    itself: ``overconfident``.
    """
    if at.epochs < thresholds.LEAST_EPOCHS or found & BROKEN:
        return None
    up, gap = turn_up(at), at.gap
    apart = gap is not None and gap > thresholds.GAP and at.gap_noise > thresholds.GAP_NOISE
    if up is None:
        if apart and _loss_gap(at) > thresholds.LOSS_GAP_ALONE:
            return _overfit(at, 0.7, _memorised(at))
        return None
    rise = (
        f"Validation loss rises since epoch {up.epoch}, from {up.lowest:.3g} to "
        f"{at.val_loss.end:.3g}, while training loss falls"
    )
    tell = partial(_overfit, at, up=up)
    if gap is not None:
        if not apart or at.val_metric.tail.change > max(thresholds.RISING, at.val_error):
            if found & {"bad_scale", "lr_too_high"}:  # which explain it
                return None
            return _overconfident(at, rise, up)
        return tell(0.9, f"{rise}, and training is {percent(gap)} ahead: overfitting. {_try(up)}")
    if _loss_gap(at) > thresholds.LOSS_GAP:
        return tell(0.7, f"{rise}: overfitting. {_try(up)}")
    return None


def _try(up: TurnUp) -> str:
    return f"Try more dropout or weight decay, or stop near epoch {up.epoch}."


def _memorised(at: Features) -> str:
    return (
        f"Training reaches {percent(at.train_metric.end)}, validation "
        f"{percent(at.val_metric.end)}, and their losses are far apart: the training data is "
        "memorised. Try more dropout or weight decay, augmentation, or more data."
    )


def _loss_gap(at: Features) -> float:
    """Share of the validation loss by which training loss is smaller; 0 without both."""
    if not (len(at.train_loss) and len(at.val_loss)) or at.val_loss.end <= 0.0:
        return 0.0
    return (at.val_loss.end - at.train_loss.end) / at.val_loss.end


def _overfit(at: Features, confidence: float, message: str, up: TurnUp | None = None) -> Finding:
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
        confidence,
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
        at, "overconfident", 0.6,
        f"{rise}, but the answers get no worse: the network grows too sure of itself. Select by "
        "the metric, or try label smoothing.",
        (advice.SMOOTH_LABELS, advice.decay(3.0)), severity="info",
        epoch=up.epoch, rise=up.share, noise=up.noise, gap=at.gap,
    )  # fmt: skip


CAUSES = BROKEN | {
    "bad_scale", "lr_too_high", "lr_too_low", "train_handicapped", "overfit",
    "loss_metric_mismatch",
}  # fmt: skip


def underfit(at: Features, found: Set[str]) -> Finding | None:
    """Training ends below what a linear model or another trial of the study reaches."""
    if at.epochs < thresholds.LEAST_EPOCHS or not len(at.train_metric):
        return None
    if found & CAUSES and not ("not_learning" in found and at.too_narrow):
        return None
    known = [r for r in (at.linear, at.reference) if r is not None]
    end, skill = at.train_metric.end, at.train_skill
    if at.too_narrow and skill is not None and skill < thresholds.FITTED:
        below, than = True, f"what more than {at.roles['width']:g} units reach"
    elif known:
        error = at.standard_error(end, at.task.n_val)
        below = max(known) - end > max(thresholds.UNDERFIT, thresholds.UNDERFIT_ERRORS * error)
        than = f"{percent(max(known))} that a linear model or another trial reaches"
    else:
        below = skill is not None and skill < thresholds.UNDERFIT_SKILL
        than = "what is usual"
    unfinished = at.epochs < thresholds.SURE_EPOCHS and still_falls(at)
    if not below or unfinished:
        return None
    return verdict(
        at, "underfit", 0.8 if known else 0.4,
        f"Training ends at {percent(end)}, below {than}: the network is too small or held back. "
        "Try a wider or deeper one, less dropout and weight decay, or more epochs.",
        _growth(at, max(known, default=None)), train=end, reference=max(known, default=None),
    )  # fmt: skip


def _growth(at: Features, reference: float | None) -> tuple[Advice, ...]:
    """What lets the network fit more, by how much is missing; strong regularisation goes first."""
    chance = at.chance_metric or 0.0
    missing = (1.0 if reference is None else reference) - chance
    part = (at.train_metric.end - chance) / missing if missing > 0.0 else 1.0
    wider = next(w for least, w in thresholds.WIDER if part >= least)
    moves = [
        Advice("multiply", "width", wider, advice.CAPACITY), advice.DEEPER, advice.LESS_DROPOUT,
        advice.decay(0.1), advice.epochs(2.0),
    ]  # fmt: skip
    if at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT:
        moves.insert(0, advice.USUAL_DROPOUT)
    if at.roles.get("weight decay", 0.0) >= thresholds.STRONG_DECAY:
        moves.insert(0, advice.NO_DECAY)
    return tuple(moves)
