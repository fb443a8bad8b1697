"""The training loop: read it from top to bottom.

Each epoch visits the data in an order of its own, drawn from the trial's seed and the epoch's
number, and seeds dropout and torch anew; with the states of model, optimiser and schedule
restored, a trial that was paused after any epoch therefore goes on as if it had not been, bit for
bit on the CPU. Since nothing is drawn from a stream that trials share, `fused` can train many of
them together and gives the same to rounding.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, mse_loss
from torch.optim import Optimizer

from danlu.kit import metrics
from danlu.kit.breakdown import BreakdownError, refuse, told
from danlu.kit.devices import gains_by_mixing, precision
from danlu.kit.dropout import Masks, with_own_masks
from danlu.kit.imbalance import balanced_order, class_weights, epoch_order
from danlu.kit.micro_batches import pieces_of, with_memory
from danlu.kit.models import parameters_of
from danlu.kit.optimisers import clip_gradient, optimiser
from danlu.kit.params import Params
from danlu.kit.prepared import Part, Tensors
from danlu.kit.schedules import Plateau, planned
from danlu.worker.trial import Trial

EVALUATION_BATCH = 1024  # samples at once without a gradient
MOST_TRAIN_EVALUATED = 1000  # training samples whose loss is taken after each epoch
INITIAL_SAMPLES = 256  # for the loss before the first step
OF_MASKS = 1 << 32  # beyond any epoch: the seeds of dropout are none of the other streams'

LossOf: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Setup:
    """What a trial is trained with.

    Attributes:
        build: Makes the model; torch is seeded before.
        params: The trial's.
        part: Data to train and validate on, on the device that trains.
        patience: Epochs without a lower validation loss after which the trial ends; 0 = never.
        metric: The one that is tuned, without its ``val_``.
    """

    build: Callable[[], nn.Module]
    params: Params
    part: Part
    patience: int = 0
    metric: str = "accuracy"


def train(trial: Trial, setup: Setup) -> nn.Module:
    """Train one config, epoch by epoch, as far as the trial wants; returns the model.

    Every epoch reports, for training (a pass in evaluation mode over at most 1,000 samples) and
    validation, ``loss`` (the plain mean cross-entropy, or the mean squared error of the
    standardised target: no class weights, no smoothing), ``accuracy`` or ``r2``, and ``metric``;
    of validation all that `danlu.kit.metrics` has; ``lr``; ``grad_norm`` (median over the steps,
    before clipping), ``grad_norm_max``, and ``clip_share`` where clipping is on; ``parameters``,
    how many numbers the model learns; ``seconds``; epoch 1 also ``initial_loss``.

    Args:
        trial: Where to report, and whence to go on.
        setup: Model, params and data.
    """
    params, part, patience, metric = setup.params, setup.part, setup.patience, setup.metric
    begun = begin(trial, setup.build, params, part)
    model, plateau = begun.model, begun.plateau
    loss_of, size = training_loss(params, part), parameters_of(model)
    extra = {} if begun.start else initial(model, part)
    for epoch in trial.epochs(begun.start):
        if patience and plateau.stale >= patience:
            break
        began = time.perf_counter()
        begun.seed(trial.seed, epoch)
        model.train()
        norms = []
        steps = batches(part, params, epoch_seed(trial.seed, -epoch))
        rates = learning_rates(params, plateau, epoch, len(steps), trial.horizon)
        for batch, lr in zip(steps, rates, strict=True):
            try:
                norms.append(step(begun, loss_of, part, batch, lr, params, watched=True)[1])
            except BreakdownError as error:
                inputs = [t[batch] for t in part.x]
                print(told(model, inputs, batch, epoch, lr, norms, error), flush=True)  # noqa: T201
                trial.report(epoch, broken(metric), lr=lr)
                return model
        trained = evaluate(model, part.x, part.y, part.scale, MOST_TRAIN_EVALUATED)
        val = evaluate(model, part.x_val, part.y_val, part.scale)
        plateau.see(val.metrics["loss"], val.error)
        trial.report(
            epoch,
            named("train", trained, metric)
            | {f"val_{name}": value for name, value in val.metrics.items()}
            | {"lr": rates[-1], **gradients(torch.stack(norms), params.clip), **extra},
            parameters=size,
            seconds=time.perf_counter() - began,
        )
        trial.save(model, begun.optimizer, plateau)
        extra = {}
    return model


@dataclass
class Begun:
    """A network with all that trains it.

    Attributes:
        model: On its device.
        optimizer: Of its parameters.
        plateau: Watches the validation loss.
        masks: The stream of its dropout.
        start: The last epoch that is trained already.
        pieces: Into how many parts each batch is split, whose gradients are added up.
        mixed: Whether steps are taken in mixed precision; evaluation never is.
    """

    model: nn.Module
    optimizer: Optimizer
    plateau: Plateau
    masks: Masks
    start: int = 0
    pieces: int = 1
    mixed: bool = False

    def seed(self, seed: int, epoch: int) -> None:
        """Begin the streams of an epoch: of dropout, and torch's own for a user's model."""
        torch.manual_seed(epoch_seed(seed, epoch))
        self.seed_masks(seed, epoch)

    def seed_masks(self, seed: int, epoch: int) -> None:
        self.masks.generator.manual_seed(epoch_seed(seed, epoch + OF_MASKS))


def begin(trial: Trial, build: Callable[[], nn.Module], params: Params, part: Part) -> Begun:
    """Build a trial's network from its seed, and restore it if it was trained before."""
    torch.manual_seed(trial.seed)
    model = build().to(part.y.device)
    masks = with_own_masks(model)
    mixed = gains_by_mixing(model, tuple(t[: params.batch_size] for t in part.x))
    optimizer = optimiser(model.parameters(), params, len(part.y))
    plateau = Plateau.of(params, trial.horizon)
    start = trial.restore(model, optimizer, plateau)
    return Begun(model, optimizer, plateau, masks, start, trial.micro_batches, mixed)


