"""Strategies by the names that study files and the command line use."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.core.spec import Spec
from danlu.errors import StudyError
from danlu.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Place:
    """Where a strategy is defined: its module is imported only when it is chosen.

    Attributes:
        module: Below ``danlu.strategies``.
        name: Of the class.
        first: Its first argument, where one class has several names.
        extra: The extra of danlu that installs what the module needs.
        several: Whether it serves several objectives and constraints: it decides by all of them,
            or looks at no results at all.
    """

    module: str
    name: str
    first: str | None = None
    extra: str = ""
    several: bool = False

    def constructor(self, called: str) -> Callable[..., Strategy]:
        """What makes the strategy of that name from its own keys.

        Raises:
            StudyError: If a library that it needs is not installed.
        """
        try:
            module = import_module(f"danlu.strategies.{self.module}")
        except ModuleNotFoundError as error:
            if not self.extra:
                raise
            raise StudyError(say(
                "strategy {called} needs the package {name}, which is not installed: pip "
                "install 'danlu[{extra}]'.",
                called=repr(called), name=error.name, extra=self.extra,
            )) from error  # fmt: skip
        made: Callable[..., Strategy] = getattr(module, self.name)
        return made if self.first is None else partial(made, self.first)


STRATEGIES: Mapping[str, Place] = {
    "auto": Place("auto", "Auto", several=True),
    "freeze-thaw": Place("freeze_thaw", "FreezeThaw", several=True),
    "bayes": Place("bayes", "Bayes", several=True),
    "staged": Place("staged", "Staged"),
    "halving": Place("halving", "Halving"),
    "hyperband": Place("hyperband", "Hyperband"),
    "random": Place("sampled", "Sampled", "random", several=True),
    "quasi-random": Place("sampled", "Sampled", "quasi-random", several=True),
    "grid": Place("grid", "Grid", several=True),
    "random-grid": Place("grid", "RandomGrid", several=True),
    "tpe": Place("engines.optuna", "OptunaEngine", "tpe", "optuna"),
    "optuna-tpe": Place("engines.optuna", "OptunaEngine", "tpe", "optuna"),
    "optuna-gp": Place("engines.optuna", "OptunaEngine", "gp", "optuna"),
    "optuna-cmaes": Place("engines.optuna", "OptunaEngine", "cmaes", "optuna"),
    "hyperopt": Place("engines.hyperopt", "HyperoptEngine", extra="hyperopt"),
    "bayesopt": Place("engines.bayesopt", "BayesOptEngine", extra="bayesopt"),
}


def make(name: str, options: Mapping[str, Any]) -> Strategy:
    """The strategy of a name, with its own keys.

    Raises:
        StudyError: If the name or a key is unknown, a key has the wrong type or range, or a
            library is not installed.
    """
    if name not in STRATEGIES:
        raise StudyError(say(
            "{name} is no strategy.{hint} There are {strategies}.",
            name=repr(name), hint=nearest(name, tuple(STRATEGIES)), strategies=list(STRATEGIES),
        ))  # fmt: skip
    constructor = STRATEGIES[name].constructor(name)
    keys = tuple(inspect.signature(constructor).parameters)
    for key in options:
        if key not in keys:
            known = say("Its keys are {keys}.", keys=list(keys))
            raise StudyError(say(
                "strategy {name}: {key} is no key of it.{hint} {known}",
                name=repr(name), key=repr(key), hint=nearest(key, keys), known=known,
            ))  # fmt: skip
    return constructor(**options)


def chosen_for(spec: Spec) -> Strategy:
    """The strategy that a spec names.

    Raises:
        StudyError: As `make`, or if the strategy follows one objective only and the spec has
            several, or constraints.
    """
    strategy = make(spec.strategy, spec.options)
    check_serves(spec.strategy, len(spec.objectives), len(spec.constraints))
    return strategy


def check_serves(name: str, objectives: int, constraints: int) -> None:
    """Raise `StudyError` if a known strategy cannot serve so many objectives and constraints."""
    if STRATEGIES[name].several or (objectives == 1 and not constraints):
        return
    more = f"{objectives} objectives" if objectives > 1 else "constraints"
    able = ", ".join(n for n, place in STRATEGIES.items() if place.several)
    raise StudyError(say(
        "strategy {name} follows one objective without constraints, but the study "
        "has {more}. Those that serve it are {able}.",
        name=repr(name), more=more, able=able,
    ))  # fmt: skip
