"""Narrowing: the incumbent stays inside, nothing is cut off without evidence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import SPACE

from danlu.core.parameter import Choice, Float, Int, Value
from danlu.core.space import Config, Space
from danlu.strategies.narrowing import narrowed, quantile, relative_width, top_count
from danlu.strategies.sampling import random_config


def ranked(name: str, *values: Value) -> list[dict[str, Value]]:
    return [{name: v} for v in values]


def test_a_range_shrinks_around_the_best_on_its_own_scale() -> None:
    space = Space(lr=Float(1e-6, 1.0, log=True))
    good, bad = (1e-3, 1.1e-3, 0.9e-3, 1.2e-3, 0.8e-3), (1e-6, 1e-5, 1e-4, 0.1, 1.0) * 3
    lr = narrowed(space, space, ranked("lr", *good, *bad))["lr"]
    assert isinstance(lr, Float)
    assert (lr.low, lr.high) == pytest.approx((1e-3 * 10**-0.9, 1e-3 * 10**0.9), rel=0.25)


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=40))
def test_the_incumbent_lies_inside_with_a_margin_and_the_width_stays_a_quarter(
    values: list[float],
) -> None:
    space = Space(x=Float(0.0, 1.0))
    x = narrowed(space, space, ranked("x", *values))["x"]
    assert isinstance(x, Float)
    assert 0.0 <= x.low <= max(0.0, values[0] - 0.0999)
    assert min(1.0, values[0] + 0.0999) <= x.high <= 1.0
    assert relative_width(space["x"], x) >= 0.2499


@given(st.integers(0, 10**6), st.integers(6, 60))
def test_every_config_of_a_narrowed_space_belongs_to_the_whole_one(seed: int, count: int) -> None:
    configs = [random_config(SPACE, seed, i) for i in range(count)]
    box = narrowed(SPACE, SPACE, configs)
    box = narrowed(box, SPACE, configs[::-1])
    for i in range(20):
        config = random_config(box, seed, i)
        assert SPACE.check(config) == config


def test_a_parameter_that_hardly_matters_may_become_narrower() -> None:
    space = Space(x=Float(0.0, 1.0))
    edge = ranked("x", *[1.0] * 8)
    major, minor = (narrowed(space, space, edge, minor=m)["x"] for m in ((), ("x",)))
    assert isinstance(major, Float)
    assert isinstance(minor, Float)
    assert (major.low, minor.low) == (0.75, 0.85)


def test_however_often_a_range_is_narrowed_a_twentieth_is_left() -> None:
    whole = box = Space(x=Float(0.0, 1.0))
    for _ in range(20):
        box = narrowed(box, whole, ranked("x", *[0.5] * 8), minor=("x",))
    x = box["x"]
    assert isinstance(x, Float)
    assert x.high - x.low == pytest.approx(0.05, rel=0.01)


def test_too_few_results_change_nothing() -> None:
    space = Space(x=Float(0.0, 1.0))
    assert narrowed(space, space, ranked("x", *[0.5] * 5)) is space
    assert narrowed(space, space, ranked("x", *[0.5] * 20), failed=15) is space


def test_values_of_failed_trials_do_not_pull_the_range() -> None:
    space = Space(x=Float(0.0, 1.0))
    with_failed = narrowed(space, space, ranked("x", *[0.1] * 6, *[1.0] * 30), failed=30)
    assert with_failed == narrowed(space, space, ranked("x", *[0.1] * 6))


def test_a_best_at_the_edge_extends_the_range_within_its_limits_only() -> None:
    edge = [1.0, 0.9, 0.8, 0.95, 0.7, 0.01, 0.02, 1e-3]
    hard = Space(lr=Float(1e-3, 1.0, log=True))
    soft = Space(lr=Float(1e-3, 1.0, log=True, limits=(1e-3, 100.0)))
    near = Space(lr=Float(1e-3, 1.0, log=True, limits=(1e-3, 2.0)))
    highs = [narrowed(s, s, ranked("lr", *edge))["lr"] for s in (hard, soft, near)]
    assert [p.high for p in highs if isinstance(p, Float)] == [1.0, 10.0, 2.0]
    inner = narrowed(soft, soft, ranked("lr", *[0.03, 0.02, 0.05, 0.04, 0.03], *edge))["lr"]
    assert isinstance(inner, Float)
    assert inner.high < 1.0


def test_a_range_once_too_narrow_widens_to_a_best_outside() -> None:
    whole = Space(x=Float(0.0, 1.0))
    box = Space(x=Float(0.6, 0.9))
    x = narrowed(box, whole, ranked("x", 0.2, 0.7, 0.7, 0.8, 0.65, 0.7))["x"]
    assert isinstance(x, Float)
    assert x.low < 0.2


def test_whole_numbers_stay_whole_and_inside() -> None:
    space = Space(layers=Int(1, 8))
    layers = narrowed(space, space, ranked("layers", *[3] * 8, 8, 1))["layers"]
    assert isinstance(layers, Int)
    assert (layers.low, layers.high) == (2, 4)


def test_the_neighbours_of_the_best_whole_number_stay() -> None:
    space = Space(layers=Int(1, 3))
    assert narrowed(space, space, ranked("layers", *[1] * 8))["layers"] == Int(1, 2)


def test_a_choice_goes_only_after_five_trials_in_the_worse_half() -> None:
    space = Space(c=Choice("good", "bad", "rare"))
    four = ranked("c", *["good"] * 8, *["bad"] * 4, "rare")
    five = ranked("c", *["good"] * 8, *["bad"] * 5, "rare")
    mixed = ranked("c", "good", "bad", *["good"] * 8, *["bad"] * 9)
    kept = [narrowed(space, space, r)["c"] for r in (four, five, mixed)]
    assert [len(p.values) for p in kept if isinstance(p, Choice)] == [3, 2, 3]
    assert kept[1] == Choice("good", "rare")


def test_parameters_whose_condition_can_no_longer_hold_go_with_their_choice() -> None:
    configs: list[Config] = [{"optimizer": "adam", "lr": 0.1}] * 8
    configs += [{"optimizer": "sgd", "lr": 0.1, "momentum": 0.5}] * 6
    space = Space(
        optimizer=Choice("sgd", "adam"),
        lr=Float(0.0, 1.0),
        momentum=Float(0.0, 0.9, when={"optimizer": ("sgd",)}),
        nesterov=Choice(True, False, when={"optimizer": ("sgd", "adam")}),
    )
    box = narrowed(space, space, configs)
    assert set(box) == {"optimizer", "lr", "nesterov"}
    assert box["nesterov"].when == {"optimizer": ("adam",)}


def test_the_best_are_a_fifth_but_some_at_least() -> None:
    assert [top_count(n) for n in (6, 8, 10, 24, 25, 100)] == [3, 4, 5, 5, 5, 20]


def test_quantiles_lie_between_neighbours() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([0.0, 1.0], 0.05) == pytest.approx(0.05)
    assert quantile([7.0], 0.95) == 7.0
    assert math.isclose(quantile([0.0, 10.0, 20.0], 0.75), 15.0)
