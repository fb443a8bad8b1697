"""Trials that train together give what each of them gives alone.

The full product: each family of networks is trained in one stack by all optimisers, each of them
with other values of everything that may differ within a stack.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.kit.conftest import images, mixed, sequences, table, texts
from tests.kit.fused.training import Double, alone, difference, lines, rows, together
from torch import Tensor, nn

from danlu.kit import Training
from danlu.kit.params import OPTIMIZERS

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("double")]

SAME = 1e-12  # of any metric in double precision, after more than 100 steps
EPOCHS = 17  # of the 20 that the learning rates are planned over
SMALL = {"units": 8, "layers": 1, "batch_size": 6, "filters": 3, "embedding_dim": 6}

ROWS: tuple[dict[str, Any], ...] = (
    {"optimizer": "sgd", "lr": 0.02, "momentum": 0.0, "dropout": 0.3, "weight_decay": 0.0},
    {"optimizer": "sgd", "lr": 0.01, "momentum": 0.5, "clip": 0.5, "schedule": "step"},
    {"optimizer": "sgd", "lr": 0.01, "nesterov": True, "dropout": 0.1, "l2": 0.5},
    {"optimizer": "adam", "lr": 0.003, "beta1": 0.8, "dropout": 0.5, "clip": 1.0, "l2": 0.2},
    {"optimizer": "adam", "lr": 0.002, "label_smoothing": 0.1, "warmup": 0.2, "l2": 0.1},
    {"optimizer": "adamw", "lr": 0.003, "beta2": 0.99, "dropout": 0.2, "schedule": "plateau"},
    {"optimizer": "nadam", "lr": 0.005, "l2": 0.01, "l2_convention": "decoupled", "clip": 0.2},
    {"optimizer": "rmsprop", "lr": 0.005, "alpha": 0.95, "dropout": 0.4, "class_weights": True},
    {"optimizer": "adadelta", "lr": 1.0, "rho": 0.8, "schedule": "linear", "label_smoothing": 0.2},
    {"optimizer": "adagrad", "lr": 0.02, "weight_decay": 0.01, "dropout": 0.1, "schedule": "none"},
)


def numbers() -> tuple[Any, Any]:
    x, _ = table()
    return x, x[:, 0] + np.sin(x[:, 1])


def gaps() -> Any:
    import pandas as pd

    return pd.DataFrame(mixed())


FAMILIES: Mapping[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "linear": (table, {"layers": 0}),
    "perceptron": (table, {"layers": 2}),
    "perceptron, large matrices": (table, {"layers": 2, "units": 48}),
    "perceptron, tanh": (table, {"layers": 3, "activation": "tanh"}),
    "perceptron, SiLU": (table, {"activation": "silu"}),
    "perceptron, GELU": (table, {"activation": "gelu"}),
    "perceptron, batch normalisation": (table, {"norm": "batch", "layers": 2}),
    "perceptron, layer normalisation": (table, {"norm": "layer"}),
    "regression": (numbers, {"layers": 2}),
    "embedded categories": (gaps, {"layers": 2}),
    "convolutions": (images, {"layers": 2}),
    "convolutions, batch normalisation": (images, {"norm": "batch"}),
    "convolutions, layer normalisation": (images, {"norm": "layer", "kernel": 5}),
    "GRU": (sequences, {"cell": "gru", "bidirectional": True}),
    "LSTM": (sequences, {"cell": "lstm", "layers": 2, "pooling": "last"}),
    "text": (texts, {"cell": "none"}),
    "text, GRU": (texts, {"cell": "gru", "pooling": "attention"}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_with_every_optimizer(tmp_path: Path, name: str) -> None:
    data, params = FAMILIES[name]
    compare(training_of(data()), tmp_path, [{**SMALL, **row, **params} for row in ROWS])


class Residual(nn.Module):
    """A network of a user's own, with parts that the kit's have not."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, 8)
        self.norm = nn.LayerNorm(8)
        self.second = nn.Linear(8, 8)
        self.bend, self.drop = nn.LeakyReLU(0.1), nn.Dropout(dropout)
        self.scale = nn.Parameter(torch.ones(8))
        self.last = nn.Linear(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        hidden = hidden + self.scale * self.drop(self.bend(self.second(self.norm(hidden))))
        out: Tensor = self.last(hidden)
        return out


def residual(params: Any, shape: Any) -> nn.Module:
    return Residual(shape.numeric, shape.outputs, params.get("dropout", 0.0))


def sigmoid(params: Any, shape: Any) -> nn.Module:
    middle = (nn.Sigmoid(), nn.Dropout(params.get("dropout", 0.0)))
    return nn.Sequential(nn.Linear(shape.numeric, 7), *middle, nn.Linear(7, shape.outputs))


class Both(nn.Module):
    """Recurrent layers of a kind that is left to torch's rules."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.both = nn.GRU(features, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.last = nn.Linear(8, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        out: Tensor = self.last(self.both(x)[0].sum(1) / lengths[:, None])
        return out


def both(params: Any, shape: Any) -> nn.Module:
    return Both(shape.features, shape.outputs)


@pytest.mark.parametrize(
    ("builder", "data"), [("residual", table), ("sigmoid", table), ("both", sequences)]
)
def test_networks_of_a_users_own(tmp_path: Path, builder: str, data: Callable[[], Any]) -> None:
    training = Training(data(), model=f"tests.kit.fused.test_equality:{builder}")
    compare(Double(training), tmp_path, [{**row, "batch_size": 6} for row in ROWS])


@pytest.mark.parametrize("rare", [{"oversample": 1.0}, {"balanced_batches": True}])
def test_rare_classes_repeated(tmp_path: Path, rare: dict[str, Any]) -> None:
    x, y = table()
    uneven = np.flatnonzero((y > 0) | (np.arange(len(y)) % 4 == 0))
    configs = [{**SMALL, **row, **rare, "class_weights": False} for row in ROWS[:4]]
    compare(training_of((x[uneven], y[uneven])), tmp_path, configs)


def training_of(data: Any) -> Double:
    own = {"min_freq": 1} if isinstance(data, tuple) else {"target": "label"}
    return Double(Training(data, **own))


def compare(trains: Double, folder: Path, configs: list[dict[str, Any]]) -> None:
    of = rows(trains, folder, configs, EPOCHS)
    assert EPOCHS * -(-len(of[0].setup.part.y) // SMALL["batch_size"]) >= 100
    together(of, EPOCHS)
    for row, config in zip(of, configs, strict=True):
        single = alone(trains, folder, config, row.trial.seed, EPOCHS)
        assert difference(lines(row), single) < SAME, config


def test_every_optimizer_of_the_kit_is_among_the_rows() -> None:
    assert {row["optimizer"] for row in ROWS} == set(OPTIMIZERS)
