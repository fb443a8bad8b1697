"""Verdicts on the optimiser: steps too large or too small, spikes, a loss that does not fit."""

import math
from collections.abc import Set
from statistics import median

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis import advice, thresholds
from danlu.diagnosis.chance import raised
from danlu.diagnosis.curve import GAUSS, Curve
from danlu.diagnosis.features import Features
from danlu.diagnosis.words import percent, verdict

CALLED = frozenset({"diverged", "lr_too_high", "lr_too_low", "not_learning"})


def lr_too_high(at: Features, found: Set[str]) -> Finding | None:
    """Up-moves undo much of the progress, the loss has blown up, or most steps are clipped."""
    loss, scale = at.train_loss, at.scale
    if at.epochs < thresholds.LEAST_EPOCHS or found & CALLED or not len(loss) or scale is None:
        return None
    rough, rises = loss.roughness / at.dropout_noise, loss.rises / scale / at.dropout_noise
    if at.blown_up or (rough > thresholds.ROUGH and rises > thresholds.RISES and not _cured(at)):
        sure = at.blown_up or rough > thresholds.ROUGH_SURE
        seen = (
            say(
                "ends at {end:.3g}, far above its start, though the answers are good",
                end=loss.end,
            )
            if at.blown_up
            else say(
                "goes up and down: rises undo {rough} of its progress",
                rough=percent(min(1.0, rough)),
            )
        )
        return verdict(
            at, "lr_too_high", "very rough" if sure else "rough",
            say(
                "The training loss {seen}: the steps are too large. Try a smaller learning rate "
                "or larger batches, and check that gradients are reset before each step.",
                seen=seen,
            ),
            _smaller_steps(at, sure), roughness=rough, rises=rises, highest=max(loss.values),
        )  # fmt: skip
    return _worsening(at) or _clipped(at)


def _worsening(at: Features) -> Finding | None:
    """The training loss rises for good: the steps do not follow what they should make small.

    Strong weight decay makes another loss small than the reported one.
    """
    if at.roles.get("weight decay", 0.0) >= thresholds.STRONG_DECAY:
        return None
    loss, scale = at.train_loss, at.scale or 1.0
    i = loss.lowest
    rise, noise = loss.end - loss.smooth[i], loss.noise
    begun = i < thresholds.RISE_BEGINS * len(loss)
    fits = (at.train_skill or 0.0) >= thresholds.TRAIN_RISE_SKILL
    if noise is None or not begun or fits or rise <= thresholds.TRAIN_RISE * scale:
        return None
    if rise <= thresholds.RISE_NOISE * noise:
        return None
    return verdict(
        at, "lr_too_high", "training worsens",
        say(
            "The training loss rises since epoch {epoch}, from {lowest:.3g} to {end:.3g}: the "
            "steps are too large to make small what they follow. Try a smaller learning rate.",
            epoch=loss.epochs[i], lowest=loss.smooth[i], end=loss.end,
        ),
        _smaller_steps(at, sure=True), epoch=loss.epochs[i], rise=rise, noise=noise,
    )  # fmt: skip


def gradients_grew(at: Features, found: Set[str]) -> Finding | None:
    """Gradients stay far above those at the start, and nothing else was found that explains it."""
    first, largest = at.other("grad_norm"), at.other("grad_norm_max")
    if at.epochs < thresholds.SURE_EPOCHS or not (len(first) and len(largest)):
        return None
    if found - {"overconfident"}:
        return None
    late = largest.values[int(thresholds.SPIKE_AFTER * len(largest)) :]
    limit = thresholds.GREW * first.values[0]
    grown = sum(v > limit for v in late)
    if limit <= 0.0 or grown < thresholds.GREW_EPOCHS * len(late):
        return None
    return verdict(
        at, "lr_too_high", "gradients grew",
        say(
            "The largest gradients are {ratio:.3g} times the usual ones of the first epoch, in "
            "{grown} of the last {late} epochs: weights have grown and single batches jump. Try "
            "a smaller learning rate, larger batches, or clip gradients.",
            ratio=max(late) / first.values[0], grown=grown, late=len(late),
        ),
        (advice.lr(1 / 3), advice.BATCH, advice.CLIP), largest=max(late), first=first.values[0],
    )  # fmt: skip


def _cured(at: Features) -> bool:
    """Whether the learning rate was decayed and the end is smooth."""
    lr = at.other("lr")
    if not len(lr) or lr.end >= thresholds.DECAYED * max(lr.values):
        return False
    n = max(thresholds.TAIL_LEAST, math.ceil(thresholds.TAIL_SHARE * len(at.train_loss)))
    late = Curve(at.train_loss.epochs[-n:], at.train_loss.values[-n:])
    return late.roughness < thresholds.LATE_ROUGH


