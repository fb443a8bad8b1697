"""Strategies by name: every mistake is told in a sentence."""

from typing import Any

import pytest
from tests.zoo import spec

from danlu.core.decision import Start
from danlu.core.history import empty
from danlu.errors import StudyError
from danlu.strategies.auto import Auto
from danlu.strategies.grid import Grid
from danlu.strategies.halving import Halving
from danlu.strategies.names import STRATEGIES, make

OWN = [name for name, place in STRATEGIES.items() if not place.extra]


@pytest.mark.parametrize("name", OWN)  # engines have tests of their own
def test_every_name_makes_a_strategy_that_starts_a_trial(name: str) -> None:
    study = spec()
    decisions = make(name, {}).decide(study.space, empty(study), 2)
    assert sum(isinstance(d, Start) for d in decisions) == 2


def test_auto_is_freeze_thaw_with_a_confirmation() -> None:
    assert make("auto", {}) == Auto()


def test_keys_reach_the_strategy() -> None:
    assert make("halving", {"eta": 4, "sampler": "random"}) == Halving(4, None, "random")
    assert make("grid", {"points": {"lr": 9}, "order": "sorted"}) == Grid({"lr": 9}, "sorted")


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("rendom", {}, "'rendom' is no strategy. Did you mean 'random'? There are auto,"),
        ("halving", {"etta": 3}, "'etta' is no key of it. Did you mean 'eta'? Its keys are eta,"),
        ("auto", {"x": 1}, "strategy 'auto': 'x' is no key of it. Its keys are findings."),
        ("random", {"sampler": "x"}, "'sampler' is no key of it. Its keys are epochs, default_f"),
        ("halving", {"eta": 1}, "eta must be a whole number of at least 2, but got 1."),
        ("halving", {"eta": "3"}, "eta must be a whole number of at least 2, but got '3'."),
        ("halving", {"min_epochs": 0}, "min_epochs must be a whole number of at least 1, but"),
        ("halving", {"sampler": "sobol"}, "sampler must be 'random' or 'quasi-random', but got"),
        ("halving", {"default_first": 1}, "default_first must be true or false, but got 1."),
        ("quasi-random", {"epochs": 2.5}, "'quasi-random': epochs must be a whole number of at"),
        ("random", {"default_first": "no"}, "default_first must be true or false, but got 'no'"),
        ("grid", {"points": True}, "points must be a whole number of at least 1, but got True."),
        ("grid", {"points": {"lr": 0}}, "points of 'lr' must be a whole number of at least 1,"),
        ("grid", {"order": "up"}, "order must be 'shuffled' or 'sorted', but got 'up'."),
        ("random-grid", {"points": 0}, "strategy 'random-grid': points must be a whole number"),
        ("random-grid", {"epochs": 0}, "epochs must be a whole number of at least 1, but got 0."),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(
    name: str, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(StudyError) as error:
        make(name, options)
    assert expected in str(error.value)
