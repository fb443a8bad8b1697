"""Strategies by the names that study files and the command line use."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from danlu.core.space import nearest
from danlu.errors import StudyError
from danlu.strategies.base import Strategy
from danlu.strategies.grid import Grid, RandomGrid
from danlu.strategies.halving import Halving
from danlu.strategies.sampled import Sampled
from danlu.strategies.staged import Staged


@dataclass(frozen=True)
class Lazy:
    """An engine by name, whose library is imported only when it is made."""

    name: str
    library: str
    engine: str
    given: tuple[str, ...] = ()

    def __call__(
        self, epochs: int | None = None, startup: int | None = None, default_first: bool = True
    ) -> Strategy:
        try:
            module = import_module(f"danlu.strategies.engines.{self.library}")
        except ModuleNotFoundError as error:
            raise StudyError(
                f"strategy {self.name!r} needs the package {error.name}, which is not installed: "
                f"pip install 'danlu[{self.library}]'."
            ) from error
        made: Strategy = getattr(module, self.engine)(*self.given, epochs, startup, default_first)
        return made


STRATEGIES: Mapping[str, Callable[..., Strategy]] = {
    "auto": Staged,
    "staged": Staged,
    "halving": Halving,
    "random": partial(Sampled, "random"),
    "quasi-random": partial(Sampled, "quasi-random"),
    "grid": Grid,
    "random-grid": RandomGrid,
    "tpe": Lazy("tpe", "optuna", "OptunaEngine", ("tpe",)),
    "optuna-tpe": Lazy("optuna-tpe", "optuna", "OptunaEngine", ("tpe",)),
    "optuna-gp": Lazy("optuna-gp", "optuna", "OptunaEngine", ("gp",)),
    "optuna-cmaes": Lazy("optuna-cmaes", "optuna", "OptunaEngine", ("cmaes",)),
    "hyperopt": Lazy("hyperopt", "hyperopt", "HyperoptEngine"),
    "bayesopt": Lazy("bayesopt", "bayesopt", "BayesOptEngine"),
}


def make(name: str, options: Mapping[str, Any]) -> Strategy:
    """The strategy of a name, with its own keys.

    Raises:
        StudyError: If the name or a key is unknown, or a key has the wrong type or range.
    """
    if name not in STRATEGIES:
        raise StudyError(
            f"{name!r} is no strategy.{nearest(name, tuple(STRATEGIES))} "
            f"There are {', '.join(STRATEGIES)}."
        )
    keys = tuple(inspect.signature(STRATEGIES[name]).parameters)
    for key in options:
        if key not in keys:
            known = f"Its keys are {', '.join(keys)}." if keys else "It has no keys."
            raise StudyError(
                f"strategy {name!r}: {key!r} is no key of it.{nearest(key, keys)} {known}"
            )
    return STRATEGIES[name](**options)
