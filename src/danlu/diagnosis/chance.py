"""Verdicts on networks that answer no better than a constant would, and why."""

import math
from collections.abc import Set

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis import advice, thresholds
from danlu.diagnosis.curve import Curve
from danlu.diagnosis.features import Features
from danlu.diagnosis.words import percent, verdict

LEARNS_NOT = (
    advice.check("weights", "dead or saturated units, equal rows, vanishing gradients"),
    advice.NO_DECAY,
    advice.CLIP,
)


def bad_scale(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """The loss before the first step is far above what even answers have (A3, M03)."""
    first, usual, loss = at.initial_loss, at.usual_first_loss, at.train_loss
    if first is None or usual is None:
        return None
    ratio, regression = first / usual, at.task.kind == "regression"
    limit = thresholds.SCALE_RATIO_REGRESSION if regression else thresholds.SCALE_RATIO
    if ratio <= limit:
        return None
    checks = (
        advice.check("inputs", "standardise them", advice.DATA),
        advice.check("weights", "usual first weights (He, Glorot)"),
    )
    # A few steps make up for large inputs; large weights take all training to come down.
    if len(loss) and loss.end > usual:
        checks = (checks[1], checks[0])
    return verdict(
        at, "bad_scale", "far beyond" if ratio > thresholds.SCALE_SURE else "beyond",
        say(
            "Before the first step the loss was {first:.3g}, {ratio:.3g} times the usual "
            "{usual:.3g}: inputs or first weights are too large. Standardise the inputs (images: "
            "divide by 255), check how the weights are set at first, and set the output's bias "
            "to the mean of the target.",
            first=first, ratio=ratio, usual=usual,
        ),
        checks,
        initial=first, usual=usual, end=loss.end if len(loss) else None,
    )  # fmt: skip


def unmoved(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """Losses and metrics are constant to the last digit, whatever chance is.

    Not said while a trial trains: learning may begin late. A loss of zero may stand still.
    """
    losses = [c for c in (at.train_loss, at.val_loss) if len(c)]
    curves = losses + [c for c in (at.train_metric, at.val_metric) if len(c)]
    moves = any(len(c) < thresholds.LEAST_EPOCHS or len({*c.values}) > 1 for c in curves)
    if not losses or moves or any(c.end == 0.0 for c in losses):
        return None
    return verdict(
        at, "not_learning", "stuck",
        say(
            "No loss has changed by a digit since epoch {epoch}: no step reaches the network, or "
            "it is not what is evaluated. Run danlu check, and look at the optimiser's parameters "
            "and at what is reported.",
            epoch=losses[0].epochs[0],
        ),
        (advice.check("gradients", "does a step change what is evaluated?"), *LEARNS_NOT),
        severity="error", loss=losses[-1].end,
    )  # fmt: skip


def at_chance(at: Features, found: Set[str] = frozenset()) -> Finding | None:
    """Training never left the constant answer; the curves tell why, or that nothing moves."""
    known = {"bad_scale", "diverged", "not_learning"}
    if at.epochs < thresholds.LEAST_EPOCHS or found & known or not _stuck(at):
        return None
    if _killed(at):
        smaller = 0.01 if _jitter(at) > thresholds.JITTER_FAR else 0.1
        return verdict(
            at, "lr_too_high", "destroyed",
            say(
                "{level}, and the losses jump about (up to {values:.3g}): steps so large that "
                "they destroyed the network. Try a learning rate {times_smaller}.",
                level=_level(at), values=max(at.train_loss.values),
                times_smaller=say("ten times smaller")
                if smaller == 0.1
                else say("a hundred times smaller"),
            ),
            (advice.lr(smaller), advice.WARM_UP, advice.SMALLER_LR_RANGE),
            highest=max(at.train_loss.values), scale=at.scale,
        )  # fmt: skip
    if (factor := _creeps(at)) is not None:
        val = at.val_loss
        return verdict(
            at, "lr_too_low", "creeps",
            say(
                "{level}, but the validation loss falls steadily, from {values:.4g} to "
                "{end:.4g}: the learning rate is too small. Try one {factor:g} times larger.",
                level=_level(at), values=val.values[0], end=val.end, factor=factor,
            ),
            (advice.lr(factor), advice.LARGER_LR_RANGE), first=val.values[0], end=val.end,
        )  # fmt: skip
    return verdict(
        at, "not_learning", "stuck",
        say(
            "{level}, and nothing moves: dead or saturated units, a gradient that does not "
            "arrive, or far too strong regularisation. Searching on will not help: run danlu "
            "check, try without weight decay, and one trial with a ten times larger learning "
            "rate.",
            level=_level(at),
        ),
        _unblock(at), severity="error", loss=at.train_loss.end if len(at.train_loss) else None,
        constant=at.chance_loss, metric=at.train_metric.end if len(at.train_metric) else None,
    )  # fmt: skip


def _stuck(at: Features) -> bool:
    """Whether training is at chance level, at its end and at its best.

    Of uneven classes the metric alone does not tell: answers may be worthless and yet be learnt.
    """
    metric = at.train_metric
    if len(at.train_loss):
        learnt = at.loss_skill(min(at.train_loss.smooth))
        if learnt is not None and learnt > thresholds.CHANCE_LEARNT:
            return False
    if len(metric) and (end := at.skill(metric.end)) is not None:
        best = at.skill(max(metric.smooth))
        luck = thresholds.CHANCE_ERRORS * at.standard_error(metric.end, at.task.n_train)
        luck /= 1.0 - (at.chance_metric or 0.0)
        return (
            end < max(thresholds.CHANCE_SKILL, luck)
            and best is not None
            and best < max(thresholds.CHANCE_BEST_SKILL, luck)
        )
    if len(at.train_loss) and at.chance_loss is not None:
        best = at.loss_skill(min(at.train_loss.smooth))
        return best is not None and best < thresholds.CHANCE_LOSS_SKILL
    return False


def _killed(at: Features) -> bool:
    """Whether the losses jump as they do where steps destroyed the network."""
    loss, scale = at.train_loss, at.scale
    if not len(loss) or scale is None:
        return False
    early = loss.values[: max(1, round(thresholds.KILLED_SHARE * len(loss)))]
    if max(early) > thresholds.KILLED_START * scale:
        return True
    above = loss.end > (1.0 + thresholds.EXCESS) * (at.chance_loss or math.inf)
    rises = loss.rises / scale / at.dropout_noise
    return rises > thresholds.KILLED_RISES or (above and _jitter(at) > thresholds.JITTER)


def _jitter(at: Features) -> float:
    """Noise of the validation loss over the scale of the loss."""
    return (at.val_loss.noise or 0.0) / at.scale if at.scale else 0.0


def _creeps(at: Features) -> float | None:
    """By what the learning rate is too small, if the validation loss falls steadily but slowly.

    Biases alone learn the class shares: their fall fades at the constant answer's loss, whereas
    the fall of a network that is trained too slowly goes on.
    """
    loss, chance = at.val_loss, at.chance_loss
    if chance is None or len(loss) < thresholds.LEAST_EPOCHS:
        return None
    fall = loss.values[0] - loss.end
    steady = loss.tau < thresholds.CREEP_TAU and 0.0 < fall < thresholds.CREEP_FALL * chance
    fades = -loss.tail.change < thresholds.CREEP_TAIL * fall
    at_level = abs(loss.end - chance) < thresholds.BIAS_LEVEL * chance
    return raised(chance, fall) if steady and not (fades and at_level) else None


def raised(distance: float, covered: float) -> float:
    """By what to raise the learning rate to cover the distance in a fifth of the run.

    Where steps are small the loss falls in proportion to their size; rounded to 3, 10, 30, 100.
    """
    wanted = thresholds.HASTE * distance / covered if covered > 0.0 else thresholds.FASTEST
    steps = (thresholds.SLOWEST, 10.0, 30.0, thresholds.FASTEST)
    return max(s for s in steps if s == thresholds.SLOWEST or s <= wanted)


def _unblock(at: Features) -> tuple[Advice, ...]:
    """What the config makes suspicious comes first."""
    strong = at.roles.get("weight decay", 0.0) >= thresholds.STRONG_DECAY
    order = sorted(LEARNS_NOT, key=lambda a: not (strong and a == advice.NO_DECAY))
    first = []
    if at.roles.get("dropout", 0.0) > thresholds.STRONG_DROPOUT:
        first.append(advice.USUAL_DROPOUT)
    if at.too_narrow:
        first.append(Advice("multiply", "width", 16, advice.CAPACITY))
    return (*first, *order, advice.lr(10.0, "as a probe"))


def _level(at: Features) -> str:
    if len(at.train_metric):
        return say(
            "Training stays at {end}, the level of a constant answer",
            end=percent(at.train_metric.end),
        )
    return say(
        "The training loss stays at {end:.4g}, that of a constant answer",
        end=at.train_loss.end,
    )


def val_at_chance(at: Features, _: Set[str] = frozenset()) -> Finding | None:
    """Training learns, and validation knows nothing of it."""
    train, val = at.train_metric, at.val_metric
    n_val, chance = at.task.n_val, at.chance_metric
    if min(len(train), len(val)) < thresholds.LEAST_EPOCHS or chance is None or chance >= 1.0:
        return None
    if (n_val is not None and n_val < thresholds.VAL_CHANCE_SAMPLES) or _one_answer(at):
        return None
    best, skill = at.skill(max(val.smooth)), at.train_skill
    luck = thresholds.CHANCE_ERRORS * at.standard_error(chance, n_val) / (1.0 - chance)
    error = at.standard_error(chance, at.task.n_train)
    learnt = train.end - chance > thresholds.VAL_CHANCE_Z * error
    end, limit = at.skill(val.end), max(thresholds.CHANCE_SKILL, luck)
    if best is None or skill is None or end is None or end >= limit:
        return None
    if best >= max(thresholds.CHANCE_BEST_SKILL, 2.0 * luck):  # the best of many epochs
        return None
    if skill <= thresholds.VAL_CHANCE_TRAIN_SKILL or not learnt:
        return None
    below = end < -limit  # worse than chance: something was learnt, and is asked for wrongly
    reason = (
        say(
            "labels or preparation of the two do not agree. Check the label map and the "
            "preparation of the validation data."
        )
        if below
        else say(
            "the training labels tell nothing of the inputs, or validation data are prepared in "
            "another way. Check whether labels belong to their samples."
        )
    )
    checks = sorted(
        (advice.check("validation", "label map and preparation", advice.DATA),
         advice.check("labels", "whether they belong to their samples", advice.DATA)),
        key=lambda a: (a.amount == "validation") != below,
    )  # fmt: skip
    return verdict(
        at, "val_at_chance", "training learns",
        say(
            "Training reaches {end} while validation never leaves the level of a constant answer "
            "({val_end}, constant {chance}): {reason}",
            end=percent(train.end), val_end=percent(val.end), chance=percent(chance),
            reason=reason,
        ),
        checks, severity="error", train=train.end, val=max(val.smooth), constant=chance,
    )  # fmt: skip


def _top_share(at: Features) -> Curve:
    return at.other("val_top_share")


def _one_answer(at: Features) -> bool:
    top = _top_share(at)
    return bool(len(top)) and top.end > thresholds.ONE_ANSWER


def imbalance(at: Features, found: Set[str]) -> Finding | None:
    """`collapse` where the classes are uneven: there it is the cause of what the curves show."""
    return collapse(at, found) if _imbalanced(at) else None


def _imbalanced(at: Features) -> bool:
    priors = at.task.priors
    return bool(priors) and min(priors or ()) < thresholds.IMBALANCED * max(priors or ())


def collapse(at: Features, found: Set[str]) -> Finding | None:
    """Nearly every validation sample gets the same answer, though training learns.

    A network at chance does so too: that is said already.
    """
    if "collapse" in found:
        return None
    top, entropy = _top_share(at), at.other("val_entropy")
    true, imbalanced = max(at.task.priors or (0.0,)), _imbalanced(at)
    # Shares of a balanced validation set: an imbalanced training set says nothing of it.
    beyond = 0.0 if imbalanced else true + thresholds.TOP_EXCESS
    same = bool(len(top)) and top.end > max(thresholds.TOP_SHARE, beyond)
    flat = bool(len(entropy)) and entropy.end < thresholds.LOW_ENTROPY
    if at.epochs < thresholds.LEAST_EPOCHS or not (same or flat) or _stuck(at):
        return None
    seen = (
        say("{end} of the validation samples get the same answer", end=percent(top.end))
        if same else
        say("The answers' entropy is {end:.3g} of the largest possible", end=entropy.end)
    )  # fmt: skip
    return verdict(
        at, "collapse", "uneven classes" if imbalanced else "even classes",
        say(
            "{seen}: the network answers with one class. Sample the rare classes more "
            "often, balance the batches, or weight the classes.",
            seen=seen,
        ),
        (Advice("set", "oversample", 1.0, advice.DATA),
         Advice("enable", "balanced batches", True, advice.DATA), advice.lr(1 / 3)),
        top_share=top.end if len(top) else None, largest_class=true or None,
    )  # fmt: skip
