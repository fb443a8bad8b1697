"""Small problems: a healthy one, and ways to spoil it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from danlu.core.finding import Finding
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Check, Skipped
from danlu.preflight.problem import Data, Problem

CLASSES, COLUMNS = 4, 8


@cache
def blobs() -> dict[str, Any]:
    """Four clouds of points in eight dimensions, standardised."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, COLUMNS)) * 1.2

    def draw(n: int) -> tuple[Array, Array]:
        y = rng.permutation(np.arange(n) % CLASSES)
        return (centres[y] + rng.normal(size=(n, COLUMNS))).astype(np.float32) / 1.5, y

    (x_train, y_train), (x_val, y_val) = draw(400), draw(120)
    return {"x_train": x_train, "y_train": y_train, "x_val": x_val, "y_val": y_val}


def data(**changed: Any) -> Data:
    return Data(**{**blobs(), **changed})


def network(params: Mapping[str, Any]) -> nn.Module:
    units = int(params.get("units", 32))
    return nn.Sequential(
        nn.Linear(COLUMNS, units), nn.ReLU(), nn.Dropout(float(params.get("dropout", 0.1))),
        nn.Linear(units, CLASSES),
    )  # fmt: skip


HEALTHY = Problem(data=data(), build=network, params={"lr": 3e-3, "batch_size": 32})


def problem(*, build: Any = None, **changed: Any) -> Problem:
    """The healthy problem with other arrays, or with other fields of `Problem`."""
    names = {"loss", "optimizer", "step", "evaluate", "kind"}
    fields = {name: changed.pop(name) for name in names & changed.keys()}
    if "params" in changed:
        fields["params"] = {**HEALTHY.params, **changed.pop("params")}
    if build is not None:
        fields["build"] = build
    return replace(HEALTHY, data=data(**changed), **fields)


def spoiled(spoil: Any) -> Any:
    """A builder whose network is changed after it is made."""

    def build(params: Mapping[str, Any]) -> nn.Module:
        model = network(params)
        with torch.no_grad():
            spoil(model)
        return model

    return build


def found(check: Check, of: Problem) -> list[Finding]:
    """What a check finds, or nothing if it has nothing to look at."""
    try:
        return list(check(of))
    except Skipped:
        return []


def severities(check: Check, of: Problem) -> set[str]:
    """Of what is wrong; empty if all is well."""
    return {f.severity for f in found(check, of) if f.message != f.evidence["measured"]}


class Softmaxed(nn.Module):
    """A network that ends in a softmax."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__()
        self.body = network(params)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.body(x), 1)
