"""A problem's model on the bench: built, fed and trained without leaving a trace.

Every check builds models of its own, from fixed seeds, and trains copies; `kept_randomness` puts
back every random state that they used.
"""

import copy
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from danlu.catalogue.roles import role_of
from danlu.core.parameter import Float
from danlu.core.sentence import say
from danlu.errors import CheckError
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of, data_of, name_of_loss
from danlu.preflight.baselines import baselines_of
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Skipped
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem

Inputs: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[[Any, Any, Any, Any], Any]

BATCH = 32  # where the config has no batch size
RATE = 1e-3  # Adam's, where the config has none
ANY = Float(0.0, 1.0)  # a parameter that says nothing of its role: its name must
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
RUN_S = 30.0  # a short run that takes longer is ended


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Restore the random states of Python, NumPy and torch afterwards."""
    python, legacy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if devices:
            torch.cuda.set_rng_state_all(devices)


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch, as training code does at its start."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


@dataclass(frozen=True, eq=False)
class Tensors:
    """The data as the model gets it.

    Attributes:
        x_train: Inputs, one tensor for each argument.
        y_train: Targets.
        x_val: As ``x_train``.
        y_val: As ``y_train``.
    """

    x_train: Inputs
    y_train: Tensor
    x_val: Inputs
    y_val: Tensor


@remembered
def tensors_of(problem: Problem) -> Tensors:
    """Tensors stay as they are given; arrays become float32, and int64 for classes and ids."""
    data, arrays = data_of(problem), arrays_of(problem)

    def inputs(given: Any, found: Sequence[Array]) -> Inputs:
        parts = given if isinstance(given, tuple) else (given,)
        return tuple(
            part.detach().cpu() if isinstance(part, Tensor) else _tensor(a, ids=arrays.is_ids(i))
            for i, (part, a) in enumerate(zip(parts, found, strict=True))
        )

    real = arrays.form in ("numbers", "several") or arrays.one_hot
    real = real or "bce" in name_of_loss(problem.loss) or "binary" in name_of_loss(problem.loss)

    def targets(given: Any, found: Array) -> Tensor:
        if isinstance(given, Tensor):
            return given.detach().cpu()
        return _tensor(found.reshape(np.shape(given)), ids=not real)

    return Tensors(
        inputs(data.x_train, arrays.x_train), targets(data.y_train, arrays.y_train),
        inputs(data.x_val, arrays.x_val), targets(data.y_val, arrays.y_val),
    )  # fmt: skip


def _tensor(array: Array, *, ids: bool) -> Tensor:
    return torch.tensor(np.asarray(array, np.int64 if ids else np.float32))


def model_of(problem: Problem, seed: int = 0, *, regularised: bool = True) -> nn.Module:
    """A model of the config, built after seeding; a copy, if ``build`` gives the same each time.

    Args:
        problem: What to build.
        seed: Of every random state before building.
        regularised: Whether dropout stays as it is, or is switched off.

    Raises:
        CheckError: If there is none.
    """
    if problem.build is None:
        raise Skipped(say("no model was given"))
    seed_all(seed)
    try:
        built = problem.build(problem.params)
    except KeyError as error:
        raise CheckError(say(
            "the model cannot be built: the config has no parameter {error}; it has {value}.",
            error=error, value=", ".join(problem.params) or "none",
        )) from error  # fmt: skip
    except Exception as error:
        raise CheckError(say(
            "the model cannot be built: {kind}: {error}",
            kind=type(error).__name__, error=error,
        )) from error  # fmt: skip
    if not isinstance(built, nn.Module):
        raise CheckError(say(
            "build must return a torch.nn.Module, but returned {built:.80}.", built=repr(built),
        ))  # fmt: skip
    model = copy.deepcopy(built).cpu()
    if not regularised:
        switch_off_dropout(model)
    return model


def switch_off_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.p = 0.0
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention):
            module.dropout = 0.0


def largest_dropout(model: nn.Module) -> float:
    """The highest dropout probability of any layer."""
    found = [m.p for m in model.modules() if isinstance(m, DROPOUTS)]
    found += [m.dropout for m in model.modules() if isinstance(m, nn.RNNBase)]
    return float(max(found, default=0.0))


def optimizer_of(
    problem: Problem,
    model: nn.Module,
    *,
    rate: float | None = None,
    regularised: bool = True,
) -> torch.optim.Optimizer:
    """The config's own optimiser, or Adam with ``rate``."""
    weights = [p for p in model.parameters() if p.requires_grad]
    if rate is not None:
        found: torch.optim.Optimizer = torch.optim.Adam(weights, lr=rate)
    elif problem.optimizer is None:
        decay = number_of(problem, "weight decay") or 0.0
        found = torch.optim.Adam(weights, lr=number_of(problem, "lr") or RATE, weight_decay=decay)
    else:
        found = problem.optimizer(model.parameters(), problem.params)
    if not isinstance(found, torch.optim.Optimizer):
        raise CheckError(say(
            "optimizer must return a torch optimiser, but returned {found:.80}.",
            found=repr(found),
        ))  # fmt: skip
    if not regularised:
        for group in found.param_groups:
            if "weight_decay" in group:
                group["weight_decay"] = 0.0
    return found


