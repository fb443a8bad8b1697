"""Optuna's samplers as strategies: TPE, Gaussian process, CMA-ES (Akiba et al. 2019)."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from danlu.core.decision import Decision
from danlu.core.history import History
from danlu.core.parameter import Choice, Float, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Config, Space
from danlu.errors import StudyError
from danlu.strategies.engines.consult import Plan, check_keys, consult
from danlu.strategies.engines.lessons import Lesson, worst
from danlu.strategies.options import check_one_of

NEEDS = {"gp": ("torch", "optuna,torch"), "cmaes": ("cmaes", "optuna")}
STARTUP = 10  # Optuna's own for TPE and the Gaussian process
LABELS = {"tpe": "Optuna's TPE", "gp": "Optuna's Gaussian process", "cmaes": "Optuna's CMA-ES"}


@dataclass(frozen=True)
class OptunaEngine:
    """One of Optuna's samplers chooses the configs of full-length trials.

    Running trials are running trials to it. Failed ones, which Optuna's samplers ignore, are
    told as the worst loss so far, so that it keeps away from what fails.

    Attributes:
        sampler: ``"tpe"``, ``"gp"`` (needs PyTorch) or ``"cmaes"``.
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        startup: How many results are awaited before the sampler's model decides; by default
            Optuna's own number, 10 for TPE and the Gaussian process, 1 for CMA-ES.
        default_first: Whether the first trial is the default config.

    Raises:
        StudyError: If a value has the wrong type or range, or the sampler needs a package that
            is not installed.
    """

    sampler: str = "tpe"
    epochs: int | None = None
    startup: int | None = None
    default_first: bool = True

    def __post_init__(self) -> None:
        check_one_of("optuna", "sampler", self.sampler, tuple(LABELS))
        check_keys(f"optuna-{self.sampler}", self.epochs, self.startup, self.default_first)
        package, extras = NEEDS.get(self.sampler, ("optuna", "optuna"))
        if find_spec(package) is None:
            raise StudyError(say(
                "strategy 'optuna-{sampler}' needs the package {package}, which is not "
                "installed: pip install 'danlu[{extras}]'.",
                sampler=self.sampler, package=package, extras=extras,
            ))  # fmt: skip

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        def teach(space: Space, seen: list[Lesson]) -> OptunaStudy:
            return OptunaStudy(self, space, seen)

        plan = Plan(LABELS[self.sampler], self.epochs, self.default_first)
        return consult(plan, teach, space, history, free_slots)


class OptunaStudy:
    """An Optuna study with danlu's trials, minimised.

    A conditional parameter is suggested only where its condition holds, in Optuna's way.
    """

    def __init__(self, engine: OptunaEngine, space: Space, seen: list[Lesson]) -> None:
        self._engine = engine
        self._space = space
        self._distributions = {name: distribution(space[name]) for name in space.free}
        self._study = _quiet_study()
        failed = worst(seen)
        self._study.add_trials([self._trial(lesson, failed) for lesson in seen])

    def suggest(self, seed: int) -> dict[str, Value]:
        self._study.sampler = sampler_of(self._engine, self._space, seed)
        trial = self._study.ask()
        config: dict[str, Value] = {}
        for name, p in self._space.parameters.items():
            if not self._space.active(name, config):
                continue
            known = self._distributions.get(name)
            config[name] = (
                p.middle() if known is None else value(p, _suggested(trial, name, known))
            )
        # It is told as running by `expect`, with the readable values that are trained.
        self._study.tell(trial, state=TrialState.FAIL)
        return config

    def expect(self, config: Config) -> None:
        free = {name: config[name] for name in self._distributions if name in config}
        self._study.add_trial(self._trial(Lesson(free, None, running=True), None))

    def _trial(self, lesson: Lesson, failed: float | None) -> FrozenTrial:
        loss = failed if lesson.loss is None and not lesson.running else lesson.loss
        state = TrialState.FAIL if loss is None else TrialState.COMPLETE
        return create_trial(
            state=TrialState.RUNNING if lesson.running else state,
            value=loss,
            params={n: told(self._space[n], v) for n, v in lesson.config.items()},
            distributions={n: self._distributions[n] for n in lesson.config},
        )


def _suggested(
    trial: optuna.Trial, name: str, known: BaseDistribution
) -> str | int | float | bool | None:
    if isinstance(known, FloatDistribution):
        return trial.suggest_float(name, known.low, known.high, log=bool(known.log))
    if isinstance(known, IntDistribution):
        return trial.suggest_int(name, known.low, known.high, log=bool(known.log))
    assert isinstance(known, CategoricalDistribution)
    return trial.suggest_categorical(name, known.choices)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Optuna's line about each new study, and its warnings about new features."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _quiet_study() -> optuna.Study:
    with _quietly():
        return optuna.create_study(storage=optuna.storages.InMemoryStorage())


def distribution(p: Parameter) -> BaseDistribution:
    """The parameter in Optuna's words; a choice by its place, as 1 and True are one to Optuna."""
    if isinstance(p, Choice):
        return CategoricalDistribution(range(len(p.values)))
    if isinstance(p, Float):
        return FloatDistribution(p.low, p.high, log=bool(p.log))
    return IntDistribution(p.low, p.high, log=bool(p.log))


def value(p: Parameter, suggested: str | int | float | bool | None) -> Value:
    """What Optuna suggests, in readable digits."""
    assert isinstance(suggested, int | float)
    return p.values[int(suggested)] if isinstance(p, Choice) else p.from_unit(p.to_unit(suggested))


def told(p: Parameter, value: Value) -> Value:
    return p.index(value) if isinstance(p, Choice) else value


def sampler_of(engine: OptunaEngine, space: Space, seed: int) -> BaseSampler:
    """The engine's sampler, freshly seeded."""
    if engine.sampler == "cmaes":
        from danlu.strategies.engines.cmaes import EvolutionSampler  # a package of its own

        return EvolutionSampler(space, seed, engine.startup or 1)
    if engine.sampler == "gp":
        return GPSampler(
            seed=seed,
            n_startup_trials=engine.startup or STARTUP,
            # Parameters under a condition, which the process leaves out, are left to TPE.
            independent_sampler=TPESampler(seed=seed, multivariate=False),
            warn_independent_sampling=False,
        )
    conditional = any(p.when for p in space.parameters.values())
    with _quietly():
        # Only groups model jointly what a condition switches on and off.
        return TPESampler(
            seed=seed, n_startup_trials=engine.startup or STARTUP, multivariate=True,
            group=conditional, constant_liar=True,
        )  # fmt: skip
