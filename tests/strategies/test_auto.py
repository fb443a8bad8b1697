"""The default plan: search, then the best and the default in full, then confirmation."""

import math
from dataclasses import replace

from tests.zoo import SPACE, Simulation, learning_curve, spec

from danlu.core.history import History
from danlu.core.spec import Budget
from danlu.strategies.auto import Auto


def run(trainings: float) -> History:
    study = replace(spec(), budget=Budget(trainings=trainings))
    return Simulation(Auto(), study, learning_curve, workers=2).run()


def test_the_best_are_trained_in_full_and_confirmed_with_fresh_seeds() -> None:
    history = run(20.0)
    again = [t for t in history.trials.values() if t.stage == "confirm"]
    assert len({tuple(t.config.items()) for t in again}) >= 2
    assert all(t.epoch == history.spec.epochs for t in again)
    best = history.best
    assert best is not None
    same = [t for t in history.trials.values() if t.config == best.config]
    assert len({t.seed for t in same}) >= 2


def test_the_default_config_comes_first_and_is_trained_in_full_to_compare_with() -> None:
    history = run(20.0)
    assert history.default is history.trials[1]
    assert history.trials[1].epoch == 30
    given = {n for n, p in SPACE.parameters.items() if p.default is not None}
    config = history.trials[1].config
    assert all(config[n] == SPACE[n].default for n in given & set(config))


def test_the_budget_is_used_but_not_overspent() -> None:
    history = run(20.0)
    assert 18.0 < history.trainings <= 20.0 + 1e-9


def test_a_small_budget_is_for_the_search_alone() -> None:
    history = run(3.0)
    assert {t.stage for t in history.trials.values()} <= {"search", "finish"}
    assert history.best is not None
    assert math.isfinite(history.best.value or math.nan)
