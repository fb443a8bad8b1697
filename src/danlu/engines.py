"""Strategies backed by somebody else's library; each needs the extra of its name.

::

    import danlu
    from danlu.engines import OptunaEngine

    study = danlu.Study(..., strategy=OptunaEngine("gp"))

In a study file they go by name: ``optuna-tpe`` (or ``tpe``), ``optuna-gp``, ``optuna-cmaes``,
``hyperopt``, ``bayesopt``.
"""

from importlib import import_module
from typing import Any

__all__ = ["BayesOptEngine", "HyperoptEngine", "OptunaEngine"]  # noqa: F822 (see __getattr__)

LIBRARIES = {
    "BayesOptEngine": "bayesopt",
    "HyperoptEngine": "hyperopt",
    "OptunaEngine": "optuna",
}


def __getattr__(name: str) -> Any:
    if name in LIBRARIES:
        return getattr(import_module(f"danlu.strategies.engines.{LIBRARIES[name]}"), name)
    raise AttributeError(f"module 'danlu.engines' has no attribute {name!r}")
