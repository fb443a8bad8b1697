"""Optuna's search spaces and parameters in danlu's words, and back."""

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.space import NAME, Config, Space
from danlu.errors import SpaceError


class Translation:
    """Between an Optuna search space and a danlu space.

    A parameter keeps its name where danlu can take it, because the name tells its role. A range
    with a step becomes a count of steps; choices that danlu has no values for go by their place.
    """

    def __init__(self, search_space: Mapping[str, BaseDistribution]) -> None:
        self._distributions = dict(search_space)
        self._names = {name: _name(name, i) for i, name in enumerate(search_space)}
        self.space = Space({self._names[n]: parameter(d) for n, d in search_space.items()})

    def config(self, params: Mapping[str, Any]) -> Config | None:
        """Optuna's parameters as a config; None if one is missing or out of its range."""
        config: dict[str, Value] = {}
        for name, d in self._distributions.items():
            if name not in params or not _contains(d, params[name]):
                return None
            config[self._names[name]] = _told(d, self.space[self._names[name]], params[name])
        return config

    def params(self, config: Config) -> dict[str, Any]:
        """A config as Optuna's parameters."""
        return {
            name: _meant(d, self.space[self._names[name]], config[self._names[name]])
            for name, d in self._distributions.items()
        }


def _name(name: str, place: int) -> str:
    return name if NAME.fullmatch(name) else f"_{place}_"


def parameter(d: BaseDistribution) -> Parameter:
    """The danlu parameter of an Optuna distribution."""
    if isinstance(d, CategoricalDistribution):
        try:
            return Choice(*d.choices)
        except SpaceError:
            return Choice(*(str(place) for place in range(len(d.choices))))
    assert isinstance(d, FloatDistribution | IntDistribution)
    if stepped(d):
        return Int(0, steps(d))
    if isinstance(d, FloatDistribution):
        return Float(d.low, d.high, log=d.log)
    return Int(d.low, d.high, log=d.log)


def stepped(d: FloatDistribution | IntDistribution) -> bool:
    """Whether the range has a step of its own, not just that of whole numbers."""
    return d.step is not None and not (isinstance(d, IntDistribution) and d.step == 1)


def steps(d: FloatDistribution | IntDistribution) -> int:
    """How many steps lie between the ends of the range."""
    assert d.step is not None
    return round((d.high - d.low) / d.step)


def _contains(d: BaseDistribution, value: Any) -> bool:
    if isinstance(d, CategoricalDistribution):
        return any(_same(value, choice) for choice in d.choices)
    assert isinstance(d, FloatDistribution | IntDistribution)
    return isinstance(value, int | float) and d.low <= value <= d.high


def _told(d: BaseDistribution, p: Parameter, value: Any) -> Value:
    if isinstance(d, CategoricalDistribution):
        assert isinstance(p, Choice)
        place = next(i for i, choice in enumerate(d.choices) if _same(value, choice))
        return p.values[place]
    assert isinstance(d, FloatDistribution | IntDistribution)
    if stepped(d):
        assert d.step is not None
        place = round((value - d.low) / d.step)
        return min(steps(d), max(0, int(place)))
    return float(value) if isinstance(d, FloatDistribution) else int(value)


def _meant(d: BaseDistribution, p: Parameter, value: Value) -> Any:
    if isinstance(d, CategoricalDistribution):
        assert isinstance(p, Choice)
        return d.choices[p.index(value)]
    assert isinstance(d, FloatDistribution | IntDistribution)
    assert isinstance(value, int | float)
    if stepped(d):
        assert d.step is not None
        return min(d.high, d.low + value * d.step)
    return min(d.high, max(d.low, value))


def _same(a: Any, b: Any) -> bool:
    """Whether two choices are one; NaN is a choice like any other to Optuna."""
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
