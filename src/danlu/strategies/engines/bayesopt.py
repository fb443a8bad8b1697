"""BayesianOptimization's Gaussian process as a strategy (F. Nogueira, ``bayes_opt``)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bayes_opt import BayesianOptimization
from bayes_opt.parameter import CategoricalParameter, FloatParameter

from danlu.core.decision import Decision
from danlu.core.history import History
from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.space import Config, Space
from danlu.strategies.engines.consult import Plan, check_keys, consult
from danlu.strategies.engines.lessons import Lesson, results, worst

STARTUP = 5  # the library's own number of random points


@dataclass(frozen=True)
class BayesOptEngine:
    """BayesianOptimization chooses the configs of full-length trials.

    The library knows neither log scales, failures nor running trials: it sees each numeric
    parameter on danlu's unit scale, a failed trial as the worst loss so far, and a running one
    as the best (the constant liar of Ginsbourger et al. 2010, whose lie keeps new trials away).

    Attributes:
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        startup: How many results are awaited before the model decides; by default 5.
        default_first: Whether the first trial is the default config.

    Raises:
        StudyError: If a value has the wrong type or range.
    """

    epochs: int | None = None
    startup: int | None = None
    default_first: bool = True

    def __post_init__(self) -> None:
        check_keys("bayesopt", self.epochs, self.startup, self.default_first)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        def teach(space: Space, seen: list[Lesson]) -> Process:
            return Process(space, seen, self.startup or STARTUP)

        plan = Plan("BayesianOptimization", self.epochs, self.default_first)
        return consult(plan, teach, space, history, free_slots)


class Process:
    """The library with a study's trials."""

    def __init__(self, space: Space, seen: list[Lesson], startup: int) -> None:
        self._space = space
        self._random = results(seen) < startup
        self._parameters = {name: _parameter(name, space[name]) for name in space.free}
        losses = [lesson.loss for lesson in seen if lesson.loss is not None]
        self._points: list[tuple[dict[str, Any], float]] = []
        self._lie = min(losses, default=None)
        failed = worst(seen)
        for lesson in seen:
            loss = self._lie if lesson.running else failed if lesson.loss is None else lesson.loss
            if loss is not None:
                self._points.append((self._point(lesson.config), -loss))

    def suggest(self, seed: int) -> dict[str, Value]:
        model = self._model(seed)
        if self._random:
            drawn = model.random_sample(1)[0]
        else:
            for point, target in self._points:
                model.space.register(point, target)
            drawn = model.suggest()
        config = {
            name: _value(p, drawn[name]) if name in drawn else p.middle()
            for name, p in self._space.parameters.items()
        }
        return self._space.pruned(config)

    def expect(self, config: Config) -> None:
        if self._lie is not None:
            self._points.append((self._point(config), -self._lie))

    def _model(self, seed: int) -> Any:
        with warnings.catch_warnings():
            # It warns that parameters other than its floats are new in it.
            warnings.filterwarnings("ignore", "Non-float parameters", UserWarning)
            return BayesianOptimization(
                None, self._parameters, random_state=seed, verbose=0, allow_duplicate_points=True
            )

    def _point(self, config: Config) -> dict[str, Any]:
        """The library's point of a config; an inactive parameter stands at its default."""
        return {
            name: _told(self._space[name], config.get(name, self._space[name].middle()))
            for name in self._parameters
        }


class Scale(FloatParameter):
    """A numeric parameter on its unit scale; to the kernel, a whole number is its whole cell."""

    def __init__(self, name: str, p: Float | Int) -> None:
        super().__init__(name, (0.0, 1.0))
        self._whole = isinstance(p, Int)
        self._low, self._high, self._log = p.low - 0.5, p.high + 0.5, p.log

    def kernel_transform(self, value: Any) -> Any:
        """The centres of the cells at positions on the unit scale, as `Int.to_unit` has them."""
        if not self._whole:
            return value
        low, high = np.log([self._low, self._high]) if self._log else (self._low, self._high)
        x = low + np.clip(value, 0.0, 1.0) * (high - low)
        cell = np.floor((np.exp(x) if self._log else x) + 0.5)
        cell = np.clip(cell, self._low + 0.5, self._high - 0.5)
        return ((np.log(cell) if self._log else cell) - low) / (high - low)


class OneHot(CategoricalParameter):
    """A choice that stays as drawn while the numbers beside it are refined by gradient.

    The library would else search the whole space by differential evolution, for seconds.
    """

    is_continuous = True


def _parameter(name: str, p: Parameter) -> Any:
    return OneHot(name, range(len(p.values))) if isinstance(p, Choice) else Scale(name, p)


def _value(p: Parameter, drawn: Any) -> Value:
    return p.values[drawn] if isinstance(p, Choice) else p.from_unit(float(drawn))


def _told(p: Parameter, value: Value) -> float:
    return p.index(value) if isinstance(p, Choice) else p.to_unit(value)
