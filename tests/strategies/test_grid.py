"""Grids: their points, their order, and that they may be huge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import SPACE, Simulation, recorded, spec

from danlu.core.decision import Finish
from danlu.core.event import Finished, Reported
from danlu.core.history import empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Config, Space
from danlu.core.spec import Budget
from danlu.errors import StudyError
from danlu.strategies.base import Strategy
from danlu.strategies.fresh import config_key
from danlu.strategies.grid import Grid, RandomGrid, grid_of, levels
from danlu.strategies.permutation import permuted

SMALL = Space(
    kind=Choice("a", "b"),
    depth=Int(1, 3, when={"kind": ("a",)}),
    width=Float(1.0, 100.0, log=True),
)


def configs(strategy: Strategy, space: Space, count: int = 10**6, seed: int = 0) -> list[Config]:
    """What a strategy tries, in its order, until it finishes."""
    history = empty(spec(space, seed=seed, epochs=1, budget=Budget()))
    while len(history.trials) < count:
        (decision,) = strategy.decide(space, history, 1)
        if isinstance(decision, Finish):
            break
        number = history.next_number
        history = history.after(
            recorded(history, decision),
            Reported(0.0, number, 1, {"val_loss": 1.0}),
            Finished(0.0, number),
        )
    return [t.config for t in history.trials.values()]


def test_numeric_parameters_are_spaced_evenly_on_their_scale() -> None:
    assert levels(Float(1e-4, 1.0, log=True), 5) == (1e-4, 1e-3, 1e-2, 0.1, 1.0)
    assert levels(Float(0.0, 0.5), 3) == (0.0, 0.25, 0.5)
    assert levels(Int(16, 256, log=True), 5) == (16, 32, 64, 128, 256)
    assert levels(Int(1, 3), 9) == (1, 2, 3)
    assert levels(Choice("x", None, True), 1) == ("x", None, True)
    assert levels(Float(0.0, 1.0, default=0.3), 1) == (0.3,)
    assert levels(Float(2.0, 2.0), 5) == (2.0,)


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_every_distinct_config_comes_once_and_then_the_grid_finishes(order: str) -> None:
    tried = configs(Grid(points=3, order=order), SMALL)
    expected: list[Config] = [
        {"kind": "a", "depth": d, "width": w} for d in (1, 2, 3) for w in (1.0, 10.0, 100.0)
    ]
    expected += [{"kind": "b", "width": w} for w in (1.0, 10.0, 100.0)]
    assert sorted(map(config_key, tried)) == sorted(map(config_key, expected))
    if order == "sorted":
        assert tried == expected


def test_the_shuffled_order_follows_the_seed_and_is_no_sorted_one() -> None:
    orders = [configs(Grid(points=3), SMALL, seed=seed) for seed in (1, 2)]
    assert orders[0] != orders[1]
    assert configs(Grid(points=3, order="sorted"), SMALL) not in orders


def test_points_can_be_given_by_name() -> None:
    widths = {c["width"] for c in configs(Grid(points={"width": 2}), SMALL)}
    assert widths == {1.0, 100.0}


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({"widht": 2}, "'widht' is no parameter of this space. Did you mean 'width'?"),
        ({"kind": 2}, "'kind' is a choice, of which a grid takes every value"),
    ],
)
def test_points_for_what_is_no_numeric_parameter_are_refused(
    points: dict[str, int], expected: str
) -> None:
    with pytest.raises(StudyError) as error:
        configs(Grid(points=points), SMALL, 1)
    assert expected in str(error.value)


def test_a_huge_grid_costs_nothing() -> None:
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(20)})
    tried = configs(Grid(points=100), space, 30)
    assert grid_of(space, 100).size == 100**20
    assert len(set(map(config_key, tried))) == 30


@pytest.mark.parametrize("default", [10.0, 11.0])
def test_random_draws_from_the_grid_begin_with_the_default_and_never_repeat(
    default: float,
) -> None:
    space = SMALL.replaced({"width": Float(1.0, 100.0, log=True, default=default)})
    tried = configs(RandomGrid(points=3), space)
    assert tried[0] == space.default()
    assert len(set(map(config_key, tried))) == len(tried) == 12 + (default == 11.0)


def test_without_the_default_first_only_points_of_the_grid_are_drawn() -> None:
    tried = configs(RandomGrid(points=3, default_first=False), SMALL)
    grid = configs(Grid(points=3), SMALL)
    assert sorted(map(config_key, tried)) == sorted(map(config_key, grid))


def test_a_grid_waits_for_what_runs_before_it_finishes() -> None:
    study = spec(SMALL)
    history = empty(study)
    starts = Grid(points=3).decide(SMALL, history, 64)
    assert len(starts) == 12
    for start in starts:
        history = history.after(recorded(history, start))
    assert Grid(points=3).decide(SMALL, history, 4) == []
    history = history.after(*(Finished(0.0, number) for number in history.trials))
    assert Grid(points=3).decide(SMALL, history, 4) == [
        Finish("all 12 points of the grid were tried")
    ]


def test_every_index_of_a_lattice_is_found_again() -> None:
    lattice = grid_of(SPACE, 4)
    for index in range(0, lattice.size, 37):
        assert lattice.find(lattice[index]) == index
    assert lattice.find({**lattice[5], "dropout": 0.123}) is None


def test_shorter_trials_by_the_key_epochs() -> None:
    history = Simulation(Grid(points=2, epochs=4), spec(budget=Budget(trials=5))).run()
    assert {t.until for t in history.trials.values()} == {4}


def test_trials_that_were_interrupted_are_continued() -> None:
    study = spec(SMALL, budget=Budget(trials=3))
    history = Simulation(Grid(epochs=4), study, lambda *_: 1.0).run()
    decisions = Grid().decide(SMALL, history, 5)
    assert [getattr(d, "trial", None) for d in decisions] == [1, 2, 3, None, None]
    assert {getattr(d, "until", None) for d in decisions} == {study.epochs}


@given(st.integers(1, 300), st.integers(0, 99))
def test_a_permutation_is_a_bijection(size: int, seed: int) -> None:
    assert {permuted(i, size, seed) for i in range(size)} == set(range(size))
