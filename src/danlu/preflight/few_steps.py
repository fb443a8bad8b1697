"""Checks of some dozen steps with the config's own optimiser: M09, M18, M20 (section A3)."""

import math
from collections.abc import Iterator
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of
from danlu.preflight.findings import look_at, well, wrong
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    batch_size,
    gradient_norm,
    model_of,
    number_of,
    optimizer_of,
    own_rate,
    seed_all,
    shuffled_batches,
    step_of,
    tensors_of,
    train_on,
    uninformed,
)

SPIKE = 10.0  # times the median norm
FEWEST_SPIKES = 2


def trained(problem: Problem, steps: int, seed: int = 0) -> Iterator[tuple[nn.Module, float]]:
    """A model trained with the config's own optimiser: after each step, and the step's loss."""
    model = model_of(problem, seed)
    optimizer = optimizer_of(problem, model)
    tensors = tensors_of(problem)
    seed_all(seed)
    batches = shuffled_batches(tensors.x_train, tensors.y_train, batch_size(problem))
    for loss in train_on(step_of(problem), model, optimizer, batches, steps):
        yield model, loss


def update_size(problem: Problem) -> Iterator[Finding]:
    """A step changes weights by about a thousandth, and the loss does not shoot up at first."""
    sizes: list[float] = []
    losses: list[float] = []
    before: dict[str, Tensor] = {}
    for taken, (model, loss) in enumerate(trained(problem, limit.UPDATE_STEP), start=1):
        losses.append(loss)
        now = {n: p.detach().clone() for n, p in model.named_parameters() if p.ndim >= 2}
        if taken > limit.UPDATE_STEP // 2:  # the median of the later steps: one may be special
            sizes += [_relative(before[n], p) for n, p in now.items() if n in before]
        before = now
    size = median(sizes) if sizes else 0.0
    rate, shown = own_rate(problem), say("{size:.1g} of the weights", size=size)
    low, high = limit.UPDATE
    bounds = f"{low:g} … {high:g}"
    regression = arrays_of(problem).kind == "regression"
    most = limit.PEAK_REGRESSION if regression else limit.PEAK
    peak = _peak(losses, batch_size(problem)) / max(uninformed(problem), abs(losses[0]), 1e-12)
    if not np.isfinite(size) or size > high:
        yield wrong(
            "M09", "warning",
            say(
                "a step changes weights by {size:.1g} of their size, aim at 1e-3: the learning "
                "rate {rate:g} is too high. Begin near {better:.1g}.",
                size=size, rate=rate, better=_better(rate, size),
            ),
            shown, bounds, Advice("multiply", "lr", 0.1, "optimisation"), size=size, lr=rate,
        )  # fmt: skip
    elif peak > most:
        yield wrong(
            "M09", "warning",
            say(
                "in the first {losses} steps the loss rises to {peak:.1f} times that of knowing "
                "nothing: the learning rate {rate:g} is too high.",
                losses=len(losses), peak=peak, rate=rate,
            ),
            say("loss up to {peak:.1f} × its start", peak=peak), f"≤ {most:g} ×",
            Advice("multiply", "lr", 0.1, "optimisation"), peak=peak, lr=rate,
        )  # fmt: skip
    elif size < low:
        yield wrong(
            "M09", "warning",
            say(
                "a step changes weights by {size:.1g} of their size, aim at 1e-3: the learning "
                "rate {rate:g} is too low. Begin near {better:.1g}.",
                size=size, rate=rate, better=_better(rate, size),
            ),
            shown, bounds, Advice("multiply", "lr", 10.0, "optimisation"), size=size, lr=rate,
        )  # fmt: skip
    else:
        yield well("M09", shown, bounds, size=size, lr=rate)


