"""`DanluSampler` on the test classes that Optuna publishes for samplers, and on its own."""

import math
import pickle
from collections import Counter
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("optuna", reason="needs the extra [optuna]")

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from danlu.core.parameter import Choice, Float, Int
from danlu.errors import StudyError
from danlu.interop.optuna import DanluSampler
from danlu.interop.translation import Translation


class TestDanluSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: DanluSampler(seed=0)


class TestDanluSamplerWithQuasiRandomDraws(BasicSamplerTestCase, RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: DanluSampler("quasi-random", seed=0)


def branching(trial: optuna.Trial) -> float:
    """A network's loss: 0 at its best, with a parameter that only one optimiser has."""
    loss = (math.log10(trial.suggest_float("lr", 1e-5, 1.0, log=True)) + 2.5) ** 2
    loss += (trial.suggest_float("dropout", 0.0, 0.8, step=0.1) - 0.3) ** 2
    loss += 0.2 * (math.log(trial.suggest_int("units", 16, 512, log=True)) - 5.0) ** 2
    if trial.suggest_categorical("optimizer", ["sgd", "adam"]) == "sgd":
        loss += (trial.suggest_float("momentum", 0.0, 0.99) - 0.9) ** 2
    else:
        loss += 0.05
    return loss


def studied(
    sampler: BaseSampler,
    objective: Callable[[optuna.Trial], float] = branching,
    trials: int = 30,
    **given: Any,
) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler, **given)
    study.optimize(objective, n_trials=trials)
    return study


def test_it_finds_far_better_parameters_than_random_sampling() -> None:
    found = fmean(studied(DanluSampler(seed=seed)).best_value for seed in range(5))
    drawn = fmean(studied(RandomSampler(seed=seed)).best_value for seed in range(5))
    assert found < 0.3 * drawn


def test_maximising_the_negative_asks_for_the_same_parameters() -> None:
    down = studied(DanluSampler(seed=3), trials=15)
    up = studied(DanluSampler(seed=3), lambda t: -branching(t), trials=15, direction="maximize")
    assert [t.params for t in up.trials] == [t.params for t in down.trials]


def test_the_same_seed_gives_the_same_study_and_another_seed_another() -> None:
    runs = [[t.params for t in studied(DanluSampler(seed=s), trials=10).trials] for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_study_goes_on_alike_with_a_pickled_sampler() -> None:
    whole = studied(DanluSampler(seed=5), trials=14)
    half = studied(DanluSampler(seed=5), trials=7)
    half.sampler = pickle.loads(pickle.dumps(half.sampler))
    half.optimize(branching, n_trials=7)
    assert [t.params for t in half.trials] == [t.params for t in whole.trials]


def test_trials_asked_for_at_once_differ() -> None:
    study = studied(DanluSampler(seed=0), trials=12)
    space = {"lr": FloatDistribution(1e-5, 1.0, log=True), "units": IntDistribution(16, 512, True)}
    asked = [study.ask(space) for _ in range(5)]
    assert len({t.params["lr"] for t in asked}) == 5


def test_a_branch_in_which_trials_fail_is_left() -> None:
    def failing(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        return math.nan if x > 0.5 else 1.0 - x

    study = studied(DanluSampler(seed=1), failing)
    late = study.trials[15:]
    assert sum(t.state == optuna.trial.TrialState.FAIL for t in late) <= 5
    assert study.best_value < 0.55


def test_pruned_trials_count_with_their_last_value() -> None:
    def pruned(trial: optuna.Trial) -> float:
        loss = (trial.suggest_float("x", -1.0, 1.0) - 0.4) ** 2
        trial.report(loss, step=1)
        if trial.number % 3:
            raise optuna.TrialPruned
        return loss

    study = studied(DanluSampler(seed=1), pruned, trials=20)
    assert min(abs(t.params["x"] - 0.4) for t in study.trials) < 0.005  # 0.05 for random ones


def test_small_choices_sampled_alone_settle_on_the_better_one() -> None:
    def branch(trial: optuna.Trial) -> float:
        kind = trial.suggest_categorical(f"kind{trial.number % 2}", ["a", "b", "c"])
        return {"a": 1.0, "b": 0.0, "c": 2.0}[kind]

    study = studied(DanluSampler(seed=2), branch, trials=40)
    kinds = Counter(next(iter(t.params.values())) for t in study.trials)
    assert kinds["b"] > 20


def test_threads_share_a_sampler() -> None:
    study = optuna.create_study(sampler=DanluSampler(seed=0))
    study.optimize(branching, n_trials=12, n_jobs=2)
    assert len({str(sorted(t.params.items())) for t in study.trials}) == 12


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (FloatDistribution(1e-4, 1.0, log=True), Float(1e-4, 1.0, log=True)),
        (FloatDistribution(-1.0, 1.0, step=0.25), Int(0, 8)),
        (IntDistribution(1, 100, log=True), Int(1, 100, log=True)),
        (IntDistribution(3, 9, step=2), Int(0, 3)),
        (CategoricalDistribution((None, "a", 1.5)), Choice(None, "a", 1.5)),
        (CategoricalDistribution((math.nan, "b")), Choice("0", "1")),
    ],
)
def test_every_distribution_has_a_parameter(distribution: Any, expected: Any) -> None:
    translation = Translation({"my lr/1": distribution})
    (name,) = translation.space
    assert translation.space[name] == expected
    for u in (0.0, 0.3, 0.99):
        config = translation.space.from_unit({name: u})
        params = translation.params(config)
        assert distribution._contains(distribution.to_internal_repr(params["my lr/1"]))
        assert translation.config(params) == config


def test_parameters_out_of_range_make_no_config() -> None:
    translation = Translation(
        {"x": FloatDistribution(0.0, 1.0), "k": CategoricalDistribution([1])}
    )
    assert translation.config({"x": 2.0, "k": 1}) is None
    assert translation.config({"x": 0.5}) is None
    assert translation.config({"x": 0.5, "k": 3}) is None
    assert translation.config({"x": 0.5, "k": 1}) == {"x": 0.5, "k": 1}


def test_an_unknown_strategy_is_told_at_once() -> None:
    with pytest.raises(StudyError, match="'bays' is no strategy"):
        DanluSampler("bays")
