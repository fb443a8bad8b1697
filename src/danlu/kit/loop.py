"""The training loop: read it from top to bottom.

Each epoch visits the data in an order of its own, drawn from the trial's seed and the epoch's
number, and seeds torch anew; with the states of model, optimiser and schedule restored, a trial
that was paused after any epoch therefore goes on as if it had not been, bit for bit on the CPU.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import Optimizer

from danlu.kit import metrics
from danlu.kit.imbalance import balanced_order, class_weights, epoch_order
from danlu.kit.models import parameters_of
from danlu.kit.optimisers import clip_gradient, optimiser
from danlu.kit.params import Params
from danlu.kit.prepared import Part, Tensors
from danlu.kit.schedules import Plateau, planned
from danlu.worker.trial import Trial

EVALUATION_BATCH = 1024  # samples at once without a gradient
MOST_TRAIN_EVALUATED = 1000  # training samples whose loss is taken after each epoch
INITIAL_SAMPLES = 256  # for the loss before the first step


def train(
    trial: Trial,
    build: Callable[[], nn.Module],
    params: Params,
    part: Part,
    patience: int = 0,
    device: torch.device | None = None,
    metric: str = "accuracy",
) -> nn.Module:
    """Train one config, epoch by epoch, as far as the trial wants; returns the model.

    Every epoch reports, for training (a pass in evaluation mode over at most 1,000 samples) and
    validation, ``loss`` (the plain mean cross-entropy, or the mean squared error of the
    standardised target: no class weights, no smoothing), ``accuracy`` or ``r2``, and ``metric``;
    of validation all that `danlu.kit.metrics` has; ``lr``; ``grad_norm`` (median over the steps,
    before clipping), ``grad_norm_max``, and ``clip_share`` where clipping is on; ``parameters``,
    how many numbers the model learns; ``seconds``; epoch 1 also ``initial_loss``.

    Args:
        trial: Where to report, and whence to go on.
        build: Makes the model; torch is seeded before.
        params: The trial's.
        part: Data to train and validate on.
        patience: Epochs without a lower validation loss after which the trial ends; 0 = never.
        device: Where to train; None chooses.
        metric: The one that is tuned, without its ``val_``.
    """
    device = device or best_device()
    part = part.to(device)
    torch.manual_seed(trial.seed)
    model = build().to(device)
    optimizer = optimiser(model.parameters(), params, len(part.y))
    plateau = Plateau.of(params, trial.horizon)
    start = trial.restore(model, optimizer, plateau)
    loss_of, size = training_loss(params, part), parameters_of(model)
    extra = {} if start else {"initial_loss": _initial_loss(model, part)}
    for epoch in trial.epochs(start):
        if patience and plateau.stale >= patience:
            break
        began = time.perf_counter()
        torch.manual_seed(epoch_seed(trial.seed, epoch))
        model.train()
        norms = []
        steps = batches(part, params, epoch_seed(trial.seed, -epoch))
        for i, batch in enumerate(steps):
            progress = (epoch - 1 + i / len(steps)) / trial.horizon
            rate = plateau.rate * planned(params, progress, trial.horizon)
            set_rate(optimizer, params.lr * rate)
            optimizer.zero_grad()
            with precision(device):
                loss = loss_of(model(*(t[batch] for t in part.x)), part.y[batch])
            loss.backward()
            norms.append(clip_gradient(model, params.clip))
            optimizer.step()
        told = evaluate(model, part.x, part.y, part.scale, MOST_TRAIN_EVALUATED)
        val = evaluate(model, part.x_val, part.y_val, part.scale)
        plateau.see(val.metrics["loss"], val.error)
        trial.report(
            epoch,
            named("train", told, metric)
            | {f"val_{name}": value for name, value in val.metrics.items()}
            | {"lr": optimizer.param_groups[0]["lr"], **gradients(norms, params.clip), **extra},
            parameters=size,
            seconds=time.perf_counter() - began,
        )
        trial.save(model, optimizer, plateau)
        extra = {}
    return model


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed for an epoch of a trial; near ones give unrelated streams."""
    mixed = (seed * 0x9E3779B1 + epoch * 0x85EBCA6B) % 2**64
    return (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9 % 2**63


def batches(part: Part, params: Params, seed: int) -> list[Tensor]:
    """The samples of each step of an epoch; a last batch of a single sample is left out.

    (Batch normalisation knows no variance of one sample, and its gradient is the noisiest.)
    """
    generator = torch.Generator().manual_seed(seed)
    y = None if part.regression else part.y.cpu()
    order = epoch_order(y, len(part.y), params.oversample, generator)
    if params.balanced_batches and y is not None:
        order = balanced_order(y, len(order), generator)
    split = order.to(part.y.device).split(params.batch_size)
    return list(split[:-1] if len(split) > 1 and len(split[-1]) == 1 else split)


def set_rate(optimizer: Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def training_loss(params: Params, part: Part) -> Callable[[Tensor, Tensor], Tensor]:
    """(outputs, targets) → the loss whose gradient is followed."""
    if part.regression:
        return lambda outputs, y: mse_loss(outputs.squeeze(1), y)
    weight = class_weights(part.y, part.shape.outputs) if params.class_weights else None
    smoothing = params.label_smoothing
    return lambda outputs, y: cross_entropy(outputs, y, weight, label_smoothing=smoothing)


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a model on some samples.

    Attributes:
        metrics: Name → value, ``loss`` among them.
        error: Standard error of the loss.
    """

    metrics: dict[str, float]
    error: float


@torch.no_grad()
def evaluate(
    model: nn.Module, x: Tensors, y: Tensor, scale: float = 1.0, most: int | None = None
) -> Evaluation:
    """Evaluate in evaluation mode, on the first ``most`` samples (they come in no order)."""
    x, y = tuple(t[:most] for t in x), y[:most]
    outputs = outputs_of(model, x)
    if y.is_floating_point():
        losses = (outputs.squeeze(1) - y).square()
        found = metrics.regression(outputs.squeeze(1), y, scale)
    else:
        losses = cross_entropy(outputs, y, reduction="none")
        found = metrics.classification(outputs, y)
    deviation = losses.std(correction=0).item() if len(y) > 1 else 0.0
    return Evaluation({"loss": losses.mean().item(), **found}, deviation / len(y) ** 0.5)


@torch.no_grad()
def outputs_of(model: nn.Module, x: Tensors) -> Tensor:
    """The outputs for all samples, (n, outputs), in evaluation mode."""
    model.eval()
    parts = zip(*(t.split(EVALUATION_BATCH) for t in x), strict=True)
    with precision(x[0].device):
        return torch.cat([model(*inputs) for inputs in parts]).float()


def named(prefix: str, found: Evaluation, metric: str) -> dict[str, float]:
    """The usual metrics, and the tuned one."""
    names = dict.fromkeys(("loss", "accuracy", "r2", metric))
    return {f"{prefix}_{n}": found.metrics[n] for n in names if n in found.metrics}


def _initial_loss(model: nn.Module, part: Part) -> float:
    return evaluate(model, part.x, part.y, most=INITIAL_SAMPLES).metrics["loss"]


def gradients(norms: list[Tensor], limit: float) -> dict[str, float]:
    """What the gradient's norms of an epoch tell."""
    all_norms = torch.stack(norms)
    found = {"grad_norm": all_norms.median().item(), "grad_norm_max": all_norms.max().item()}
    if limit:
        found["clip_share"] = (all_norms > limit).float().mean().item()
    return found


def best_device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(device: torch.device) -> Any:
    """Mixed precision on GPUs that compute in bfloat16, which needs no scaling of the loss."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