def own_rate(problem: Problem) -> float:
    """The config's own learning rate."""
    return float(optimizer_of(problem, model_of(problem)).param_groups[0]["lr"])


def own_decay(problem: Problem) -> float:
    """The config's own weight decay."""
    groups = optimizer_of(problem, model_of(problem)).param_groups
    return float(max(group.get("weight_decay", 0.0) for group in groups))


def number_of(problem: Problem, role: str) -> float | None:
    """The number that the config has for a role, such as ``"lr"``; None if it has none."""
    found = [v for name, v in problem.params.items() if role_of(name, ANY) == role]
    numbers = [float(v) for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
    return numbers[0] if numbers else None


def batch_size(problem: Problem) -> int:
    """The config's own, at most the training data."""
    return max(
        2, min(int(number_of(problem, "batch size") or BATCH), len(arrays_of(problem).y_train))
    )


def outputs(model: nn.Module, x: Inputs) -> Tensor:
    """What the model says; of several outputs the first."""
    found = model(*x)
    while isinstance(found, tuple | list) and found:
        found = found[0]
    if isinstance(found, dict):
        found = found.get("logits", next(iter(found.values())))
    if not isinstance(found, Tensor):
        raise CheckError(say(
            "the model must return a tensor, but returned {kind}.",
            kind=type(found).__name__,
        ))  # fmt: skip
    return found


def loss_of(problem: Problem, found: Any, y: Tensor) -> Tensor:
    """The problem's loss, or the usual one for its kind."""
    if problem.loss is not None:
        loss = problem.loss(found, y)
    elif arrays_of(problem).form == "numbers":
        loss = functional.mse_loss(found, y.to(found.dtype).reshape(found.shape))
    elif is_binary(problem, found):
        loss = functional.binary_cross_entropy_with_logits(
            found, y.to(found.dtype).reshape(found.shape)
        )
    else:
        loss = functional.cross_entropy(found, y)
    if not isinstance(loss, Tensor) or loss.ndim:
        raise CheckError(
            say(
                "the loss must be one number as a tensor, but it is {value}: take the mean "
                "over the batch.",
                value=(
                    say("a tensor of shape {shape}", shape=tuple(loss.shape))
                    if isinstance(loss, Tensor)
                    else repr(loss)
                ),
            )
        )
    return loss


def is_binary(problem: Problem, found: Tensor) -> bool:
    """Whether there is one yes or no for each target."""
    several = arrays_of(problem).form == "several"
    return several or found.ndim == 1 or (found.ndim == 2 and found.shape[1] == 1)


def mean_loss(problem: Problem, model: nn.Module, x: Inputs, y: Tensor) -> float:
    """Loss in the model's present mode, without gradients."""
    with torch.no_grad():
        return float(loss_of(problem, outputs(model, x), y))


def right(problem: Problem, model: nn.Module, x: Inputs, y: Tensor) -> float:
    """Share of right answers; for numbers R²."""
    with torch.no_grad():
        found = outputs(model, x)
    arrays = arrays_of(problem)
    if arrays.form == "numbers":
        y = y.to(found.dtype).reshape(found.shape)
        return float(1 - ((found - y) ** 2).mean() / max(float(y.var(0).mean()), 1e-12))
    if is_binary(problem, found):
        return float(((found > 0) == (y.reshape(found.shape) > 0.5)).float().mean())
    wanted = y.argmax(1) if arrays.one_hot else y
    return float((found.argmax(1) == wanted.reshape(found.argmax(1).shape)).float().mean())


def chance(problem: Problem) -> float:
    """Loss of the best constant answer, as the problem's own loss counts it for numbers."""
    arrays, loss = arrays_of(problem), problem.loss
    if arrays.form != "numbers" or loss is None or "mse" in name_of_loss(loss):
        return baselines_of(problem).loss
    y = tensors_of(problem).y_train
    return float(loss(y.float().mean(0, keepdim=True).expand_as(y), y))


def uninformed(problem: Problem) -> float:
    """Loss of a network that knows nothing, not even the classes' shares: log(classes)."""
    arrays = arrays_of(problem)
    if arrays.form == "numbers":
        return chance(problem)
    return math.log(arrays.classes or 2)


def gradient_norm(optimizer: torch.optim.Optimizer) -> float:
    """Norm of the gradient of all that the optimiser trains."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    found = [p.grad.norm() for p in weights if p.grad is not None]
    return float(torch.stack(found).norm()) if found else 0.0


def take(x: Inputs, rows: Any) -> Inputs:
    """Some samples, as copies: a model may write into what it is given."""
    if isinstance(rows, slice):
        return tuple(part[rows].clone() for part in x)
    return tuple(part[rows] for part in x)


def probe(problem: Problem, size: int = limit.PROBE) -> tuple[Inputs, Tensor]:
    """Some training samples, the same each time."""
    tensors = tensors_of(problem)
    n = len(tensors.y_train)
    rows = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:size]
    return take(tensors.x_train, rows), tensors.y_train[rows]


def balanced_batch(problem: Problem, size: int = limit.ONE_BATCH) -> tuple[Inputs, Tensor]:
    """A few training samples with the classes as even as possible."""
    arrays, tensors = arrays_of(problem), tensors_of(problem)
    chosen = np.random.default_rng(0)
    if arrays.form == "labels":
        order = chosen.permutation(len(arrays.labels_train))
        labels = arrays.labels_train[order]
        rank = np.empty(len(order), dtype=np.int64)  # how many of its class come before
        for c in np.unique(labels):
            rank[labels == c] = np.arange((labels == c).sum())
        rows = order[np.lexsort((labels, rank))][:size]
    else:
        rows = chosen.permutation(len(arrays.y_train))[:size]
    return take(tensors.x_train, torch.tensor(rows)), tensors.y_train[torch.tensor(rows)]


def step_of(problem: Problem) -> Step:
    """The problem's own training step, or the usual one; inputs are a tuple."""
    if problem.step is None:
        return _usual(problem)
    own = problem.step
    return lambda model, optimizer, x, y: own(model, optimizer, x if len(x) > 1 else x[0], y)


def _usual(problem: Problem) -> Step:
    def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Inputs, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(problem, outputs(model, x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def train_on(
    step: Step,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[tuple[Inputs, Tensor]],
    steps: int,
) -> Iterator[float]:
    """Take some steps; after each one its loss, NaN where the step returns none.

    Raises:
        Skipped: If it takes too long.
    """
    model.train()
    begin = time.monotonic()
    for taken, (x, y) in zip(range(steps), batches, strict=False):
        loss = step(model, optimizer, x, y)
        yield float(loss) if loss is not None else float("nan")
        if time.monotonic() - begin > RUN_S:
            raise Skipped(
                say("too slow: {taken} steps took {bound:g} s", taken=taken + 1, bound=RUN_S)
            )


def shuffled_batches(x: Inputs, y: Tensor, size: int) -> Iterator[tuple[Inputs, Tensor]]:
    """Batches in random order, epoch after epoch, without the short rest."""
    while True:
        order = torch.randperm(len(y))
        for begin in range(0, max(1, len(y) - size + 1), size):
            rows = order[begin : begin + size]
            yield take(x, rows), y[rows]


def same_batch(x: Inputs, y: Tensor) -> Iterator[tuple[Inputs, Tensor]]:
    while True:
        yield x, y
