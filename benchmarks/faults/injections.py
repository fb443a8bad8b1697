"""The catalogue of faults: what each does to a healthy training, and what its curves must say."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from faults.case import Case, Settings
from faults.data import Data, load

HEALTHY = "healthy"
OVERLAP = 1.5  # noise, in standard deviations of the inputs, that makes two classes overlap

BASE: dict[str, Settings] = {
    "digits-mlp": Settings(),
    "digits-deep": Settings(layers=4, lr=1e-3, dropout=0.05),
    "parity-mlp": Settings(width=32, lr=1e-3, dropout=0.2),
    "fewparity-mlp": Settings(width=32, batch_size=16, dropout=0.2),
    "digits-cnn": Settings(lr=3e-3, batch_size=64, epochs=25),
    "digits-gru": Settings(lr=3e-3, batch_size=64, epochs=25),
    "cancer-mlp": Settings(lr=1e-3, width=16, dropout=0.2),
    "wine-mlp": Settings(lr=2e-3, batch_size=16, dropout=0.2),
    "text-bag": Settings(lr=2e-3, dropout=0.3, width=32, epochs=25),
    "mixture-mlp": Settings(dropout=0.3, weight_decay=1e-4, epochs=20),
    "rings-mlp": Settings(layers=2, width=32, dropout=0.05, epochs=25),
}
"""Settings that train well on each part, found by hand."""


@dataclass(frozen=True)
class Fault:
    """One thing that is done wrong.

    Attributes:
        number: Its line in the specification's table of faults.
        inject: A healthy case → the same with the fault.
        expected: Codes of which the diagnosis must give one, the likeliest first.
        constructed: Whether it counts though the metric is as good as the healthy twin's: what
            is wrong is the metric itself.
        needs: ``""``, ``"scale"`` (inputs that are no token numbers) or a family.
    """

    number: int
    inject: Callable[[Case], Case]
    expected: tuple[str, ...]
    constructed: bool = False
    needs: str = ""

    def applies(self, part: str) -> bool:
        """Whether the fault exists on this part."""
        family = part.partition("-")[2]
        return self.needs in ("", family) or (self.needs == "scale" and family != "bag")


def build(fault: str, seed: int, part: str = "digits-mlp") -> Case:
    """A training with a fault of `FAULTS`, or ``"healthy"``.

    Raises:
        KeyError: If there is no such fault or part.
    """
    case = Case(part, fault, seed, load(part, seed), BASE[part])
    return case if fault == HEALTHY else FAULTS[fault].inject(case)


def _settings(**changed: Any) -> Callable[[Case], Case]:
    return lambda case: replace(case, settings=replace(case.settings, **changed))


def _lr(factor: float) -> Callable[[Case], Case]:
    return lambda case: _settings(lr=case.settings.lr * factor)(case)


def _data(change: Callable[[Data, torch.Generator], dict[str, Any]]) -> Callable[[Case], Case]:
    def inject(case: Case) -> Case:
        generator = torch.Generator().manual_seed(case.seed)
        return replace(case, data=replace(case.data, **change(case.data, generator)))

    return inject


def _permuted_labels(d: Data, g: torch.Generator) -> dict[str, Any]:
    return {"y_train": d.y_train[torch.randperm(len(d.y_train), generator=g)]}


def _noisy_labels(d: Data, g: torch.Generator) -> dict[str, Any]:
    wrong = torch.rand(len(d.y_train), generator=g) < 0.4
    other = torch.randint(d.classes, (len(d.y_train),), generator=g)
    return {"y_train": torch.where(wrong, other, d.y_train)}


def _validation_is_training(d: Data, g: torch.Generator) -> dict[str, Any]:
    some = torch.randperm(len(d.y_train), generator=g)[: len(d.y_val)]
    return {"x_val": d.x_train[some], "y_val": d.y_train[some]}


def _large_inputs(d: Data, _: torch.Generator) -> dict[str, Any]:
    return {"x_train": d.x_train * 1000, "x_val": d.x_val * 1000}


def _sorted(d: Data, _: torch.Generator) -> dict[str, Any]:
    order = torch.argsort(d.y_train, stable=True)
    return {"x_train": d.x_train[order], "y_train": d.y_train[order]}


def _imbalanced(d: Data, g: torch.Generator) -> dict[str, Any]:
    """Two overlapping classes, 99 to 1 in training and as they come in validation."""
    a, b = torch.bincount(d.y_train).argsort(descending=True, stable=True)[:2].tolist()
    many = torch.nonzero(d.y_train == a).flatten()
    few = torch.nonzero(d.y_train == b).flatten()[: max(1, round(len(many) / 99))]
    train, val = torch.cat([many, few]), (d.y_val == a) | (d.y_val == b)

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x + OVERLAP * torch.randn(x.shape, generator=g)

    return {
        "x_train": noisy(d.x_train[train]), "y_train": (d.y_train[train] == b).long(),
        "x_val": noisy(d.x_val[val]), "y_val": (d.y_val[val] == b).long(), "classes": 2,
    }  # fmt: skip


def _forty(d: Data, _: torch.Generator) -> dict[str, Any]:
    """40 training samples, the classes as even as can be."""
    rank = torch.zeros(len(d.y_train))
    for c in range(d.classes):
        own = torch.nonzero(d.y_train == c).flatten()
        rank[own] = torch.arange(len(own), dtype=torch.float32)
    kept = torch.argsort(rank, stable=True)[:40]
    return {"x_train": d.x_train[kept], "y_train": d.y_train[kept]}


def _twenty_to_validate(d: Data, _: torch.Generator) -> dict[str, Any]:
    return {"x_val": d.x_val[:20], "y_val": d.y_val[:20]}


def _long_rows(d: Data, _: torch.Generator) -> dict[str, Any]:
    """The same pixels as four times as many rows."""
    shape = (4 * d.x_train.shape[1], d.x_train.shape[2] // 4)
    return {"x_train": d.x_train.reshape(-1, *shape), "x_val": d.x_val.reshape(-1, *shape)}


def _both(*steps: Callable[[Case], Case]) -> Callable[[Case], Case]:
    def inject(case: Case) -> Case:
        for step in steps:
            case = step(case)
        return case

    return inject


def _fault(
    number: int, inject: Callable[[Case], Case], expected: str, *, constructed: bool = False,
    needs: str = "",
) -> Fault:  # fmt: skip
    return Fault(number, inject, tuple(expected.split()), constructed, needs)


_SMALL = _settings(batch_size=8, dropout=0.0, epochs=100)  # as many steps on fewer samples

FAULTS: dict[str, Fault] = {
    "lr × 100": _fault(1, _lr(100), "lr_too_high diverged"),
    "lr × 1000": _fault(2, _lr(1000), "lr_too_high diverged not_finite"),
    "sgd, lr 50": _fault(
        3, _settings(optimizer="sgd", lr=50.0), "diverged not_finite lr_too_high"
    ),
    "sgd with momentum, lr 0.9": _fault(
        4, _settings(optimizer="sgd", lr=0.9, momentum=0.9), "lr_too_high diverged not_finite"
    ),
    "lr ÷ 1000": _fault(5, _lr(1e-3), "lr_too_low"),
    "lr ÷ 50": _fault(6, _lr(0.02), "lr_too_low still_improving"),
    "6 epochs, lr ÷ 5": _fault(
        7, _both(_settings(epochs=6), _lr(0.2)), "still_improving lr_too_low"
    ),
    "labels permuted": _fault(8, _data(_permuted_labels), "val_at_chance not_learning"),
    "40 % label noise": _fault(9, _data(_noisy_labels), "train_handicapped overfit"),
    "validation labels shifted": _fault(
        10, _data(lambda d, _: {"y_val": (d.y_val + 1) % d.classes}), "val_at_chance"
    ),
    "validation is training data": _fault(11, _data(_validation_is_training), "good"),
    "inputs × 1000": _fault(12, _data(_large_inputs), "bad_scale", needs="scale"),
    "sorted, not shuffled": _fault(
        13, _both(_data(_sorted), _settings(shuffle=False)), "noisy_val late_spikes lr_too_high"
    ),
    "99:1 imbalance": _fault(14, _data(_imbalanced), "collapse", needs="scale"),
    "dropout 0.95": _fault(15, _settings(dropout=0.95), "train_handicapped underfit"),
    "L2 1.0 in Adam": _fault(16, _settings(weight_decay=1.0), "not_learning underfit"),
    "one hidden unit": _fault(17, _settings(width=1), "underfit"),
    "40 training samples": _fault(18, _both(_data(_forty), _SMALL), "overfit"),
    "zero weights": _fault(19, _settings(init="zero"), "not_learning"),
    "constant weights": _fault(20, _settings(init="constant"), "underfit"),
    "dead units": _fault(21, _settings(init="dead"), "not_learning"),
    "12 sigmoid layers": _fault(22, _settings(layers=12, activation="sigmoid"), "not_learning"),
    "weights of sd 3": _fault(23, _settings(init="large", layers=2), "bad_scale"),
    "no activations": _fault(24, _settings(activation="none"), ""),
    "softmax twice": _fault(25, _settings(softmax=True), "loss_metric_mismatch"),
    "no zero_grad": _fault(26, _settings(zero_grad=False), "lr_too_high late_spikes diverged"),
    "loss sign flipped": _fault(27, _settings(sign=-1.0), "diverged not_finite"),
    "body frozen": _fault(28, _settings(frozen=True), "underfit lr_too_low still_improving"),
    "validation in training mode": _fault(
        29,
        _settings(dropout=0.5, batch_norm=True, batch_size=8, val_in_train_mode=True),
        "val_handicapped noisy_val",
    ),
    "20 validation samples": _fault(30, _data(_twenty_to_validate), "noisy_val", constructed=True),
    "batch 2, lr × 8": _fault(
        31, _both(_settings(batch_size=2, epochs=12), _lr(8)), "lr_too_high noisy_val"
    ),
    "long rows, lr × 30": _fault(
        32, _both(_data(_long_rows), _lr(30)), "late_spikes diverged lr_too_high", needs="gru"
    ),
}
"""Name → fault; numbers and expected codes are those of the specification's table (F2).

Some need more than their name says to be faults on such small data: six epochs with a smaller
learning rate, large weights in two layers.
"""
