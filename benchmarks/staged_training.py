"""Real trainings for `staging.py` and `shares.py`: small networks on data that scikit-learn ships.

Each is made hard enough to need tuning: digits with noisy pixels and a tenth of the training
labels wrong, breast cancer with few training samples. Reported are the losses and accuracies of
training (in evaluation mode) and validation at every epoch; the objective is the validation loss.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 (after the threads are set)
import torch  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_digits  # noqa: E402
from torch import nn  # noqa: E402

from danlu.core.parameter import Choice, Float, Int  # noqa: E402
from danlu.core.space import Space  # noqa: E402

TEST_SEEDS = range(9000, 9003)
Parts = tuple[torch.Tensor, torch.Tensor]

torch.set_num_threads(1)

SPACE = Space(
    optimizer=Choice("sgd", "adamw", default="adamw"),
    lr=Float(1e-5, 1.0, log=True, default=1e-3),
    momentum=Float(0.0, 0.99, default=0.9, when={"optimizer": ("sgd",)}),
    weight_decay=Float(1e-6, 1.0, log=True, default=1e-3),
    batch_size=Int(32, 256, log=True, default=64),
    layers=Int(1, 3, default=1),
    units=Int(8, 128, log=True, default=64),
    dropout=Float(0.0, 0.8, default=0.2),
)

MISPLACED = SPACE.replaced(
    {
        "lr": Float(1e-5, 1e-3, log=True, default=1e-4),
        "weight_decay": Float(1e-2, 1.0, log=True, default=1e-1),
        "layers": Int(1, 3, default=2),
        "units": Int(4, 16, log=True, default=8),
        "dropout": Float(0.3, 0.8, default=0.5),
    }
)
"""Ranges as somebody writes them who does not know the task: far too small and regularised."""


@dataclass(frozen=True)
class Real:
    """One task: its data in three parts, and how a network is trained on it."""

    make: Callable[[], tuple[Parts, Parts, Parts]]
    epochs: int
    space: Space = field(default=SPACE)

    def training(
        self, config: Mapping[str, Any], seed: int, share: float = 1.0
    ) -> Iterator[dict[str, float]]:
        """The metrics of each epoch, trained on a share of the training data."""
        train, val, _ = self.make()
        part = shared(train, share)
        for net in self._epochs(config, seed, part):
            yield {**_judged(net, part, "train"), **_judged(net, val, "")}

    def tested(self, config: Mapping[str, Any]) -> float:
        """The test loss at the epoch of the best validation loss, averaged over fresh seeds."""
        train, val, test = self.make()
        losses = []
        for seed in TEST_SEEDS:
            best = (float("inf"), float("inf"))
            for net in self._epochs(config, seed, train):
                pair = (_judged(net, val, "")["loss"], _judged(net, test, "")["loss"])
                best = min(best, pair)
            losses.append(best[1])
        return float(np.mean(losses))

    def _epochs(self, config: Mapping[str, Any], seed: int, part: Parts) -> Iterator[nn.Module]:
        """The network after each epoch on a part of the training data."""
        torch.manual_seed(seed)
        X, y = part
        net = network(config, X.shape[1], int(self.make()[0][1].max()) + 1)
        steps = optimiser(config, net)
        loss_of = nn.CrossEntropyLoss()
        for _ in range(self.epochs):
            net.train()
            for rows in torch.randperm(len(X)).split(int(config["batch_size"])):
                steps.zero_grad()
                loss_of(net(X[rows]), y[rows]).backward()
                steps.step()
            net.eval()
            after = torch.get_rng_state()
            yield net
            torch.set_rng_state(after)  # others may have been trained meanwhile


class Course:
    """One training, as far as anybody asked for it: studies that agree so far share it."""

    def __init__(self, reports: Iterator[dict[str, float]]) -> None:
        self._coming = reports
        self._known: list[dict[str, float]] = []

    def at(self, epoch: int) -> Mapping[str, float]:
        """The metrics of an epoch, counted from 1."""
        while len(self._known) < epoch:
            self._known.append(next(self._coming))
        return self._known[epoch - 1]


@lru_cache(maxsize=2000)
def course(task: str, config: frozenset[tuple[str, Any]], seed: int) -> Course:
    """The training of a config with a seed."""
    return Course(TASKS[task].training(dict(config), seed))


@lru_cache(maxsize=2000)
def tested(task: str, config: frozenset[tuple[str, Any]]) -> float:
    """`Real.tested` of a config."""
    return TASKS[task].tested(dict(config))


def shared(part: Parts, share: float) -> Parts:
    """The first rows, which a larger share holds, too; 32 at least."""
    X, y = part
    n = max(32, round(share * len(X)))
    return X[:n], y[:n]


def network(config: Mapping[str, Any], inputs: int, classes: int) -> nn.Module:
    parts: list[nn.Module] = []
    for _ in range(int(config["layers"])):
        parts += [
            nn.Linear(inputs, int(config["units"])),
            nn.ReLU(),
            nn.Dropout(config["dropout"]),
        ]
        inputs = int(config["units"])
    return nn.Sequential(*parts, nn.Linear(inputs, classes))


def optimiser(config: Mapping[str, Any], net: nn.Module) -> torch.optim.Optimizer:
    lr, decay = float(config["lr"]), float(config["weight_decay"])
    if config["optimizer"] == "sgd":
        momentum = float(config["momentum"])
        return torch.optim.SGD(net.parameters(), lr, momentum, weight_decay=decay)
    return torch.optim.AdamW(net.parameters(), lr, weight_decay=decay)


@torch.no_grad()
def _judged(net: nn.Module, part: Parts, name: str) -> dict[str, float]:
    X, y = part
    out = net(X)
    loss = float(nn.functional.cross_entropy(out, y))
    right = float((out.argmax(1) == y).float().mean())
    if name:
        return {f"{name}_loss": loss, f"{name}_accuracy": right}
    return {"loss": loss, "val_loss": loss, "val_accuracy": right}


@cache
def digits() -> tuple[Parts, Parts, Parts]:
    rng = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    X = X / 16 + rng.normal(0.0, 0.3, X.shape)
    rows = rng.permutation(len(X))
    train, val, test = rows[:300], rows[300:700], rows[700:]
    wrong = rng.choice(train, len(train) // 10, replace=False)
    noisy = y.copy()
    noisy[wrong] = rng.integers(0, 10, len(wrong))
    return part_of(X, noisy, train), part_of(X, y, val), part_of(X, y, test)


@cache
def breast_cancer() -> tuple[Parts, Parts, Parts]:
    rng = np.random.default_rng(0)
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0) + rng.normal(0.0, 1.0, X.shape)
    rows = rng.permutation(len(X))
    return part_of(X, y, rows[:150]), part_of(X, y, rows[150:350]), part_of(X, y, rows[350:])


def part_of(X: Any, y: Any, rows: Any) -> Parts:
    return torch.tensor(X[rows], dtype=torch.float32), torch.tensor(y[rows], dtype=torch.long)


TASKS: Mapping[str, Real] = {
    "digits": Real(digits, 20),
    "breast-cancer": Real(breast_cancer, 30),
    "digits-misplaced": Real(digits, 20, MISPLACED),
    "breast-cancer-misplaced": Real(breast_cancer, 30, MISPLACED),
}
