"""Checks of a model as it begins: M03, M04, M05, M10, M11 (practice, section A3)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    Inputs,
    chance,
    mean_loss,
    model_of,
    outputs,
    probe,
    take,
    uninformed,
)

BATCHED = 8  # samples whose independence is looked at
INPUTS = 64  # different ones, that must give different outputs


@remembered
def initial_loss(problem: Problem) -> float:
    """The median loss before training, over some seeds, in evaluation mode."""
    x, y = probe(problem)
    losses = []
    for seed in range(limit.INITIAL_SEEDS):
        model = model_of(problem, seed).eval()
        losses.append(mean_loss(problem, model, x, y))
    return median(losses)


def first_loss(problem: Problem) -> Iterator[Finding]:
    """The loss before training is that of knowing nothing."""
    value, expected = initial_loss(problem), chance(problem)
    regression = arrays_of(problem).kind == "regression"
    if not math.isfinite(value):
        yield wrong(
            "M03", "error",
            say(
                "the loss before training is not finite: look at the inputs' scale, at "
                "logarithms of zero and at the initial weights."
            ),
            f"{value}", say("finite"), look_at("initial loss", "code"),
        )  # fmt: skip
        return
    nothing = uninformed(problem)  # classes of unequal shares: a fresh network knows none of them
    ratio = value / max(nothing, 1e-12)
    shown = say("{value:.4g}, {ratio:.2f} of chance", value=value, ratio=ratio)
    upper = limit.INITIAL_REGRESSION if regression else limit.INITIAL_WARNING
    bounds = say(
        "{low:g} … {high:g} of {chance:.4g}",
        low=0 if regression else limit.INITIAL_KNOWING,
        high=upper,
        chance=nothing,
    )
    if ratio > upper:
        cure = (
            say("centre and scale the target, or set the output's bias to its mean")
            if regression
            else say("standardise the inputs, use the usual initial weights, take the loss's mean")
        )
        yield wrong(
            "M03", "error" if not regression and ratio > limit.INITIAL_ERROR else "warning",
            say(
                "the loss before training is {value:.4g}, {ratio:.1f} times that of knowing "
                "nothing ({nothing:.4g}): {cure}.",
                value=value, ratio=ratio, nothing=nothing, cure=cure,
            ),
            shown, bounds, look_at("scale of inputs or initial weights"), ratio=ratio,
        )  # fmt: skip
    elif not regression and value < limit.INITIAL_KNOWING * expected:
        yield wrong(
            "M03", "warning",
            say(
                "the loss before training is {value:.4g}, below the {expected:.4g} of knowing "
                "nothing: is the label among the inputs, is the model trained already, or is the "
                "loss scaled?",
                value=value, expected=expected,
            ),
            shown, bounds, look_at("leak, or a loss of another scale"), ratio=ratio,
        )  # fmt: skip
    else:
        yield well("M03", shown, bounds, ratio=ratio, initial_loss=value)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer does with some samples.

    Attributes:
        name: In the model.
        kind: Name of its class.
        dead: Share of units that are zero for every sample.
        saturated: Share of values at the ends of sigmoid or tanh.
        sd: Standard deviation of its outputs.
    """

    name: str
    kind: str
    dead: float
    saturated: float
    sd: float


ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
    nn.Mish, nn.Softplus, nn.Hardswish, nn.Sigmoid, nn.Tanh,
)  # fmt: skip
MAPS = 3  # axes from which on the second axis holds the units (images), not the last


def activations(model: nn.Module, x: Inputs) -> list[Layer]:
    """What each activation does, in the order in which they are run."""
    found: list[Layer] = []
    names = {m: name for name, m in model.named_modules()}

    def look(module: nn.Module, _: object, out: Tensor) -> None:
        units = out.flatten(2).transpose(1, 2) if out.ndim > MAPS else out
        flat = units.reshape(-1, units.shape[-1])
        dead = (flat.abs().amax(0) < limit.DEAD).float().mean()
        found.append(
            Layer(names[module], type(module).__name__, float(dead), _saturated(module, flat),
                  float(flat.std()))
        )  # fmt: skip

    hooks = [m.register_forward_hook(look) for m in names if isinstance(m, ACTIVATIONS)]
    model.eval()
    with torch.no_grad():
        outputs(model, x)
    for hook in hooks:
        hook.remove()
    return found


def _saturated(module: nn.Module, values: Tensor) -> float:
    if isinstance(module, nn.Tanh):
        return float((values.abs() > limit.SATURATED).float().mean())
    if isinstance(module, nn.Sigmoid):
        return float(((values - 0.5).abs() > limit.SATURATED / 2).float().mean())
    return 0.0