def _smaller_steps(at: Features, sure: bool) -> tuple[Advice, ...]:
    excess = max(0.0, max(at.train_loss.values) / (at.scale or 1.0))  # losses may be negative
    factor = next(f for least, f in thresholds.FAR_ABOVE if excess >= least) if sure else 1 / 3
    return (
        advice.lr(factor), advice.BATCH, advice.ZERO_GRAD, advice.SMALLER_LR_RANGE
    )  # fmt: skip


def _clipped(at: Features) -> Finding | None:
    clipped = at.other("clip_share")
    often = [v for v in clipped.values if v > thresholds.CLIPPED]
    if not often or len(often) < thresholds.CLIPPED_EPOCHS * len(clipped):
        return None
    return verdict(
        at, "lr_too_high", "clipped",
        say(
            "More than {clipped} of the steps are clipped in {often} of {clipped2} epochs: "
            "clipping has become a smaller learning rate. Try a smaller one, or clip at the 90th "
            "percentile of the norms.",
            clipped=percent(thresholds.CLIPPED), often=len(often), clipped2=len(clipped),
        ),
        (advice.lr(1 / 3), Advice("multiply", "clip", 3.0, advice.OPTIMISATION)),
        clipped=median(clipped.values),
    )  # fmt: skip


def progress(at: Features) -> float:
    """The share of all progress in training loss that lies in the tail of the curve."""
    loss, first, usual = at.train_loss, at.initial_loss, at.usual_first_loss
    if not len(loss):
        return 0.0
    begin = loss.values[0] if first is None else first
    if usual is not None and (first is None or first >= thresholds.SCALE_RATIO * usual):
        begin = usual
    covered = begin - loss.end
    return -loss.tail.change / covered if covered > 0.0 else 0.0


def still_falls(at: Features) -> bool:
    """Whether training and validation loss go on falling, by a good part of their progress."""
    if not len(at.train_loss) or progress(at) <= thresholds.PROGRESS:
        return False
    if at.train_loss.tail.tau >= thresholds.PROGRESS_TAU:
        return False
    val = at.val_loss
    if not len(val):
        return True
    covered = val.values[0] - val.end
    return (
        val.tail.tau < thresholds.PROGRESS_VAL_TAU
        and -val.tail.change > thresholds.PROGRESS * covered
    )


def lr_too_low(at: Features, found: Set[str]) -> Finding | None:
    """Smooth, steady and far from done."""
    if found & {*CALLED, "bad_scale", "val_at_chance"}:
        return None
    if at.epochs < thresholds.SURE_EPOCHS:
        return _crawls(at)
    loss = at.train_loss
    if not len(loss) or loss.roughness >= thresholds.LOW_ROUGH or not still_falls(at):
        return None
    skill, loss_skill = at.train_skill, at.loss_skill(loss.end)
    if skill is None and len(at.train_metric):
        skill = at.train_metric.end  # skill can only be less
    if skill is None and loss_skill is None:
        return None
    if (skill or 0.0) >= thresholds.LOW_SKILL or (loss_skill or 0.0) >= thresholds.LOW_LOSS_SKILL:
        return None
    factor = raised(at.scale or loss.values[0], loss.values[0] - loss.end)
    share = progress(at)
    return verdict(
        at, "lr_too_low", "unfinished",
        say(
            "The losses fall smoothly and are far from done: {share} of the progress lies in the "
            "last quarter of the epochs. Try a learning rate {factor:g} times larger; if that is "
            "too much, train for longer.",
            share=percent(min(1.0, share)), factor=factor,
        ),
        (advice.lr(factor), advice.epochs(2.0), advice.LARGER_LR_RANGE),
        progress=share, roughness=loss.roughness, loss=loss.end,
    )  # fmt: skip


def _crawls(at: Features) -> Finding | None:
    """A short curve that falls steadily, and at its pace will get nowhere by the full length."""
    loss, metric, val = at.train_loss, at.train_metric, at.val_loss
    if min(len(loss), len(metric)) < thresholds.LEAST_EPOCHS or at.scale is None:
        return None
    steady = loss.roughness < thresholds.LOW_ROUGH and loss.tau < thresholds.CREEP_TAU
    told = steady and (not len(val) or val.tau < thresholds.PROGRESS_VAL_TAU)
    covered = (loss.values[0] - loss.end) * at.horizon / at.trial.epoch
    right = metric.end if at.train_skill is None else at.train_skill
    if not told or right >= thresholds.LEARNS or covered >= thresholds.CRAWL * at.scale:
        return None
    factor = raised(at.scale, covered)
    return verdict(
        at, "lr_too_low", "crawls",
        say(
            "The training loss falls so slowly, from {first:.4g} to {end:.4g}, that at this pace "
            "{share} of the way is done after all {epochs} epochs. Try a learning rate "
            "{factor:g} times larger.",
            first=loss.values[0], end=loss.end, share=percent(max(0.0, covered / at.scale)),
            epochs=at.horizon, factor=factor,
        ),
        (advice.lr(factor), advice.LARGER_LR_RANGE), covered=covered, scale=at.scale,
    )  # fmt: skip


