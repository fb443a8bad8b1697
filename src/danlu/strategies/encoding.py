"""Configs as points of the unit cube and as rows that a kernel can compare.

Notation
    d    free parameters (constants are left out), p columns of encoded configs
    W    points of the unit cube, (n, d): what candidates are drawn and moved in
    U    the same, snapped: integers and choices at the centre of their cells, inactive
         parameters at ½
    X    rows for the kernel, (n, p): U for numbers and ordered choices; for other choices one
         column per value, 1/√2 where it holds, so that two different values are at distance one
         and an inactive choice is a zero vector
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from danlu.core.parameter import Choice, Float, Int, Parameter, Value, same
from danlu.core.space import Space
from danlu.strategies.experts import Expectation, expectations, unit_spread
from danlu.surrogates.linalg import Array, Bools, Ints

DEFAULT_MASS = 0.6  # probability of an unordered choice's default under the expert prior
LEAST_SPREAD = 0.05  # of the range
LEAST_SPREAD_WHOLE = 0.2  # of the range, for whole numbers on a linear scale
JUST_BELOW_ONE = 1.0 - 1e-9


@dataclass(frozen=True)
class Axis:
    """One free parameter on the unit interval.

    Attributes:
        low: Lower end on the parameter's own scale (cells included).
        high: Upper end.
        scale: ``"linear"``, ``"log"`` or ``"one minus"``: −ln(1 − x).
        kind: ``"number"``, ``"ordered"`` (choices that grow) or ``"choice"``.
        cells: Number of different values, 0 for real numbers.
        centre: Where good values are expected, None if nothing is known.
        spread: How far from there.
        ell: Relative lengthscale.
    """

    name: str
    parameter: Parameter
    kind: str
    scale: str
    low: float
    high: float
    cells: int
    centre: float | None
    spread: float
    ell: float

    def to_unit(self, values: Sequence[Value]) -> Array:
        """Positions of values of the parameter, (n,)."""
        if isinstance(self.parameter, Choice):
            places = {(v.__class__ is bool, v): i for i, v in enumerate(self.parameter.values)}
            found = [places[v.__class__ is bool, v] for v in values]
            return (np.array(found, float) + 0.5) / self.cells
        return self._position(np.array(values, float))

    def from_unit(self, w: Array) -> Array:
        """Values at positions (of a choice: their indices), (n,)."""
        if isinstance(self.parameter, Choice):
            return np.minimum(np.floor(w * self.cells), self.cells - 1)
        x = self.low + w * (self.high - self.low)
        if self.scale != "linear":
            x = np.exp(x) if self.scale == "log" else -np.expm1(-x)
        if isinstance(self.parameter, Int):
            x = np.rint(x)
        return np.asarray(np.clip(x, self.parameter.low, self.parameter.high))

    def snap(self, w: Array, values: Array) -> Array:
        """Positions of the cells' centres."""
        if self.kind != "number":
            return (values + 0.5) / self.cells
        return self._position(values) if self.cells else w

    def value(self, number: float) -> Value:
        """The parameter's value for a number that `from_unit` gave."""
        if isinstance(self.parameter, Choice):
            return self.parameter.values[int(number)]
        if isinstance(self.parameter, Float):
            # As a person reads it; in digits, for experts' scales may not be the parameter's.
            short = float(f"{number:.6g}")
            return min(self.parameter.high, max(self.parameter.low, short))
        return self.parameter.clean(number)

    def prior_draw(self, u: Array) -> Array:
        """Uniform draws pushed through the inverse of the expected distribution."""
        if self.centre is None:
            return u
        if self.kind == "choice":
            other = (u - DEFAULT_MASS) / (1.0 - DEFAULT_MASS)
            return np.where(u < DEFAULT_MASS, self.centre, other * JUST_BELOW_ONE)
        lo, hi = ndtr(-self.centre / self.spread), ndtr((1.0 - self.centre) / self.spread)
        w = self.centre + self.spread * ndtri(lo + u * (hi - lo))
        return np.asarray(np.clip(w, 0.0, JUST_BELOW_ONE))

    def log_prior(self, w: Array) -> Array:
        """Logarithm of the expected density at positions, up to a constant, (n,)."""
        if self.centre is None:
            return np.zeros(len(w))
        if self.kind == "choice":
            here = np.floor(w * self.cells) == math.floor(self.centre * self.cells)
            other = (1.0 - DEFAULT_MASS) / max(self.cells - 1, 1)
            return np.where(here, math.log(DEFAULT_MASS), math.log(other))
        return np.asarray(-0.5 * ((w - self.centre) / self.spread) ** 2)

    def _position(self, x: Array) -> Array:
        x = _on_scale(self.scale, x)
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)


