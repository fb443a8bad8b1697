"""Verdicts on training that does not fit: it is held back, or the network is too small."""

import math
from collections.abc import Set

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
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
        reason = say(
            "although training is judged without dropout: training labels are wrong, or "
            "validation is easier. Look at the labels, and try label smoothing."
        )
        moves: tuple[Advice, ...] = (
            advice.check("labels", "share of wrong ones", advice.DATA),
            advice.SMOOTH_LABELS,
            advice.decay(3.0),
            advice.epochs(0.5),
        )
    else:
        reason = say("dropout or augmentation is too strong, or training labels are wrong.")
        moves = (advice.LESS_DROPOUT, advice.decay(1 / 3), advice.SMOOTH_LABELS)
    if at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT:
        moves = (advice.USUAL_DROPOUT, *moves)
    return verdict(
        at, "train_handicapped", "outdone",
        say(
            "Validation ({val}) is better than training ({train}), {reason}",
            val=val, train=train, reason=reason,
        ), moves,
        train=at.train_metric.end, val=at.val_metric.end,
    )  # fmt: skip


def _drowned(at: Features) -> Finding | None:
    """Training that does not fit because dropout leaves too little of the network."""
    dropout, skill = at.roles.get("dropout", 0.0), at.train_skill
    if dropout <= thresholds.MAD_DROPOUT or skill is None or skill >= thresholds.FITTED:
        return None
    return verdict(
        at, "train_handicapped", "drowned",
        say(
            "Training ends at {end}: dropout of {dropout:g} leaves {kept} of the units, too few "
            "to learn with. Try 0.2.",
            end=percent(at.train_metric.end), dropout=dropout, kept=percent(1.0 - dropout),
        ),
        (advice.USUAL_DROPOUT,), dropout=dropout, train=at.train_metric.end,
    )  # fmt: skip


def val_handicapped(at: Features, found: Set[str]) -> Finding | None:
    """Validation is worse than training from the first epochs on, too early for overfitting.

    After one pass a sample of the training data was seen once, so that a network answers it
    hardly better than one it has never seen: what differs is how the two are measured.
    """
    if at.epochs < thresholds.LEAST_EPOCHS or found & {*RAN_OFF, "lr_too_high", "collapse"}:
        return None
    gaps = _first_gaps(at)
    if not gaps or not all(gap > limit for gap, limit in gaps):
        return None
    train, val = at.train_metric.values[0], at.val_metric.values[0]
    return verdict(
        at, "val_handicapped", "first epochs",
        say(
            "Validation ({val}) is worse than training ({train}) from the first epoch on, before "
            "anything can be learned by heart: they are not measured alike. Check that the model "
            "is in evaluation mode for validation (model.eval()), that both are prepared in the "
            "same way, and that training data is shuffled.",
            val=percent(val), train=percent(train),
        ),
        (advice.check("validation", "evaluation mode, and the same preparation"),
         advice.check("data", "order of the samples, and the split", advice.DATA)),
        train=at.train_metric.values[: len(gaps)], val=at.val_metric.values[: len(gaps)],
    )  # fmt: skip


def _first_gaps(at: Features) -> list[tuple[float, float]]:
    """(training metric over validation's, what may be chance) of the first epochs; or nothing."""
    train, val, n = at.train_metric, at.val_metric, thresholds.FIRST_EPOCHS
    sizes = at.task.n_train, at.task.n_val
    if train.epochs[:n] != val.epochs[:n] or train.epochs[:n] != tuple(range(1, n + 1)):
        return []
    if None in sizes:
        return []
    found = []
    for a, b in zip(train.values[:n], val.values[:n], strict=True):
        error = math.hypot(at.standard_error(a, sizes[0]), at.standard_error(b, sizes[1]))
        found.append((a - b, max(thresholds.FIRST_GAP, thresholds.HANDICAP_ERRORS * error)))
    return found


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
    strong = at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT
    factor = thresholds.UNSURE_DROPOUT if strong else thresholds.UNSURE
    usual = calibrated_loss(1.0 - at.train_metric.end, classes)
    if skill < thresholds.UNSURE_SKILL or end < thresholds.UNSURE_LOSS * usual_first:
        return None
    if end <= factor * usual or softmax_twice(at):
        return None
    return verdict(
        at, "train_handicapped", "unsure",
        say(
            "Training answers {end} right but with little certainty: its loss of {loss_end:.3g} "
            "is {ratio:.2g} times what such answers need. Dropout, augmentation or weight decay "
            "is too strong.",
            end=percent(at.train_metric.end), loss_end=loss.end, ratio=end / usual,
        ), _relief(at),
        train=at.train_metric.end, loss=loss.end, usual=usual,
    )  # fmt: skip


def _relief(at: Features) -> tuple[Advice, ...]:
    """Less regularisation, what is strong first."""
    strong = at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT
    decayed = at.roles.get("weight decay", 0.0) >= thresholds.STRONG_DECAY
    moves = (
        advice.USUAL_DROPOUT if strong else advice.LESS_DROPOUT,
        advice.decay(1 / 3),
        advice.epochs(2.0),
    )
    return (advice.NO_DECAY, *moves) if decayed else moves


def calibrated_loss(error: float, classes: int) -> float:
    """The cross-entropy of answers that are as sure as they are right."""
    e = min(max(error, 1e-6), 1.0 - 1e-6)
    entropy = -e * math.log(e) - (1.0 - e) * math.log(1.0 - e)
    return entropy + e * math.log(max(1, classes - 1))


CAUSES = BROKEN | {
    "bad_scale", "lr_too_high", "lr_too_low", "train_handicapped", "overfit",
    "loss_metric_mismatch",
}  # fmt: skip


def underfit(at: Features, found: Set[str]) -> Finding | None:
    """Training ends below what a linear model or another trial of the study reaches."""
    if at.epochs < thresholds.LEAST_EPOCHS or not len(at.train_metric):
        return None
    if found & CAUSES and not at.too_narrow:
        return None
    known = max((r for r in (at.linear, at.reference) if r is not None), default=None)
    end, skill = at.train_metric.end, at.train_skill
    if at.too_narrow and skill is not None and skill < thresholds.FITTED:
        below, than = True, say("what more than {units:g} units reach", units=at.roles["width"])
    elif known is not None:
        error = at.standard_error(end, at.task.n_val)
        below = known - end > max(thresholds.UNDERFIT, thresholds.UNDERFIT_ERRORS * error)
        whose = (
            say("a linear model reaches")
            if known == at.linear
            else say("another trial had by then")
        )
        than = say("the {known} that {whose}", known=percent(known), whose=whose)
    else:
        below = skill is not None and skill < thresholds.UNDERFIT_SKILL
        than = say("what is usual")
    unfinished = at.epochs < thresholds.SURE_EPOCHS and still_falls(at)
    if not below or unfinished:
        return None
    return verdict(
        at, "underfit", "no reference" if known is None else "below reference",
        say(
            "Training ends at {end}, below {than}: the network is too small or held back. Try a "
            "wider or deeper one, less dropout and weight decay, or more epochs.",
            end=percent(end), than=than,
        ),
        _growth(at, known), train=end, reference=known,
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