def _peak(losses: list[float], batch: int) -> float:
    """The highest loss after the first step, as the mean over at least 32 samples."""
    width = min(len(losses) - 1, -(-limit.PEAK_SAMPLES // batch))
    means = [sum(losses[i : i + width]) / width for i in range(1, len(losses) - width + 1)]
    known = [mean for mean in means if math.isfinite(mean)]
    return max(known, default=0.0)


def _relative(before: Tensor, after: Tensor) -> float:
    return float((after - before).norm() / max(float(before.norm()), 1e-12))


def _better(rate: float, size: float) -> float:
    """The rate at which updates would be a thousandth, within a factor of 1,000."""
    factor = 1e-3 / size if np.isfinite(size) and size > 0 else 1e-2
    return rate * min(max(factor, 1e-3), 1e3)


def determinism(problem: Problem) -> Iterator[Finding]:
    """Two short runs with one seed are equal, with two seeds they are not."""
    steps = limit.DETERMINISM_STEPS
    ends = []
    for seed in (0, 0, 1):
        *_, (model, _) = trained(problem, steps, seed)
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    same, other = (float((ends[0] - ends[i]).abs().max()) for i in (1, 2))
    shown = say("differ by {same:.1g} after {steps} steps", same=same, steps=steps)
    if same > 0:
        yield wrong(
            "M18", "warning",
            say(
                "two runs with one seed end in different weights: something draws from a "
                "generator that is not seeded (data order, augmentation, initial weights)."
            ),
            shown, "0", look_at("seed every generator", "code"), difference=same,
        )  # fmt: skip
    elif other == 0:
        yield wrong(
            "M18", "warning",
            say(
                "runs with different seeds are equal: the seed is overridden inside build or "
                "step, so repeats tell nothing."
            ),
            say("seeds make no difference"), say("different"), look_at("fixed seed", "code"),
        )  # fmt: skip
    else:
        yield well("M18", shown, "0")


@remembered
def gradient_norms(problem: Problem) -> list[float]:
    """The norm of the gradient as the optimiser sees it, at each of some steps."""
    model = model_of(problem)
    optimizer = optimizer_of(problem, model)
    norms: list[float] = []
    optimizer.register_step_pre_hook(lambda *_: norms.append(gradient_norm(optimizer)))
    tensors = tensors_of(problem)
    seed_all(0)
    batches = shuffled_batches(tensors.x_train, tensors.y_train, batch_size(problem))
    for _ in train_on(step_of(problem), model, optimizer, batches, limit.CLIP_STEPS):
        pass
    return norms


def clipping(problem: Problem) -> Iterator[Finding]:
    """Clipping acts now and then, not at every step; without it, no gradient is a spike."""
    norms = [n for n in gradient_norms(problem) if np.isfinite(n)]
    bound = number_of(problem, "clip") or None
    if not norms:
        yield wrong(
            "M20",
            "warning",
            say("no gradient is finite: clip, or lower the learning rate."),
            say("not finite"),
            "",
            Advice("multiply", "lr", 0.1, "optimisation"),
        )
        return
    typical, high = median(norms), float(np.quantile(norms, limit.CLIP_ADVICE))
    shown = say("norms {typical:.2g}, P90 {high:.2g}", typical=typical, high=high)
    clipped = bound is not None and float(np.mean(np.isclose(norms, bound, rtol=1e-3)))
    below = bound is not None and bound < np.quantile(norms, limit.CLIP_QUANTILE)
    spikes = sum(n > SPIKE * typical for n in norms)
    if bound is not None and (below or clipped > 1 - limit.CLIP_QUANTILE):
        yield wrong(
            "M20", "warning",
            say(
                "clipping at {bound:g} cuts more than three quarters of the steps: it is a "
                "smaller learning rate in disguise. Take the norm that nine of ten steps stay "
                "below.",
                bound=bound,
            ),
            shown, say("bound ≥ P{bound:.0f}", bound=100 * limit.CLIP_QUANTILE),
            Advice("set", "clip", high, "optimisation"), bound=bound, p90=high,
        )  # fmt: skip
    elif bound is None and spikes >= FEWEST_SPIKES:
        yield wrong(
            "M20",
            "warning",
            say(
                "the gradient is {norms:.0f} times its usual size in {spikes} of {norms2} steps: "
                "clip its norm near {high:.2g}.",
                norms=max(norms) / typical,
                spikes=spikes,
                norms2=len(norms),
                high=high,
            ),
            shown,
            say("≤ {spike:g} × median", spike=SPIKE),
            Advice("enable", "clip", high, "optimisation"),
            largest=max(norms),
            p90=high,
        )
    else:
        yield well("M20", shown, "", p90=high)
