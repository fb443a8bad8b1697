"""Cells of a network in NumPy, and how they are trained: for `annealed.py`.

A cell has four vectors; each but the first is the sum of what the edges from those before make of
them (Dong and Yang, NAS-Bench-201, 2020).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = Any

WIDTH = 20  # of every vector in a cell
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
OPERATIONS = ("none", "skip", "linear", "relu", "tanh")
DECAY = 1e-3  # of the weights
LONGEST = 5.0  # norm of a gradient
SLOWEST = 1e-3  # of the first rate, at the end


class Schedule(NamedTuple):
    """A learning rate that falls, and the momentum."""

    lr: float = 0.05
    rest: float = 0.1
    power: float | None = None  # None: a half wave of a cosine
    part: float = 1.0

    def at(self, done: float) -> float:
        """The rate when a share of the steps is done."""
        if self.power is None:
            return self.lr * 0.5 * (1.0 + math.cos(math.pi * done))
        left: float = (1.0 - min(done / self.part, 1.0)) ** self.power
        return self.lr * (SLOWEST + (1.0 - SLOWEST) * left)


class Cell:
    """Four vectors; each is the sum of what the edges from those before make of them."""

    def __init__(self, operations: Sequence[str], inputs: int, classes: int, rng: Any) -> None:
        def weights(rows: int, columns: int) -> Array:
            return (rng.normal(size=(rows, columns)) / rows**0.5).astype("f4")

        self.operations = operations
        self.weights = {"in": weights(inputs, WIDTH), "out": weights(WIDTH, classes)}
        self.weights |= {
            str(k): weights(WIDTH, WIDTH)
            for k, operation in enumerate(operations)
            if operation not in ("none", "skip")
        }

    def forward(self, x: Array) -> tuple[list[Array], dict[int, Array]]:
        """The four vectors, and what the edges gave."""
        nodes = [np.tanh(x @ self.weights["in"])]
        nodes += [np.zeros_like(nodes[0]) for _ in range(3)]
        given: dict[int, Array] = {}
        for k, (a, b) in self._edges():
            given[k] = self._along(k, nodes[a])
            nodes[b] = nodes[b] + given[k]
        return nodes, given

    def answers(self, x: Array) -> Array:
        """Scores of the classes."""
        return self.forward(x)[0][3] @ self.weights["out"]

    def gradients(self, x: Array, y: Array) -> dict[str, Array]:
        """Of the mean cross-entropy."""
        nodes, given = self.forward(x)
        scores = nodes[3] @ self.weights["out"]
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(len(y)), y] -= 1.0
        p /= len(y)
        found = {"out": nodes[3].T @ p}
        back = [np.zeros_like(nodes[0]) for _ in range(3)] + [p @ self.weights["out"].T]
        for k, (a, b) in reversed(list(self._edges())):
            d = self._back(k, given[k], back[b])
            if str(k) in self.weights:
                found[str(k)] = nodes[a].T @ d
                d = d @ self.weights[str(k)].T
            back[a] = back[a] + d
        found["in"] = x.T @ (back[0] * (1.0 - nodes[0] ** 2))
        return found

    def _edges(self) -> Iterator[tuple[int, tuple[int, int]]]:
        return ((k, e) for k, e in enumerate(EDGES) if self.operations[k] != "none")

    def _along(self, k: int, node: Array) -> Array:
        operation = self.operations[k]
        if operation == "skip":
            return node
        v = node @ self.weights[str(k)]
        return {"linear": v, "relu": np.maximum(v, 0.0), "tanh": np.tanh(v)}[operation]

    def _back(self, k: int, given: Array, d: Array) -> Array:
        """The gradient before an edge's activation."""
        operation = self.operations[k]
        if operation == "relu":
            return d * (given > 0)
        return d * (1.0 - given**2) if operation == "tanh" else d


def descend(
    cell: Cell, speed: dict[str, Array], x: Array, y: Array, schedule: Schedule, done: float
) -> None:
    """One step of SGD with momentum, its gradient clipped."""
    found = cell.gradients(x, y)
    norm = math.sqrt(sum(float((g * g).sum()) for g in found.values()))
    shrink = min(1.0, LONGEST / (norm + 1e-9)) if math.isfinite(norm) else 0.0
    rate, kept = np.float32(schedule.at(done)), np.float32(1.0 - schedule.rest)
    for name, g in found.items():
        w = cell.weights[name]
        speed[name] = kept * speed[name] + np.float32(shrink) * g + np.float32(DECAY) * w
        cell.weights[name] = w - rate * speed[name]
