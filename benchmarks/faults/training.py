"""The training loop of the benchmarks: what a person would write, with the faults as switches."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from danlu.core.task import Task
from faults.case import Case
from faults.data import Data

MOST_JUDGED = 1000  # training samples in the pass that judges the epoch
MOST_FIRST = 256  # training samples of the loss before the first step


@dataclass(frozen=True)
class Curves:
    """What a training reported.

    Attributes:
        reports: Metrics of each epoch, from epoch 1.
        task: Facts of data and model.
        horizon: How many epochs it was meant to have.
    """

    reports: list[dict[str, float]]
    task: Task
    horizon: int


def train(case: Case) -> Curves:
    """Train to the end, or to the first epoch whose losses are not finite."""
    model, s = case.model(), case.settings
    optimizer, trained = case.optimizer(model), case.trained(model)
    generator = torch.Generator().manual_seed(case.seed)
    first = _judged(case, model, case.data.x_train[:MOST_FIRST], case.data.y_train[:MOST_FIRST])
    reports: list[dict[str, float]] = []
    for _ in range(s.epochs):
        norms = _epoch(case, model, optimizer, trained, generator)
        reports.append(_evaluation(case, model, norms))
        if not all(map(torch.isfinite, map(torch.tensor, reports[-1].values()))):
            break
    reports[0]["initial_loss"] = first["loss"]
    return Curves(reports, task_of(case.data), s.epochs)


def _epoch(
    case: Case,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    trained: list[nn.Parameter],
    generator: torch.Generator,
) -> list[float]:
    """Train one epoch; the norms of its gradients."""
    s, d, n = case.settings, case.data, len(case.data.y_train)
    order = torch.randperm(n, generator=generator) if s.shuffle else torch.arange(n)
    norms = []
    model.train()
    for batch in order.split(s.batch_size):
        if s.batch_norm and len(batch) == 1:
            continue  # a single sample has no batch statistics
        if s.zero_grad:
            optimizer.zero_grad()
        loss = s.sign * case.loss(model(d.x_train[batch]), d.y_train[batch])
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(trained, s.clip or float("inf"))))
        optimizer.step()
    return norms


def _evaluation(case: Case, model: nn.Module, norms: list[float]) -> dict[str, float]:
    d, s = case.data, case.settings
    train = _judged(case, model, d.x_train[:MOST_JUDGED], d.y_train[:MOST_JUDGED])
    val = _judged(case, model, d.x_val, d.y_val, training=s.val_in_train_mode)
    return {
        "train_loss": train["loss"], "train_accuracy": train["accuracy"],
        "val_loss": val["loss"], "val_accuracy": val["accuracy"],
        "val_top_share": val["top_share"], "lr": s.lr,
        "grad_norm": median(norms), "grad_norm_max": max(norms),
        "clip_share": sum(n > s.clip for n in norms) / len(norms) if s.clip else 0.0,
    }  # fmt: skip


@torch.no_grad()
def _judged(
    case: Case, model: nn.Module, x: Tensor, y: Tensor, *, training: bool = False
) -> Mapping[str, float]:
    """Loss, accuracy and the share of the most frequent answer."""
    model.train(training)
    size = case.settings.batch_size if training else len(y)
    out = torch.cat([model(part) for part in x.split(size) if len(part) > 1 or not training])
    y, answers = y[: len(out)], out.argmax(1)
    return {
        "loss": float(nn.functional.cross_entropy(out, y)),
        "accuracy": float((answers == y).float().mean()),
        "top_share": float(torch.bincount(answers).max()) / len(y),
    }


def task_of(data: Data) -> Task:
    """What pre-flight would know of the data."""
    priors = torch.bincount(data.y_train, minlength=data.classes).double() / len(data.y_train)
    entropy = -float((priors * priors.clamp(min=1e-12).log()).sum())
    return Task(
        kind="classification", n_train=len(data.y_train), n_val=len(data.y_val),
        classes=data.classes, priors=tuple(priors.tolist()), baseline_loss=entropy,
        baseline_metric=float(priors.max()), eval_mode_train=True,
    )  # fmt: skip
