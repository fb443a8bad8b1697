"""How good the found configs are, against random search with the same budget, on fixed seeds."""

from functools import cache
from statistics import fmean

import pytest
from tests.zoo import Simulation, found, spec

from danlu.core.spec import Budget
from danlu.strategies.names import make

SEEDS = range(10)
OPTIMUM = 0.1


@cache
def regret(name: str, trainings: float, can_pause: bool = True) -> float:
    """The mean distance of the recommended configs from the optimum."""
    studies = [spec(seed=seed, budget=Budget(trainings=trainings)) for seed in SEEDS]
    runs = [Simulation(make(name, {}), s, workers=2, can_pause=can_pause).run() for s in studies]
    return fmean(found(history) - OPTIMUM for history in runs)


@pytest.mark.parametrize(
    ("name", "trainings", "factor"),
    [
        *(("halving", 10.0, 0.8), ("halving", 20.0, 0.6), ("staged", 10.0, 0.8)),
        *(("staged", 20.0, 0.6), ("hyperband", 20.0, 0.6)),
    ],
)
def test_short_trials_first_find_better_configs_than_random_search(
    name: str, trainings: float, factor: float
) -> None:
    assert regret(name, trainings) < factor * regret("random", trainings)


@pytest.mark.parametrize("name", ["halving", "hyperband", "staged"])
def test_they_do_so_too_where_training_cannot_pause(name: str) -> None:
    assert regret(name, 20.0, can_pause=False) < 0.8 * regret("random", 20.0)
