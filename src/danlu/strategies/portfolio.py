"""A few configs that together did well on many other tasks: tried right after the default.

One of them usually suits a new task, which a default alone cannot promise. They are told by the
roles of their parameters, so that they hold for any space that has these roles, and were learned
from public trainings (``benchmarks/learn.py``).

Source: Feurer et al., Auto-sklearn 2.0: Hands-free AutoML via Meta-Learning, 2022, algorithm 1:
the greedy choice of configs whose best suits each task.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from danlu.catalogue.roles import role_of
from danlu.core.parameter import Choice, Int, Value
from danlu.strategies.encoding import Axis, Encoding
from danlu.surrogates.linalg import Array

LEAST_USED = 0.7  # of the values of an entry that a space must be able to take


@dataclass(frozen=True)
class Entry:
    """A config by roles.

    Attributes:
        needs: Roles without which it says nothing: they tell the kind of training.
        values: Role → value.
        kind: Role → value that it must have where the space has that role.
    """

    needs: frozenset[str]
    values: Mapping[str, Value]
    kind: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> "Entry":
        """An entry as JSON has it."""
        return cls(frozenset(table["needs"]), table["values"], table["kind"])


@cache
def learned() -> tuple[Entry, ...]:
    """The entries of ``learned.json``, best first."""
    text = files("danlu.surrogates").joinpath("learned.json").read_text(encoding="utf-8")
    return tuple(Entry.read(table) for table in json.loads(text)["portfolio"])


def portfolio(encoding: Encoding, entries: Sequence[Entry] | None = None) -> Array:
    """Points of the entries that hold for a space, (k, d); what they do not tell is the default.

    Args:
        encoding: The space.
        entries: What is known; the learned entries if not given.
    """
    roles = [role_of(a.name, a.parameter) for a in encoding.axes]
    known = [e for e in (learned() if entries is None else entries) if e.needs <= set(roles)]
    points = [w for e in known if (w := _point(encoding, roles, e)) is not None]
    return np.array(points).reshape(-1, len(encoding.axes))


def _point(encoding: Encoding, roles: Sequence[str | None], entry: Entry) -> Array | None:
    """The point of an entry; None if the space can take too few of its values, or not its kind."""
    w, used = encoding.default(), set()
    values = {**entry.values, **entry.kind}
    for j, (axis, role) in enumerate(zip(encoding.axes, roles, strict=True)):
        place = None if role is None else _place(axis, values.get(role))
        if place is not None:
            w[j] = place
            used.add(role)
        elif role in entry.kind:
            return None
    return w if len(used & entry.values.keys()) >= LEAST_USED * len(entry.values) else None


def _place(axis: Axis, value: Value) -> float | None:
    """Where a value lies on an axis; None where the axis does not hold it.

    A range that excludes the value, or whole numbers where it is a fraction, mean that the
    parameter is counted in other units.
    """
    p = axis.parameter
    if isinstance(p, Choice):
        return _place_of_choice(axis, value)
    if not isinstance(value, int | float) or not p.low <= value <= p.high:
        return None
    if isinstance(p, Int) and value < 1:
        return None
    return float(axis.to_unit([value])[0])


def _place_of_choice(axis: Axis, value: Value) -> float | None:
    """The choice of this name, or of a growing list the nearest number."""
    assert isinstance(axis.parameter, Choice)
    values = axis.parameter.values
    if axis.kind == "ordered" and isinstance(value, int | float):
        numbers = [float(v) for v in values]  # type: ignore[arg-type]
        if numbers[0] <= value <= numbers[-1]:
            nearest = int(np.argmin([abs(n - value) for n in numbers]))
            return (nearest + 0.5) / axis.cells
    for i, v in enumerate(values):
        if isinstance(v, str) and v.lower() == value:
            return (i + 0.5) / axis.cells
    return None
