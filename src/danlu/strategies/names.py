"""Strategies by the names that study files and the command line use."""

import inspect
from collections.abc import Callable, Mapping
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


def _engine(library: str) -> Any:
    """The module of an engine; its library is imported only when it is chosen by name."""
    try:
        return import_module(f"danlu.strategies.engines.{library}")
    except ModuleNotFoundError as error:
        raise StudyError(
            f"this strategy needs the package {error.name}, which is not installed: "
            f"pip install 'danlu[{library}]'."
        ) from error


def _optuna(
    sampler: str, epochs: Any = None, startup: Any = None, default_first: Any = True
) -> Strategy:
    engine: Strategy = _engine("optuna").OptunaEngine(sampler, epochs, startup, default_first)
    return engine


def _hyperopt(epochs: Any = None, startup: Any = None, default_first: Any = True) -> Strategy:
    engine: Strategy = _engine("hyperopt").HyperoptEngine(epochs, startup, default_first)
    return engine


def _bayesopt(epochs: Any = None, startup: Any = None, default_first: Any = True) -> Strategy:
    engine: Strategy = _engine("bayesopt").BayesOptEngine(epochs, startup, default_first)
    return engine


STRATEGIES: Mapping[str, Callable[..., Strategy]] = {
    "auto": Staged,
    "staged": Staged,
    "halving": Halving,
    "random": partial(Sampled, "random"),
    "quasi-random": partial(Sampled, "quasi-random"),
    "grid": Grid,
    "random-grid": RandomGrid,
    "tpe": partial(_optuna, "tpe"),
    "optuna-tpe": partial(_optuna, "tpe"),
    "optuna-gp": partial(_optuna, "gp"),
    "optuna-cmaes": partial(_optuna, "cmaes"),
    "hyperopt": _hyperopt,
    "bayesopt": _bayesopt,
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
