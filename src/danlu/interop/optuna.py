"""danlu's search inside Optuna studies: ``optuna.create_study(sampler=DanluSampler())``.

What Optuna stores is read as a danlu history, of which a strategy decides; so the sampler keeps
nothing between trials but what it suggested for those that still run.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from danlu.core.decision import Start
from danlu.core.event import Began
from danlu.core.history import History, empty
from danlu.core.record import Report, TrialRecord
from danlu.core.space import Space
from danlu.core.spec import Objective, Spec
from danlu.interop.translation import Translation
from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.names import make
from danlu.strategies.sampling import random_config

METRIC = "value"
REPEATED = 0.5  # share of repeated good configs where all were tried


class DanluSampler(BaseSampler):
    """Suggests parameters by one of danlu's strategies for full-length trials.

    Parameters that every trial of the study has are suggested together, others (those of a
    branch, or whose range changes) each from the trials that had it. Failed trials teach it to
    keep away, pruned ones count with their last intermediate value, running ones are believed.
    For studies of one objective; constraints are not looked at.

    Example:
        >>> import optuna
        >>> study = optuna.create_study(sampler=DanluSampler(seed=1))
        >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=5)
        >>> len(study.trials)
        5

    Args:
        strategy: Name of a danlu strategy or an object; by default Bayesian optimisation of full
            trainings. One that needs curves or pauses finds trials of one epoch here.
        seed: From which all randomness derives; None takes a fresh one.

    Raises:
        StudyError: If the strategy's name is unknown.
        ValueError: When a study of several objectives is sampled, as Optuna's own samplers do.
    """

    def __init__(self, strategy: str | Strategy | None = None, seed: int | None = None) -> None:
        named = make(strategy, {}) if isinstance(strategy, str) else strategy
        self._strategy = named or Bayes()
        self._seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        self._suggested: dict[int, dict[str, Any]] = {}
        self._lock = RLock()  # Optuna's threads share a sampler

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock, so that a study's sampler can be pickled as Optuna's own can."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state, _lock=RLock())

    def reseed_rng(self) -> None:
        """Keep the seed: randomness derives from the trials, which its threads all see."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        common = IntersectionSearchSpace().calculate(study)
        return {name: d for name, d in common.items() if not d.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        check_one_objective(study)
        return self._sample(study, trial, search_space) if search_space else {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        check_one_objective(study)
        return self._sample(study, trial, {param_name: param_distribution})[param_name]

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        with self._lock:
            self._suggested.pop(trial.number, None)

    def _sample(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        translation = Translation(search_space)
        with self._lock:
            history = self._history(study, trial, translation)
            config = self._decided(translation.space, history)
            params = translation.params(config)
            self._suggested.setdefault(trial.number, {}).update(params)
        return params

    def _decided(self, space: Space, history: History) -> Mapping[str, Any]:
        """The config that the strategy starts; a repeated one when it starts none."""
        decisions = self._strategy.decide(space, history, 1)
        config = next((d.config for d in decisions if isinstance(d, Start)), None)
        return config or repeated(space, history)

    def _history(
        self, study: optuna.Study, trial: FrozenTrial, translation: Translation
    ) -> History:
        """The study's other trials as danlu's, of those that have a value for each parameter."""
        shrinks = study.direction == StudyDirection.MINIMIZE
        objective = Objective(METRIC, "min" if shrinks else "max")
        spec = Spec("optuna", translation.space, objective, 1, self._seed)
        records: dict[int, TrialRecord] = {}
        for t in study.get_trials(deepcopy=False):
            params = {**self._suggested.get(t.number, {}), **t.params}
            config = None if t.number == trial.number else translation.config(params)
            if config is not None and t.state != TrialState.WAITING:
                number = len(records) + 1
                records[number] = record(number, config, t)
        return replace(empty(spec, [Began(0.0, can_pause=False)]), trials=records)


def repeated(space: Space, history: History) -> Mapping[str, Any]:
    """A config of the better quarter of the trials, or, half of the time, a random one.

    Strategies never repeat a config, but Optuna asks on after the last one of a small space,
    and its parameters that are sampled alone are often small spaces.
    """
    number = history.next_number
    good = history.ranked[: math.ceil(len(history.ranked) / 4)]
    rng = random.Random(f"repeated:{history.spec.seed}:{number}")
    if good and rng.random() < REPEATED:
        return rng.choice(good).config
    return random_config(space, history.spec.seed, number)


def record(number: int, config: Mapping[str, Any], trial: FrozenTrial) -> TrialRecord:
    """An Optuna trial as danlu's, of one epoch."""
    value = final_value(trial)
    at = float(number)
    if not trial.state.is_finished():
        return TrialRecord(number, config, number, 1, launched_at=at)
    if value is None:
        return TrialRecord(number, config, number, 1, state="failed", cause="exception")
    report = Report(1, {METRIC: value}, at)
    return TrialRecord(
        number, config, number, 1, state="finished", reports=(report,), value=value,
        value_epoch=1, seconds=1.0, launched_at=at,
    )  # fmt: skip


def final_value(trial: FrozenTrial) -> float | None:
    """The value of a complete trial, the last intermediate one of a pruned trial, if finite."""
    value = trial.value if trial.state == TrialState.COMPLETE else None
    if trial.state == TrialState.PRUNED and trial.last_step is not None:
        value = trial.intermediate_values[trial.last_step]
    return value if value is not None and math.isfinite(value) else None


def check_one_objective(study: optuna.Study) -> None:
    """Raise `ValueError`, as Optuna asks of samplers, unless the study has one objective."""
    if len(study.directions) > 1:
        raise ValueError(
            f"DanluSampler is for one objective, but the study has {len(study.directions)}: "
            "use one of Optuna's samplers for several, such as TPESampler."
        )
