"""Checks of what model and loss make of a batch: M01, M02, M12 (practice, section A3)."""

import math
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from danlu.core.finding import Advice, Finding, Severity
from danlu.core.sentence import say
from danlu.errors import CheckError
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    NORMS,
    Inputs,
    batch_size,
    is_binary,
    largest_dropout,
    loss_of,
    model_of,
    outputs,
    probe,
    take,
    tensors_of,
)

SURE = 30.0  # logits of an answer that has no doubt
SAME = 0.02  # nats within which two losses count as one
SUM_TO_ONE = 1e-4
PAIRS = 32
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.RNNBase)


def dry_run(problem: Problem) -> Iterator[Finding]:
    """Forward and backward on training data, forward on validation data; loss and model agree."""
    model = model_of(problem)
    x, y = probe(problem)
    size = min(len(y), max(2, batch_size(problem)))
    tensors = tensors_of(problem)
    try:
        with warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            model.train()
            found = outputs(model, take(x, slice(size)))
            loss_of(problem, found, y[:size]).backward()
            model.eval()
            with torch.no_grad():
                val = outputs(model, take(tensors.x_val, slice(size)))
                loss_of(problem, val, tensors.y_val[:size])
    except CheckError as error:
        yield _broken(str(error))
        return
    except Exception as error:  # noqa: BLE001 - whatever model or loss raise is what is sought
        shapes = ", ".join(str(tuple(part.shape)) for part in take(x, slice(size)))
        text = str(error).strip().partition("\n")[0]
        yield _broken(
            say(
                "a batch of inputs {shapes} and targets {targets} ({dtype}) does not pass: "
                "{name}: {text}",
                shapes=shapes,
                targets=str(tuple(y[:size].shape)),
                dtype=y.dtype,
                name=type(error).__name__,
                text=text,
            )
        )
        return
    messages = " ".join(str(n.message) for n in noticed)
    if problems := _disagreements(problem, found, y[:size], messages):
        yield _broken(problems[0])
        return
    yield well("M01", say("outputs {shape}, loss and gradient", shape=str(tuple(found.shape))), "")


def _broken(message: str) -> Finding:
    return wrong(
        "M01", "error", message, say("a batch does not pass"), "", look_at(message, "code")
    )


def _disagreements(problem: Problem, found: Tensor, y: Tensor, messages: str) -> list[str]:
    """Where outputs, targets and loss do not fit, although nothing was raised."""
    arrays, problems = arrays_of(problem), []
    if not bool(torch.isfinite(found).all()):
        problems.append(say("the model's outputs are not finite on the very first batch."))
    if found.ndim and len(found) != len(y):
        problems.append(
            say(
                "{y} samples go in and {found} outputs come out: a view or reshape mixes samples.",
                y=len(y),
                found=len(found),
            )
        )
    if "target size" in messages:
        problems.append(
            say(
                "outputs {outputs} and targets {targets} are stretched to one shape (broadcast): "
                "every output is compared with every target. Give both one shape.",
                outputs=str(tuple(found.shape)),
                targets=str(tuple(y.shape)),
            )
        )
    classes = arrays.classes
    if classes is not None and not problems and not is_binary(problem, found):
        if found.ndim < 2 or found.shape[1] < classes:
            problems.append(
                say(
                    "the targets have {classes} classes (0 to {last}), but the model has "
                    "{shape} outputs.",
                    classes=classes,
                    last=classes - 1,
                    shape=found.shape[-1],
                )
            )
        else:
            problems += _wrong_losses(problem, found, y)
    return problems


def _wrong_losses(problem: Problem, found: Tensor, y: Tensor) -> list[str]:
    """What the loss says of answers without doubt, right and wrong ones."""
    if arrays_of(problem).form != "labels":
        return []
    labels = y.argmax(1) if arrays_of(problem).one_hot else y.reshape(-1).long()
    count = found.shape[1]
    sure = functional.one_hot(labels, count).to(found.dtype)
    astray = functional.one_hot((labels + 1) % count, count).to(found.dtype)
    of = [float(loss_of(problem, s * answer, y)) for s, answer in
          ((SURE, sure), (2 * SURE, sure), (SURE, astray), (1.0, sure))]  # fmt: skip
    best, surer, worst, plain = of
    floor = math.log(1 + (count - 1) / math.e)
    if best > worst + SAME:
        return [say(
            "the loss is smaller for wrong answers ({worst:.3g}) than for right ones "
            "({best:.3g}): its sign is flipped.",
            worst=worst, best=best,
        )]  # fmt: skip
    if abs(best - floor) < SAME and abs(surer - floor) < SAME:
        return [say(
            "the loss of a right answer without doubt is {best:.3g}, not 0: it applies softmax "
            "to probabilities. Give cross-entropy the logits.",
            best=best,
        )]  # fmt: skip
    if count > 1 and _are_probabilities(found) and plain > floor - SAME:
        return [say(
            "the model ends in a softmax and the loss applies one again, so the loss cannot fall "
            "below {floor:.3g}: remove the last Softmax.",
            floor=floor,
        )]  # fmt: skip
    return []


def _are_probabilities(found: Tensor) -> bool:
    total = found.detach().sum(1)
    return bool((found >= 0).all()) and bool(((total - 1).abs() < SUM_TO_ONE).all())