def _on_scale(scale: str, x: Any) -> Any:
    return np.log(x) if scale == "log" else -np.log1p(-x) if scale == "one minus" else x


def _ordered(p: Choice) -> bool:
    """Whether the choices are numbers that grow, such as 16, 32, 64."""
    numbers = [v for v in p.values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == len(p.values) > 2 and numbers == sorted(numbers)


def _axis(name: str, p: Parameter, expected: Expectation) -> Axis:
    if isinstance(p, Choice):
        n = len(p.values)
        kind = "ordered" if _ordered(p) else "choice"
        centre = None if expected.default is None else (p.index(expected.default) + 0.5) / n
        return Axis(name, p, kind, "linear", 0.0, 1.0, n, centre, 0.25, expected.ell)
    half = 0.5 if isinstance(p, Int) else 0.0
    low, high = (float(_on_scale(expected.scale, v)) for v in (p.low - half, p.high + half))
    cells = 0 if isinstance(p, Float) else p.high - p.low + 1
    spread = max(unit_spread(expected, high - low), LEAST_SPREAD)
    if cells and expected.scale == "linear":
        spread = max(spread, LEAST_SPREAD_WHOLE)
    axis = Axis(name, p, "number", expected.scale, low, high, cells, None, spread, expected.ell)
    if expected.default is None:
        return axis
    centre = float(axis.to_unit([expected.default])[0])
    if expected.usual is not None:  # where the user and experts differ, neither is sure
        spread = max(spread, abs(float(axis.to_unit([expected.usual])[0]) - centre))
    return replace(axis, centre=centre, spread=spread)


@dataclass(frozen=True)
class Encoding:
    """The free parameters of a space as axes, with their conditions."""

    space: Space
    axes: tuple[Axis, ...]
    conditions: tuple[tuple[tuple[int, tuple[float, ...]], ...], ...]  # per axis: parent, values

    @cached_property
    def group(self) -> Ints:
        """The axis that each column belongs to, (p,)."""
        widths = [a.cells if a.kind == "choice" else 1 for a in self.axes]
        return np.repeat(np.arange(len(self.axes)), widths)

    @cached_property
    def ell(self) -> Array:
        """Relative lengthscales, (d,)."""
        return np.array([a.ell for a in self.axes])

    @cached_property
    def cell(self) -> Array:
        """Width of each axis' cells, 0 for real numbers, (d,)."""
        return np.array([1.0 / a.cells if a.cells else 0.0 for a in self.axes])

    @cached_property
    def unordered(self) -> Bools:
        return np.array([a.kind == "choice" for a in self.axes])

    @cached_property
    def informed(self) -> bool:
        """Whether anything is expected of any parameter."""
        return any(a.centre is not None for a in self.axes)

    @property
    def size(self) -> float:
        """How many different configs there can be at most."""
        return math.prod(a.cells or math.inf for a in self.axes)

    def default(self) -> Array:
        """The point to try first: what is expected, else the middle (or the first choice).

        Parameters that have the same choices, of which nothing is known, take them in turn, as the
        operations of a cell: the first choice everywhere would be a corner of the space.
        """
        turns = Counter[tuple[Value, ...]]()
        w = np.full(len(self.axes), 0.5)
        for j, a in enumerate(self.axes):
            if a.centre is not None:
                w[j] = a.centre
            elif isinstance(a.parameter, Choice) and a.kind == "choice":
                w[j] = (turns[a.parameter.values] % a.cells + 0.5) / a.cells
                turns[a.parameter.values] += 1
        return w

    def prior_draw(self, U: Array) -> Array:
        """Uniform points as draws from the expected distribution, (n, d) -> (n, d)."""
        return np.stack([a.prior_draw(U[:, j]) for j, a in enumerate(self.axes)], 1)

    def log_prior(self, W: Array) -> Array:
        """Logarithm of the expected density at points, up to a constant, (n, d) -> (n,)."""
        return np.asarray(np.sum([a.log_prior(W[:, j]) for j, a in enumerate(self.axes)], 0))

    def snap(self, W: Array) -> tuple[Array, Array]:
        """Points as what they mean: U and X, (n, d) -> (n, d), (n, p)."""
        values = [a.from_unit(W[:, j]) for j, a in enumerate(self.axes)]
        active = self._active(values, len(W))
        U = np.stack(
            [
                np.where(on, a.snap(W[:, j], v), 0.5)
                for j, (a, v, on) in enumerate(zip(self.axes, values, active, strict=True))
            ],
            1,
        )
        blocks = [
            _one_hot(v, a.cells) * on[:, None] if a.kind == "choice" else U[:, j : j + 1]
            for j, (a, v, on) in enumerate(zip(self.axes, values, active, strict=True))
        ]
        return U, np.concatenate(blocks, 1)

    def _active(self, values: list[Array], n: int) -> list[Bools]:
        active: list[Bools] = []
        for wanted in self.conditions:
            on = np.ones(n, bool)
            for parent, allowed in wanted:
                on &= np.isin(values[parent], allowed)
                if parent < len(active):  # an axis that can never be active names itself
                    on &= active[parent]
            active.append(on)
        return active

    def config(self, w: Array) -> dict[str, Value]:
        """The config at one point, (d,)."""
        free = {
            a.name: a.value(float(a.from_unit(w[j : j + 1])[0])) for j, a in enumerate(self.axes)
        }
        constant = {n: p.middle() for n, p in self.space.parameters.items() if p.constant}
        return self.space.pruned({**constant, **free})

    def place(self, configs: Sequence[Mapping[str, Value]]) -> Array:
        """Points of configs, (n, d); what a config does not hold is at ½."""
        W = np.full((len(configs), len(self.axes)), 0.5)
        for j, a in enumerate(self.axes):
            known = [i for i, c in enumerate(configs) if a.name in c]
            if known:
                W[known, j] = a.to_unit([configs[i][a.name] for i in known])
        return np.asarray(np.minimum(W, JUST_BELOW_ONE))


def _one_hot(values: Array, cells: int) -> Array:
    return np.asarray((values[:, None] == np.arange(cells)) / math.sqrt(2.0))


def encode(space: Space) -> Encoding:
    """The encoding of a space, with the experts' expectations."""
    expected = expectations(space)
    axes = tuple(_axis(name, space[name], expected[name]) for name in space.free)
    place = {a.name: j for j, a in enumerate(axes)}
    return Encoding(space, axes, tuple(_conditions(space, a, axes, place) for a in axes))


def usual_config(space: Space) -> dict[str, Value]:
    """The config to begin with: the defaults given, and what experts would try where none is."""
    encoding = encode(space)
    usual = encoding.config(encoding.default())
    # A default that is given is taken to its last digit.
    return {n: v if (p := space[n]).default is None else p.middle() for n, v in usual.items()}


def _conditions(
    space: Space, axis: Axis, axes: Sequence[Axis], place: Mapping[str, int]
) -> tuple[tuple[int, tuple[float, ...]], ...]:
    """Parents of an axis, each with the numbers (indices, for choices) under which it is active.

    A constant parent either always holds, and is left out, or never does.
    """
    found: list[tuple[int, tuple[float, ...]]] = []
    for parent, allowed in axis.parameter.when.items():
        if parent in place:
            found.append((place[parent], tuple(_numbers(axes[place[parent]], allowed))))
        elif not any(same(space[parent].middle(), v) for v in allowed):
            found.append((place[axis.name], ()))
    return tuple(found)


def _numbers(axis: Axis, allowed: Iterable[Value]) -> Iterable[float]:
    p = axis.parameter
    return (float(p.index(v) if isinstance(p, Choice) else v) for v in allowed)  # type: ignore[arg-type]
