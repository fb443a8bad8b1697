"""Checks of some dozen steps with the config's own optimiser: M09, M18, M20 (section A3)."""

from collections.abc import Iterator
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from danlu.core.finding import Advice, Finding
from danlu.preflight import thresholds as limit
from danlu.preflight.findings import look_at, well, wrong
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    batch_size,
    model_of,
    optimizer_of,
    number_of,
    own_rate,
    seed_all,
    shuffled_batches,
    step_of,
    tensors_of,
    train_on,
)

SPIKE = 10.0  # times the median norm
FEWEST_SPIKES = 2


def trained(problem: Problem, steps: int, seed: int = 0) -> Iterator[nn.Module]:
    """A model with the config's own optimiser and step, after each of some steps."""
    model = model_of(problem, seed)
    optimizer = optimizer_of(problem, model)
    tensors = tensors_of(problem)
    seed_all(seed)
    batches = shuffled_batches(tensors.x_train, tensors.y_train, batch_size(problem))
    for _ in train_on(step_of(problem), model, optimizer, batches, steps):
        yield model


def update_size(problem: Problem) -> Iterator[Finding]:
    """A step changes weights by about a thousandth."""
    sizes: list[float] = []
    before: dict[str, Tensor] = {}
    for taken, model in enumerate(trained(problem, limit.UPDATE_STEP), start=1):
        now = {n: p.detach().clone() for n, p in model.named_parameters() if p.ndim >= 2}
        if taken > limit.UPDATE_STEP // 2:  # the median of the later steps: one may be special
            sizes += [_relative(before[n], p) for n, p in now.items() if n in before]
        before = now
    size = median(sizes) if sizes else 0.0
    rate, shown = own_rate(problem), f"{size:.1g} of the weights"
    low, high = limit.UPDATE
    bounds = f"{low:g} … {high:g}"
    if not np.isfinite(size) or size > high:
        yield wrong(
            "M09", "warning",
            f"a step changes weights by {size:.1g} of their size, aim at 1e-3: the learning rate "
            f"{rate:g} is too high. Begin near {_better(rate, size):.1g}.",
            shown, bounds, Advice("multiply", "lr", 0.1, "optimisation"), size=size, lr=rate,
        )  # fmt: skip
    elif size < low:
        yield wrong(
            "M09", "warning",
            f"a step changes weights by {size:.1g} of their size, aim at 1e-3: the learning rate "
            f"{rate:g} is too low. Begin near {_better(rate, size):.1g}.",
            shown, bounds, Advice("multiply", "lr", 10.0, "optimisation"), size=size, lr=rate,
        )  # fmt: skip
    else:
        yield well("M09", shown, bounds, size=size, lr=rate)


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
        *_, model = trained(problem, steps, seed)
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    same, other = (float((ends[0] - ends[i]).abs().max()) for i in (1, 2))
    shown = f"differ by {same:.1g} after {steps} steps"
    if same > 0:
        yield wrong(
            "M18", "warning",
            "two runs with one seed end in different weights: something draws from a generator "
            "that is not seeded (data order, augmentation, initial weights).",
            shown, "0", look_at("seed every generator", "code"), difference=same,
        )  # fmt: skip
    elif other == 0:
        yield wrong(
            "M18", "warning",
            "runs with different seeds are equal: the seed is overridden inside build or step, so "
            "repeats tell nothing.",
            "seeds make no difference", "different", look_at("fixed seed", "code"),
        )  # fmt: skip
    else:
        yield well("M18", shown, "0")


@remembered
def gradient_norms(problem: Problem) -> list[float]:
    """The norm of the gradient as the optimiser sees it, at each of some steps."""
    model = model_of(problem)
    optimizer = optimizer_of(problem, model)
    norms: list[float] = []
    optimizer.register_step_pre_hook(lambda *_: norms.append(_norm(model)))
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
        yield wrong("M20", "warning", "no gradient is finite: clip, or lower the learning rate.",
                    "not finite", "", Advice("multiply", "lr", 0.1, "optimisation"))  # fmt: skip
        return
    typical, high = median(norms), float(np.quantile(norms, limit.CLIP_ADVICE))
    shown = f"norms {typical:.2g}, P90 {high:.2g}"
    clipped = bound is not None and float(np.mean(np.isclose(norms, bound, rtol=1e-3)))
    below = bound is not None and bound < np.quantile(norms, limit.CLIP_QUANTILE)
    spikes = sum(n > SPIKE * typical for n in norms)
    if bound is not None and (below or clipped > 1 - limit.CLIP_QUANTILE):
        yield wrong(
            "M20", "warning",
            f"clipping at {bound:g} cuts more than three quarters of the steps: it is a smaller "
            "learning rate in disguise. Take the norm that nine of ten steps stay below.",
            shown, f"bound ≥ P{100 * limit.CLIP_QUANTILE:.0f}",
            Advice("set", "clip", high, "optimisation"), bound=bound, p90=high,
        )  # fmt: skip
    elif bound is None and spikes >= FEWEST_SPIKES:
        yield wrong(
            "M20", "warning",
            f"the gradient is {max(norms) / typical:.0f} times its usual size in {spikes} of "
            f"{len(norms)} steps: clip its norm near {high:.2g}.",
            shown, f"≤ {SPIKE:g} × median", Advice("enable", "clip", high, "optimisation"),
            largest=max(norms), p90=high,
        )  # fmt: skip
    else:
        yield well("M20", shown, "", p90=high)


def _norm(model: nn.Module) -> float:
    found = [p.grad.norm() for p in model.parameters() if p.grad is not None]
    return float(torch.stack(found).norm()) if found else 0.0