def activation_scale(problem: Problem) -> Iterator[Finding]:
    """No layer is dead or saturated, and signals neither vanish nor explode on their way."""
    layers = activations(model_of(problem, regularised=False), probe(problem)[0])
    if not layers:
        raise Skipped(say("the model has no activation layers"))
    dead = max(layers, key=lambda layer: layer.dead)
    full = max(layers, key=lambda layer: layer.saturated)
    first, last = layers[0].sd, layers[-1].sd
    ratio, widest = last / max(first, 1e-12), max(layer.sd for layer in layers)
    low, high = limit.ACTIVATION_RATIO
    shown = say(
        "dead {dead:.0%}, saturated {saturated:.0%}, deviation {last:.2g}",
        dead=dead.dead,
        saturated=full.saturated,
        last=last,
    )
    if dead.dead > limit.DEAD_NOTE:
        yield wrong(
            "M04",
            "error" if dead.dead > limit.DEAD_ERROR else "info",
            say(
                "{dead:.0%} of the units of {name} ({kind}) are zero for all of {probe} samples: "
                "those do not learn. Look at biases and initial weights.",
                dead=dead.dead,
                name=dead.name,
                kind=dead.kind,
                probe=limit.PROBE,
            ),
            shown,
            say("dead ≤ {bound:.0%}", bound=limit.DEAD_ERROR),
            look_at("dead units", "code"),
            layer=dead.name,
            dead=dead.dead,
        )
    elif full.saturated > limit.SATURATED_SHARE:
        yield wrong(
            "M04",
            "warning",
            say(
                "{saturated:.0%} of the values of {name} ({kind}) are at the ends of its range, "
                "where gradients vanish: smaller initial weights, or scale the inputs.",
                saturated=full.saturated,
                name=full.name,
                kind=full.kind,
            ),
            shown,
            say("saturated ≤ {bound:.0%}", bound=limit.SATURATED_SHARE),
            look_at("saturation", "code"),
            layer=full.name,
            saturated=full.saturated,
        )
    elif (len(layers) > 1 and not low <= ratio <= high) or widest > limit.ACTIVATION_SD:
        yield wrong(
            "M04",
            "warning",
            say(
                "activations have a deviation of {first:.2g} in {name} and {last:.2g} in "
                "{layers_name}: signals {what}. Use He or Glorot initial weights, or "
                "normalisation layers.",
                first=first,
                name=layers[0].name,
                last=last,
                layers_name=layers[-1].name,
                what=say("vanish") if ratio < low else say("explode"),
            ),
            shown,
            say("last over first {low:g} … {high:g}", low=low, high=high),
            look_at("initial weights", "code"),
            first=first,
            last=last,
        )
    else:
        yield well("M04", shown, say("dead ≤ {bound:.0%}", bound=limit.DEAD_NOTE))


def symmetry(problem: Problem) -> Iterator[Finding]:
    """No weight matrix has two equal rows: such units stay copies of each other."""
    model = model_of(problem)
    weights = [(n, p.detach()) for n, p in model.named_parameters() if _is_matrix(n, p)]
    hidden = weights[:-1] if len(weights) > 1 else weights  # an output of zeros is a fair start
    for name, weight in hidden:
        if (equal := _equal_rows(weight.flatten(1))) > 0:
            yield wrong(
                "M05",
                "error",
                say(
                    "{equal:.0%} of the rows of {name} are equal: their units will stay copies. "
                    "Draw initial weights at random (He, Glorot).",
                    equal=equal,
                    name=name,
                ),
                say("{equal:.0%} of {name}", equal=equal, name=name),
                "0",
                look_at("constant initial weights", "code"),
                parameter=name,
            )
            return
    yield well(
        "M05", say("all rows differ (matrices: {hidden})", hidden=len(hidden)), say("0 equal")
    )


def _is_matrix(name: str, parameter: Tensor) -> bool:
    return parameter.requires_grad and parameter.ndim >= 2 and "embed" not in name.lower()


def _equal_rows(rows: Tensor) -> float:
    """Share of rows that have an equal one."""
    if rows.shape[1] < 2:
        return 0.0
    draw = torch.randn(rows.shape[1], dtype=torch.float64)
    _, counts = torch.unique(rows.double() @ draw, return_counts=True)
    return float(counts[counts > 1].sum() / len(rows))


def spread_of_outputs(model: nn.Module, x: Inputs) -> float:
    """Standard deviation of the outputs over inputs, relative to their mean size."""
    model.eval()
    with torch.no_grad():
        found = outputs(model, take(x, slice(INPUTS))).flatten(1) if len(x[0]) > 1 else None
    if found is None:
        raise Skipped(say("there is one sample only"))
    return float(found.std(0).mean() / max(float(found.abs().mean()), 1e-12))


def depends_on_input(problem: Problem) -> Iterator[Finding]:
    """Different inputs give different outputs, from the start."""
    spread = spread_of_outputs(model_of(problem), probe(problem)[0])
    shown = say("{spread:.2g} of the outputs' size", spread=spread)
    if spread < limit.OUTPUT_SD:
        yield wrong(
            "M10", "error",
            say(
                "the output is the same for every input: a dead or zero layer, vanishing "
                "signals, or inputs that are not used."
            ),
            shown, f"≥ {limit.OUTPUT_SD:g}", look_at("input is not used", "code"), spread=spread,
        )  # fmt: skip
    else:
        yield well("M10", shown, f"≥ {limit.OUTPUT_SD:g}", spread=spread)


def batch_independence(problem: Problem) -> Iterator[Finding]:
    """In evaluation mode a sample's output does not depend on the others of its batch."""
    model = model_of(problem).eval()
    x, _ = probe(problem, 2 * BATCHED)
    if len(x[0]) < BATCHED + 1:
        raise Skipped(say("there are too few samples"))
    others = torch.cat([torch.tensor([0]), torch.arange(BATCHED, len(x[0]))])
    with torch.no_grad():
        a = outputs(model, take(x, slice(len(others))))
        b = outputs(model, take(x, others))
    change = float((a[0] - b[0]).abs().max() / max(float(a.abs().mean()), 1e-12))
    shown = say("changes by {change:.1g}", change=change)
    if change > limit.BATCH_LEAK:
        yield wrong(
            "M11", "error",
            say(
                "a sample's output depends on the other samples of its batch: a view or reshape "
                "that mixes them, a mean over the batch axis, or batch statistics in evaluation "
                "mode."
            ),
            shown, f"≤ {limit.BATCH_LEAK:g}", look_at("samples mix", "code"), change=change,
        )  # fmt: skip
    else:
        yield well("M11", shown, f"≤ {limit.BATCH_LEAK:g}")
