"""Trials that train together give what each of them gives alone."""

from pathlib import Path
from typing import Any

import pytest
from tests.kit.conftest import DATA
from tests.kit.fused.training import EPOCHS, Double, alone, difference, lines, rows, together

from danlu.kit import Training
from danlu.kit.params import OPTIMIZERS

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("double")]

SAME = 1e-12  # of any metric in double precision, after more than 100 steps
SMALL = {"units": 8, "layers": 1, "batch_size": 8}

# Everything that may differ within a stack, differing.
VARIANTS: tuple[dict[str, Any], ...] = (
    {"lr": 0.003, "dropout": 0.3, "clip": 0.5, "label_smoothing": 0.1, "schedule": "cosine"},
    {"lr": 0.01, "dropout": 0.0, "weight_decay": 0.01, "schedule": "plateau", "beta1": 0.8},
    {"lr": 0.02, "dropout": 0.5, "l2": 0.5, "schedule": "step", "beta2": 0.99, "warmup": 0.2},
    {"lr": 0.005, "dropout": 0.1, "l2": 0.01, "l2_convention": "decoupled", "class_weights": True},
)
OF: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.5, "nesterov": True},
    "adadelta": {"rho": 0.8, "lr": 1.0},
    "rmsprop": {"alpha": 0.95},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(tmp_path: Path, optimizer: str) -> None:
    trains = Double(Training(DATA["mlp"]()))
    plain = {**SMALL, "optimizer": optimizer}
    configs = [
        {**plain, **v, **(OF.get(optimizer, {}) if i else {})} for i, v in enumerate(VARIANTS)
    ]
    compare(trains, tmp_path, configs)


# Adam and its like divide by |gradient| + eps: where a gradient is all but zero, as of a bias
# before batch normalisation, they make the rounding of 1e-17 into 1e-11 unless eps is large.
LEVEL = {"eps": 1e-3}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "perceptron with batch normalisation": ("mlp", {"norm": "batch", "layers": 2, **LEVEL}),
    "perceptron with layer normalisation": ("mlp", {"norm": "layer", "activation": "gelu"}),
    "convolutions": ("cnn", {"filters": 3, "layers": 2, **LEVEL}),
    "convolutions with batch normalisation": ("cnn", {"filters": 3, "norm": "batch", **LEVEL}),
    "GRU": ("rnn", {"cell": "gru", "bidirectional": True}),
    "LSTM": ("rnn", {"cell": "lstm", "layers": 2, "pooling": "last"}),
    "text": ("text", {"embedding_dim": 6, "cell": "none"}),
    "text with a GRU": ("text", {"embedding_dim": 6, "cell": "gru", "pooling": "attention"}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_with_all_optimizers_in_one_stack(tmp_path: Path, name: str) -> None:
    family, params = FAMILIES[name]
    trains = Double(Training(DATA[family](), min_freq=1))
    kinds = ("adam", "sgd", "nadam", "rmsprop")
    configs = [
        {**SMALL, **v, **params, "optimizer": kind}
        for v, kind in zip(VARIANTS, kinds, strict=True)
    ]
    compare(trains, tmp_path, configs)


def compare(trains: Double, folder: Path, configs: list[dict[str, Any]]) -> None:
    of = rows(trains, folder, configs)
    steps = EPOCHS * -(-len(of[0].setup.part.y) // SMALL["batch_size"])
    together(of)
    for row, config in zip(of, configs, strict=True):
        single = alone(trains, folder, config, row.trial.seed)
        assert difference(lines(row), single) < SAME, config
    assert steps >= 100 or len(of[0].setup.part.y) < 40
