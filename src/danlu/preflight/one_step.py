"""Checks of one backward pass and one step: M06, M07, M08, M19 (practice, section A3)."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    RATE,
    balanced_batch,
    gradient_norm,
    loss_of,
    model_of,
    optimizer_of,
    outputs,
    probe,
    step_of,
)

MOST_NAMED = 3


@remembered
def gradients(problem: Problem) -> dict[str, Tensor | None]:
    """The gradient of each trainable parameter, by name, in their order."""
    model = model_of(problem, regularised=False).train()
    x, y = probe(problem, limit.GRADIENT_BATCH)
    loss_of(problem, outputs(model, x), y).backward()
    return {n: p.grad for n, p in model.named_parameters() if p.requires_grad}


def gradient_reaches_all(problem: Problem) -> Iterator[Finding]:
    """Every trainable parameter gets a gradient."""
    found = gradients(problem)
    if not found:
        yield wrong("M06", "error", say("the model has no trainable parameter."),
                    say("0 parameters"), "", look_at("requires_grad", "code"))  # fmt: skip
        return
    without = [n for n, g in found.items() if g is None or not bool(g.any())]
    shown = say(
        "{without} of {found} parameters", without=len(found) - len(without), found=len(found)
    )
    if without:
        yield wrong(
            "M06", "error",
            say(
                "no gradient arrives at {listed}: not on the way from input to loss (detach, "
                "unused layer, dead units, zero weights).",
                listed=_listed(without),
            ),
            shown, say("all"), look_at("no gradient", "code"), parameters=without[:20],
        )  # fmt: skip
    else:
        yield well("M06", shown, say("all"))


def gradient_profile(problem: Problem) -> Iterator[Finding]:
    """Gradients neither vanish nor explode between the last layer and the first."""
    weights = {n: g for n, g in gradients(problem).items() if g is not None and g.ndim >= 2}
    norms = {n: float(g.norm()) for n, g in weights.items()}
    if len(norms) < 2:
        raise Skipped(say("the model has one layer"))
    (first, a), *_, (last, b) = norms.items()
    ratio = a / max(b, 1e-30)
    still, share = max(((n, _still_rows(g)) for n, g in weights.items()), key=lambda f: f[1])
    shown = say("first over last {ratio:.2g}", ratio=ratio)
    bounds = f"{limit.VANISHING[0]:g} … {limit.EXPLODING:g}"
    if ratio < limit.VANISHING[0] and a < limit.VANISHING[1]:
        where = _breaks(norms)
        yield wrong(
            "M07", "warning",
            say(
                "gradients vanish: {a:.1g} at {first}, {b:.1g} at {last}; the break is at "
                "{where}. ReLU in place of sigmoid, He or Glorot weights, normalisation, or skip "
                "connections.",
                a=a, first=first, b=b, last=last, where=where,
            ),
            shown, bounds, Advice("set", "activation", "relu", "code"), norms=norms,
        )  # fmt: skip
    elif ratio > limit.EXPLODING:
        yield wrong(
            "M07", "warning",
            say(
                "gradients explode: {a:.1g} at {first}, {b:.1g} at {last}. Smaller initial "
                "weights, normalisation, or clip gradients.",
                a=a, first=first, b=b, last=last,
            ),
            shown, bounds, Advice("enable", "clip", 1.0, "optimisation"), norms=norms,
        )  # fmt: skip
    elif share >= limit.ZERO_GRADIENTS and "embed" not in still:
        yield wrong(
            "M07", "warning",
            say(
                "{share:.0%} of the units of {still} get no gradient from {gradient_batch} "
                "samples: dying ReLU. Smaller learning rate, He weights, or leaky ReLU.",
                share=share, still=still, gradient_batch=limit.GRADIENT_BATCH,
            ),
            say("{share:.0%} without gradient", share=share), f"< {limit.ZERO_GRADIENTS:.0%}",
            look_at("dying ReLU", "code"), norms=norms,
        )  # fmt: skip
    else:
        yield well("M07", shown, bounds, ratio=ratio)


def _still_rows(gradient: Tensor) -> float:
    return float((~gradient.flatten(1).any(1)).float().mean())


def _breaks(norms: dict[str, float]) -> str:
    """The parameter before which the norm falls most."""
    names = list(norms)
    falls = [norms[n] / max(norms[after], 1e-30) for n, after in pairwise(names)]
    return names[falls.index(min(falls))]


def parameters_change(problem: Problem) -> Iterator[Finding]:
    """One step changes every trainable parameter, and no frozen one."""
    model = model_of(problem, regularised=False).train()
    optimizer = optimizer_of(problem, model)
    for group in optimizer.param_groups:  # a tiny rate must not look like a missing parameter
        group["lr"] = max(float(group["lr"]), RATE)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    step_of(problem)(model, optimizer, *probe(problem, limit.GRADIENT_BATCH))
    moved = {n: not torch.equal(before[n], p.detach()) for n, p in model.named_parameters()}
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    stuck = [n for n in moved if n in trainable and not moved[n]]
    loose = [n for n in moved if n not in trainable and moved[n]]
    shown = say(
        "{stuck} of {trainable} parameters",
        stuck=len(trainable) - len(stuck),
        trainable=len(trainable),
    )
    if stuck:
        yield wrong(
            "M08", "error",
            say(
                "{listed} did not change in a step: missing from the optimiser? Give it "
                "model.parameters().",
                listed=_listed(stuck),
            ),
            shown, say("all"), look_at("optimiser's parameters", "code"), parameters=stuck[:20],
        )  # fmt: skip
    elif loose:
        yield wrong(
            "M08",
            "error",
            say(
                "{listed} changed although frozen (requires_grad=False).",
                listed=_listed(loose),
            ),
            say("{loose} frozen ones changed", loose=len(loose)),
            "0",
            look_at("frozen parameters", "code"),
            parameters=loose[:20],
        )
    elif drawn := _frozen_at_random(problem):
        yield wrong(
            "M08", "error",
            say(
                "{listed} are frozen at random initial weights: freeze only what was trained "
                "before (load its weights in build, whatever the seed).",
                listed=_listed(drawn),
            ),
            say("{drawn} frozen at random", drawn=len(drawn)), "0", look_at("frozen body", "code"),
            parameters=drawn[:20],
        )  # fmt: skip
    else:
        yield well("M08", shown, say("all"))


def _frozen_at_random(problem: Problem) -> list[str]:
    """Frozen weights that differ from seed to seed, and so were never trained."""
    one, other = (dict(model_of(problem, seed).named_parameters()) for seed in (0, 1))
    return [
        n
        for n, p in one.items()
        if not p.requires_grad and n in other and not torch.equal(p, other[n])
    ]


def gradients_are_cleared(problem: Problem) -> Iterator[Finding]:
    """The loop's own step begins from gradients of zero (``zero_grad``)."""
    if problem.step is None:
        raise Skipped(say("the usual step is taken"))
    model = model_of(problem, regularised=False).train()
    optimizer = optimizer_of(problem, model, regularised=False)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    norms: list[float] = []
    optimizer.register_step_pre_hook(lambda *_: norms.append(gradient_norm(optimizer)))
    step, batch = step_of(problem), balanced_batch(problem)
    for _ in range(2):
        step(model, optimizer, *batch)
    if len(norms) < 2 or norms[0] == 0:
        raise Skipped(say("the step did not use this optimiser twice"))
    ratio = norms[1] / norms[0]
    if ratio > limit.ACCUMULATION:
        yield wrong(
            "M19",
            "error",
            say(
                "the same batch gives a gradient {ratio:.2g} times as large the second time: "
                "gradients add up. Call optimizer.zero_grad() in every step.",
                ratio=ratio,
            ),
            say("ratio {ratio:.2g}", ratio=ratio),
            f"≤ {limit.ACCUMULATION:g}",
            look_at("zero_grad", "code"),
            ratio=ratio,
        )
    else:
        yield well("M19", say("ratio {ratio:.2g}", ratio=ratio), f"≤ {limit.ACCUMULATION:g}")


def _listed(names: list[str]) -> str:
    more = (
        say(" and {names} more", names=len(names) - MOST_NAMED) if len(names) > MOST_NAMED else ""
    )
    return say("{names}{more}", names=names[:MOST_NAMED], more=more)
