"""Dominance between points of losses (lower is better), one loss for each objective."""

from collections.abc import Sequence
from typing import TypeAlias

Losses: TypeAlias = tuple[float, ...]


def dominates(a: Losses, b: Losses) -> bool:
    """Whether ``a`` is no worse than ``b`` in any loss and better in one."""
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def non_dominated(points: Sequence[Losses]) -> list[int]:
    """Indices of the points that no other one dominates, by ascending losses.

    Of equal points the first one stands for all.
    """
    front: list[int] = []
    # In this order a point can be dominated only by one before it.
    for i in sorted(range(len(points)), key=lambda i: (points[i], i)):
        if not any(points[k] == points[i] or dominates(points[k], points[i]) for k in front):
            front.append(i)
    return front