def loss_metric_mismatch(at: Features, found: Set[str]) -> Finding | None:
    """The answers are right and the loss stays high: most often softmax is applied twice."""
    loss, skill = at.train_loss, at.train_skill
    if at.epochs < thresholds.SURE_EPOCHS or skill is None or not len(loss):
        return None
    if found & {*CALLED, "bad_scale"}:
        return None
    if skill <= thresholds.MISMATCH_SKILL or at.classes is None:
        return None
    twice = softmax_twice(at)
    loss_skill = at.loss_skill(loss.end - smoothing_entropy(at))
    if not twice and (loss_skill is None or loss_skill >= thresholds.MISMATCH_LOSS_SKILL):
        return None
    if not twice and still_falls(at):
        return None
    known = (
        say(
            "that is the least that {classes} classes allow when softmax is applied twice",
            classes=at.classes,
        )
        if twice
        else say("the loss is not the one that the answers would have")
    )
    return verdict(
        at, "loss_metric_mismatch", "softmax twice" if twice else "high loss",
        say(
            "Training answers {end} right, but its loss stays at {loss_end:.3g}: {known}. Remove "
            "a softmax or sigmoid in front of the loss.",
            end=percent(at.train_metric.end), loss_end=loss.end, known=known,
        ),
        (advice.check("loss", "softmax or sigmoid in front of it"),), loss=loss.end,
        metric=at.train_metric.end,
    )  # fmt: skip


def softmax_twice(at: Features) -> bool:
    """Whether the loss stands at the least that softmax before softmax allows.

    A sure and right answer then costs log(1 + (C − 1)/e), a sure and wrong one 1 more.
    """
    if at.classes is None or not (len(at.train_loss) and len(at.train_metric)):
        return False
    if progress(at) > thresholds.PROGRESS:
        return False
    floor = math.log(1 + (at.classes - 1) / math.e) + 1.0 - at.train_metric.end
    above = at.train_loss.end - smoothing_entropy(at) - floor
    right = (at.train_skill or 0.0) > thresholds.MISMATCH_SKILL
    return right and -thresholds.FLOOR_BELOW <= above <= thresholds.FLOOR_ABOVE


def smoothing_entropy(at: Features) -> float:
    """The loss of perfect answers when labels are smoothed: the entropy of the targets."""
    share, classes = at.roles.get("label smoothing", 0.0), at.classes
    if classes is None or not 0.0 < share < 1.0:
        return 0.0
    right, wrong = 1.0 - share + share / classes, share / classes
    return -right * math.log(right) - (classes - 1) * wrong * math.log(wrong)


def late_spikes(at: Features, found: Set[str]) -> Finding | None:
    """The training loss, or the largest gradient, jumps in several late epochs."""
    if at.epochs < thresholds.SURE_EPOCHS or found & {*CALLED, "bad_scale"}:
        return None
    spikes = _spikes(at.train_loss, at.scale)
    if len(spikes) < thresholds.SPIKES:
        return None
    listed = ", ".join(map(str, spikes[:5])) + (" …" if len(spikes) > 5 else "")
    return verdict(
        at, "late_spikes", "loss",
        say(
            "The training loss jumps at epochs {listed}: single batches move the network too "
            "far. Clip gradients at the 90th percentile of their norms, or halve the learning "
            "rate.",
            listed=listed,
        ),
        (advice.CLIP, advice.lr(0.5), Advice("set", "beta2", 0.99, advice.OPTIMISATION),
         advice.WARM_UP),
        spikes=spikes,
    )  # fmt: skip


def _spikes(loss: Curve, scale: float | None) -> list[int]:
    """Epochs at which the loss stands out above its neighbours."""
    n, half = len(loss), thresholds.SPIKE_WINDOW // 2
    if n < thresholds.SURE_EPOCHS or scale is None:
        return []
    levels = [median(loss.values[max(0, i - half) : i + half + 1]) for i in range(n)]
    above = [v - level for v, level in zip(loss.values, levels, strict=True)]
    spread = GAUSS * median([abs(a) for a in above])
    return [
        loss.epochs[i]
        for i in range(int(thresholds.SPIKE_AFTER * n), n)
        if above[i] > thresholds.SPIKE_MAD * spread
        and above[i] > thresholds.SPIKE_LEVEL * abs(levels[i])
        and above[i] > thresholds.RISE_MATERIAL * scale
    ]