def lint(problem: Problem) -> Iterator[Finding]:
    """The layers follow each other as experience wants it."""
    model = model_of(problem)
    leaves = _in_order(model, probe(problem, 4)[0])
    found = [*_lint_dropout(model), *_lint_norms(problem, leaves), *_lint_linear(model)]
    for severity, message, advice in sorted(found, key=lambda f: f[0] != "warning"):
        short = message.partition(":")[0].partition(";")[0]
        yield wrong("M02", severity, message, short, "", *advice)
    if not found:
        yield well("M02", say("{leaves} layers, nothing odd", leaves=len(leaves)))


Remark = tuple[Severity, str, tuple[Advice, ...]]


def _in_order(model: nn.Module, x: Inputs) -> list[nn.Module]:
    """The layers without children, in the order in which they are run."""
    order: list[nn.Module] = []
    hooks = [
        m.register_forward_hook(lambda m, *_: order.append(m))
        for m in model.modules()
        if not list(m.children())
    ]
    model.eval()
    with torch.no_grad():
        model(*x)
    for hook in hooks:
        hook.remove()
    return order


def _lint_dropout(model: nn.Module) -> Iterator[Remark]:
    share = largest_dropout(model)
    if share <= limit.DROPOUT_NOTE:
        return
    grave = share >= limit.DROPOUT_WARNING
    yield (
        "warning" if grave else "info",
        say("dropout of {share:g} leaves {kept:.0%} of the units: ", share=share, kept=1 - share)
        + (
            say("training will hardly learn; take at most 0.5.")
            if grave
            else say("only for wide layers.")
        ),
        (Advice("set", "dropout", 0.5, "regularisation"),),
    )


def _lint_norms(problem: Problem, leaves: list[nn.Module]) -> Iterator[Remark]:
    norms = [m for m in leaves if isinstance(m, NORMS)]
    if norms and (size := batch_size(problem)) < limit.NORM_BATCH:
        yield (
            "warning",
            say(
                "batch normalisation with a batch of {size}: its statistics are noise. Take a "
                "batch of at least {norm_batch}, or group or layer normalisation.",
                size=size,
                norm_batch=limit.NORM_BATCH,
            ),
            (Advice("raise low", "batch size", limit.NORM_BATCH, "optimisation"),),
        )
    for before, after in pairwise(leaves):
        if not isinstance(after, NORMS):
            continue
        if isinstance(before, nn.Dropout):
            yield (
                "warning",
                say(
                    "dropout stands right before batch normalisation: the variance differs "
                    "between training and evaluation (Li et al. 2019). Put it after."
                ),
                (look_at("dropout before normalisation", "code"),),
            )
            return
        if getattr(before, "bias", None) is not None and isinstance(before, WEIGHTED):
            yield ("info", say(
                "a bias stands before batch normalisation, which removes it: bias=False saves it."
            ), ())  # fmt: skip
            return


def _lint_linear(model: nn.Module) -> Iterator[Remark]:
    """Two weighted layers of one `Sequential` with nothing but dropout between them."""
    for block in model.modules():
        if not isinstance(block, nn.Sequential):
            continue
        chain = [m for m in block if not isinstance(m, nn.Dropout | nn.Identity)]
        for before, after in pairwise(chain):
            if isinstance(before, nn.Linear) and isinstance(after, nn.Linear):
                yield (
                    "warning",
                    say(
                        "two linear layers follow each other ({in_features} → {out_features} → "
                        "{after_out_features}) with no activation between: together they are one.",
                        in_features=before.in_features,
                        out_features=before.out_features,
                        after_out_features=after.out_features,
                    ),
                    (look_at("activation missing", "code"),),
                )
                return


def non_linear(problem: Problem) -> Iterator[Finding]:
    """The model is no linear map: f(a) + f(b) differs from f(a + b) + f(0)."""
    model = model_of(problem, regularised=False)
    weighted = sum(isinstance(m, WEIGHTED) for m in model.modules())
    x, _ = probe(problem, 2 * PAIRS)
    if weighted < limit.LINEAR_LAYERS:
        raise Skipped(say("the model has one layer"))
    if len(x) > 1 or not x[0].is_floating_point() or len(x[0]) < 4:
        raise Skipped(say("the inputs are no single array of real numbers"))
    share = _left_over(model, x[0])
    shown = say("{share:.2g} of the output", share=share)
    if share < limit.LINEAR:
        yield wrong(
            "M12", "warning",
            say(
                "the model is linear: its layers together are a single one, so activations are "
                "missing. Put a non-linearity (ReLU, GELU, tanh) between layers."
            ),
            shown, f"≥ {limit.LINEAR:g}", look_at("activation missing", "code"), share=share,
        )  # fmt: skip
    else:
        yield well("M12", shown, f"≥ {limit.LINEAR:g}")


def _left_over(model: nn.Module, x: Any) -> float:
    """What superposition leaves over, relative to the output."""
    half = len(x) // 2
    a, b = x[:half], x[half : 2 * half]
    model.eval()
    with torch.no_grad():
        of = [outputs(model, (v,)).double() for v in (a, b, a + b, torch.zeros_like(a))]
    rest = of[0] + of[1] - of[2] - of[3]
    return float(rest.norm() / max(float((of[2] - of[3]).norm()), 1e-12))
