"""Verdicts on the course of a run: noisy validation, unfinished, level, or done early."""

from collections.abc import Set

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis import advice, thresholds
from danlu.diagnosis.curve import Curve
from danlu.diagnosis.features import Features
from danlu.diagnosis.optimisation import progress, still_falls
from danlu.diagnosis.overfitting import turn_up
from danlu.diagnosis.words import percent, verdict

BROKEN = frozenset({"diverged", "not_learning", "val_at_chance", "lr_too_high", "lr_too_low"})


def noisy_val(at: Features, found: Set[str]) -> Finding | None:
    """Validation jumps about from epoch to epoch, or rests on too few samples."""
    if at.epochs < thresholds.LEAST_EPOCHS or found & {"diverged", "not_learning"}:
        return None
    n_val = at.task.n_val
    if n_val is not None and n_val < thresholds.FEW_VAL:
        rule, reason = "few samples", say("it rests on few samples ({n_val})", n_val=n_val)
    elif (noise := _metric_noise(at)) is not None:
        jumps = percent(noise)
        rule, reason = (
            "metric",
            say("the metric jumps by {noise} from epoch to epoch", noise=jumps),
        )
    elif (noise := _loss_noise(at)) is not None:
        rule = "loss"
        reason = say("the loss jumps by {noise:.3g} from epoch to epoch", noise=noise)
    elif not found - {"val_handicapped"} and (noise := _apart(at)) is not None:
        rule = "apart"
        reason = say(
            "the loss jumps by {noise:.3g} from epoch to epoch, and that of training does not, so "
            "that it is the measurement that jumps (is the model in evaluation mode?)",
            noise=noise,
        )
    else:
        return None
    return verdict(
        at, "noisy_val", rule,
        say(
            "Validation is noisy: {reason}. Differences of that size between trials mean "
            "nothing: validate on more samples, average the last epochs, or let the learning "
            "rate decay to 0.",
            reason=reason,
        ),
        (advice.WIDER_VALIDATION, Advice("set", "schedule", "cosine", advice.OPTIMISATION),
         advice.BATCH),
        n_val=n_val, metric_noise=at.val_metric.noise, loss_noise=at.val_loss.noise,
    )  # fmt: skip


def _metric_noise(at: Features) -> float | None:
    noise = at.val_metric.noise
    if noise is None or len(at.val_metric) < thresholds.NOISY_EPOCHS:
        return None
    return noise if noise > max(thresholds.NOISY, thresholds.NOISY_ERRORS * at.val_error) else None


def _loss_noise(at: Features) -> float | None:
    loss = at.val_loss
    if loss.noise is None or len(loss) < thresholds.NOISY_EPOCHS:
        return None
    material = loss.noise > thresholds.NOISY_LOSS_MATERIAL * (at.scale or 0.0)
    return loss.noise if material and loss.noise > thresholds.NOISY_LOSS * abs(loss.end) else None


def _apart(at: Features) -> float | None:
    """Noise of the validation loss that the training loss, of the same weights, does not have."""
    val, train = at.val_loss.noise, at.train_loss.noise
    if val is None or train is None or at.chance_loss is None or not at.task.eval_mode_train:
        return None
    if min(len(at.val_loss), len(at.train_loss)) < thresholds.NOISY_EPOCHS:
        return None
    material = val > thresholds.NOISY_APART * at.chance_loss
    return val if material and val > thresholds.NOISY_TIMES * train else None


def still_improving(at: Features, found: Set[str]) -> Finding | None:
    """The end of the run was not the end of learning."""
    if at.epochs < thresholds.LEAST_EPOCHS or found & BROKEN:
        return None
    best = _best(at)
    late = best is not None and best > thresholds.LATE_BEST * at.trial.epoch
    if not (late or still_falls(at)) or turn_up(at) is not None:
        return None
    return verdict(
        at, "still_improving", "late best" if late else "falls",
        say("It still improves at epoch {epoch}", epoch=at.trial.epoch)
        + (say(" (best at epoch {best})", best=best) if late else "")
        + say(
            ": more epochs with the same shape of schedule would help, or a learning rate twice "
            "as large."
        ),
        (advice.epochs(2.0), advice.lr(2.0)), severity="info", best=best, progress=progress(at),
    )  # fmt: skip


def _best(at: Features) -> int | None:
    """The epoch at which validation was best, by the metric if there is one."""
    if len(at.val_metric):
        return at.val_metric.epochs[at.val_metric.highest]
    return at.val_loss.epochs[at.val_loss.lowest] if len(at.val_loss) else None


def plateau(at: Features, found: Set[str]) -> Finding | None:
    """Neither loss moves, and the learning rate has not been decayed."""
    if at.epochs < thresholds.SURE_EPOCHS or found & {*BROKEN, "still_improving", "overfit"}:
        return None
    curves = [c for c in (at.train_loss, at.val_loss) if len(c) >= thresholds.SURE_EPOCHS]
    if not curves or any(_trends(c) for c in curves) or _decayed(at.other("lr")):
        return None
    return verdict(
        at, "plateau", "level",
        say(
            "The losses have stood still up to epoch {epoch}: halve the learning rate now; if "
            "that gains nothing, more epochs are wasted.",
            epoch=at.trial.epoch,
        ),
        (advice.lr(0.5), Advice("set", "schedule", "plateau", advice.OPTIMISATION)),
        severity="info",
        changes=[c.tail.change for c in curves],
    )  # fmt: skip


def _trends(curve: Curve) -> bool:
    covered = max(curve.values) - min(curve.values)
    return abs(curve.tail.change) > thresholds.FLAT * covered and covered > 0.0


def _decayed(lr: Curve) -> bool:
    return bool(len(lr)) and lr.end <= thresholds.DECAY_DONE * max(lr.values)


def saturated_early(at: Features, found: Set[str]) -> Finding | None:
    """The best epoch came early, and nothing got worse since."""
    if at.epochs < thresholds.SURE_EPOCHS or found & {*BROKEN, "overfit", "overconfident"}:
        return None
    best = _best(at)
    if best is None or best > thresholds.EARLY_BEST * at.trial.epoch or turn_up(at) is not None:
        return None
    return verdict(
        at, "saturated_early", "early best",
        say(
            "The best epoch was {best} of {epoch}: half as many epochs would do.",
            best=best, epoch=at.trial.epoch,
        ),
        (advice.epochs(0.5),), severity="info", best=best,
    )  # fmt: skip