def learning_rates(
    params: Params, plateau: Plateau, epoch: int, steps: int, horizon: int
) -> list[float]:
    """The learning rate of each step of an epoch."""
    shares = ((epoch - 1 + i / steps) / horizon for i in range(steps))
    return [params.lr * (plateau.rate * planned(params, s, horizon)) for s in shares]


def step(
    begun: Begun, loss_of: LossOf, part: Part, batch: Tensor, lr: float, params: Params,
    *, watched: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step on the samples of a batch; the loss, and the gradient's norm before clipping.

    Raises:
        BreakdownError: If it is ``watched`` and the gradient is no number; no step is taken then.
    """
    set_rate(begun.optimizer, lr)
    loss = with_memory(begun, len(batch), lambda: gradient(begun, loss_of, part, batch, params))
    norm = clip_gradient(begun.model, params.clip)
    if watched:
        refuse(loss, norm)
    begun.optimizer.step()
    return loss, norm


def gradient(begun: Begun, loss_of: LossOf, part: Part, batch: Tensor, params: Params) -> Tensor:
    """Leave a batch's gradient in the model, the sum of its pieces' ones; the batch's loss."""
    begun.optimizer.zero_grad()
    whole = torch.zeros((), device=part.y.device)
    for piece, share in pieces_of(batch, begun.pieces, part, params):
        with precision(mixed=begun.mixed):
            loss = loss_of(begun.model(*(t[piece] for t in part.x)), part.y[piece])
        if share < 1.0:
            loss = share * loss
        loss.backward()
        whole += loss.detach()
    return whole


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed for an epoch of a trial; near ones give unrelated streams."""
    mixed = (seed * 0x9E3779B1 + epoch * 0x85EBCA6B) % 2**64
    return (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9 % 2**63


def batches(part: Part, params: Params, seed: int) -> list[Tensor]:
    """The samples of each step of an epoch, each (batch,)."""
    return list(order(part, params, seed).split(params.batch_size))


def order(part: Part, params: Params, seed: int) -> Tensor:
    """The samples of an epoch one after another, (m,); a last batch of a single one is left out.

    (Batch normalisation knows no variance of one sample, and its gradient is the noisiest.)
    """
    generator = torch.Generator().manual_seed(seed)
    y = None if part.regression else part.y.cpu()
    found = epoch_order(y, len(part.y), params.oversample, generator)
    if params.balanced_batches and y is not None:
        found = balanced_order(y, len(found), generator)
    single = len(found) > params.batch_size and len(found) % params.batch_size == 1
    return found[: len(found) - single].to(part.y.device)


def set_rate(optimizer: Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def training_loss(params: Params, part: Part) -> LossOf:
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
    return evaluations(outputs_of(model, x)[None], y, scale)[0]


def evaluations(outputs: Tensor, y: Tensor, scale: float) -> list[Evaluation]:
    """Metrics of some models from their outputs, (models, n, outputs), for the same samples."""
    if outputs.device.type == "mps":  # which has no double precision
        outputs, y = outputs.cpu(), y.cpu()
    if y.is_floating_point():
        losses = (outputs.squeeze(2) - y).square()
        found = metrics.regression(outputs.squeeze(2), y, scale)
    else:
        # Classes first: along its last axis, which is short, torch takes ten times as long.
        by_class = outputs.permute(2, 0, 1).contiguous()
        log_p = log_softmax(by_class, dim=0)
        losses = -log_p.gather(0, y.expand(1, len(outputs), -1)).squeeze(0)
        found = metrics.classification(by_class.permute(1, 2, 0), y)
    errors = losses.std(1, correction=0) / len(y) ** 0.5
    each = zip(losses.mean(1).tolist(), errors.tolist(), found, strict=True)
    return [Evaluation({"loss": loss, **others}, error) for loss, error, others in each]


@torch.no_grad()
def outputs_of(model: nn.Module, x: Tensors) -> Tensor:
    """The outputs for all samples, (n, outputs), in evaluation mode."""
    model.eval()
    parts = zip(*(t.split(EVALUATION_BATCH) for t in x), strict=True)
    return torch.cat([model(*inputs) for inputs in parts])


def named(prefix: str, found: Evaluation, metric: str) -> dict[str, float]:
    """The usual metrics, and the tuned one."""
    names = dict.fromkeys(("loss", "accuracy", "r2", metric))
    return {f"{prefix}_{n}": found.metrics[n] for n in names if n in found.metrics}


def broken(metric: str) -> dict[str, float]:
    """What is reported of an epoch in which training broke down."""
    return dict.fromkeys(("train_loss", "val_loss", f"val_{metric}"), math.nan)


def initial(model: nn.Module, part: Part) -> dict[str, float]:
    """What is reported of a model before its first step."""
    found = evaluate(model, part.x, part.y, most=INITIAL_SAMPLES)
    return {"initial_loss": found.metrics["loss"]}


def gradients(norms: Tensor, limit: float) -> dict[str, float]:
    """What the gradient's norms of an epoch tell, (steps,)."""
    found = {"grad_norm": norms.median().item(), "grad_norm_max": norms.max().item()}
    if limit:
        found["clip_share"] = (norms > limit).float().mean().item()
    return found
