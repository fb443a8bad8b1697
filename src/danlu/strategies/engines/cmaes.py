"""CMA-ES for Optuna, its state made anew from the study's trials (Hansen 2016).

Optuna's own sampler of this name keeps its state in attributes of the trials, which danlu's
history does not hold. This one drives the same implementation, the package ``cmaes``: results
are told to it in generations, in the order of their trials, whoever suggested them.
"""

from typing import Any

import numpy as np
import optuna
from cmaes import CMA
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from danlu.core.parameter import Choice
from danlu.core.space import Space

SIGMA = 1 / 6  # Optuna's, of each parameter's range
RESAMPLINGS = 10  # draws per dimension before a point outside the bounds is moved to them


class EvolutionSampler(BaseSampler):
    """Suggests the numeric parameters that every config has; TPE suggests the others.

    Attributes:
        space: What may vary; its default config is where the search begins.
        seed: Of this suggestion.
        startup: How many results are awaited before CMA-ES decides.
    """

    def __init__(self, space: Space, seed: int, startup: int) -> None:
        self._numeric = {
            name: p
            for name in space.free
            if not isinstance(p := space[name], Choice) and not p.when
        }
        self._seed = seed
        self._startup = startup
        self._others = TPESampler(seed=seed, multivariate=False)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < self._startup:
            return {}
        return {name: done[0].distributions[name] for name in self._numeric}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        evolution = self._told(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
        evolution.reseed_rng(self._seed)
        point = evolution.ask()
        return {
            name: p.from_unit(float(u))
            for (name, p), u in zip(self._numeric.items(), point, strict=True)
        }

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def _told(self, done: list[FrozenTrial]) -> CMA:
        """The state of the evolution after all full generations."""
        dimensions = len(self._numeric)
        evolution = CMA(
            mean=np.array([p.to_unit(p.middle()) for p in self._numeric.values()]),
            sigma=SIGMA,
            bounds=np.array([[0.0, 1.0]] * dimensions),
            n_max_resampling=RESAMPLINGS * dimensions,
            seed=0,
        )
        size = evolution.population_size
        for first in range(0, len(done) - size + 1, size):
            evolution.tell([self._solution(t) for t in done[first : first + size]])
        return evolution

    def _solution(self, trial: FrozenTrial) -> tuple[np.ndarray, float]:
        assert trial.value is not None
        point = [p.to_unit(trial.params[name]) for name, p in self._numeric.items()]
        return np.array(point), trial.value
