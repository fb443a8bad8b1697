"""Configs to the unit cube and back, and what experts expect."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import spec

from danlu.core.decision import Start
from danlu.core.history import empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.strategies.encoding import encode, usual_config
from danlu.strategies.experts import expectations
from danlu.strategies.names import make
from danlu.surrogates.kernels import squared_distances

SPACE = Space(
    lr=Float(1e-5, 1.0, log=True),
    weight_decay=Float(1e-5, 0.1),
    momentum=Float(0.1, 0.99, when={"optimizer": ("sgd",)}),
    optimizer=Choice("sgd", "adam", "rmsprop"),
    nesterov=Choice(True, False, when={"optimizer": ("sgd",)}),
    batch_size=Choice(16, 32, 64, 128),
    layers=Int(1, 6),
    units=Int(16, 1024, log=True),
    alpha=Float(0.0, 1.0, when={"layers": (1, 2)}),
    fixed=3,
)
ENCODING = encode(SPACE)
points = st.lists(
    st.floats(0.0, 1.0, exclude_max=True),
    min_size=len(ENCODING.axes),
    max_size=len(ENCODING.axes),
).map(np.array)


@given(points)
def test_every_point_is_a_config_of_the_space(w) -> None:  # type: ignore[no-untyped-def]
    config = ENCODING.config(w)
    assert SPACE.check(config) == config


@given(points)
def test_a_config_comes_back_to_its_snapped_point(w) -> None:  # type: ignore[no-untyped-def]
    U, X = ENCODING.snap(w[None])
    config = ENCODING.config(U[0])
    U_back, X_back = ENCODING.snap(ENCODING.place([config]))
    # Values have six digits; where a scale magnifies the end of a range, that shows.
    np.testing.assert_allclose(U_back, U, atol=1e-4)
    np.testing.assert_allclose(X_back, X, atol=1e-4)
    again = ENCODING.config(U_back[0])
    assert set(again) == set(config)
    for name, value in config.items():
        if isinstance(value, float):
            assert again[name] == pytest.approx(value, rel=1e-6, abs=1e-9)
        else:
            assert again[name] == value


@given(points, points)
def test_inactive_parameters_make_no_distance(a, b) -> None:  # type: ignore[no-untyped-def]
    adam = 0.5  # the middle third of the optimizers
    places = {axis.name: j for j, axis in enumerate(ENCODING.axes)}
    for name, j in places.items():
        if name not in ("momentum", "nesterov"):
            b[j] = a[j]
    a[places["optimizer"]] = b[places["optimizer"]] = adam
    _, X = ENCODING.snap(np.stack([a, b]))
    assert squared_distances(X[:1], X[1:])[0, 0] < 1e-12


def test_two_different_choices_are_at_distance_one() -> None:
    space = Space(op=Choice("a", "b", "c"))
    encoding = encode(space)
    _, X = encoding.snap(encoding.place([{"op": "a"}, {"op": "c"}]))
    assert squared_distances(X[:1], X[1:])[0, 0] == pytest.approx(1.0)


def test_growing_numbers_are_ordered_choices() -> None:
    kinds = {a.name: a.kind for a in ENCODING.axes}
    assert kinds["batch_size"] == "ordered"
    assert kinds["optimizer"] == "choice"
    assert kinds["nesterov"] == "choice"


@given(points)
def test_draws_from_the_prior_stay_in_the_cube(w) -> None:  # type: ignore[no-untyped-def]
    drawn = ENCODING.prior_draw(w[None])
    assert np.all((drawn >= 0.0) & (drawn < 1.0))


def test_the_config_to_begin_with_keeps_defaults_and_takes_what_is_usual_for_the_rest() -> None:
    space = Space(
        lr=Float(1e-8, 1.0, log=True),
        dropout=Float(0.0, 1.0, default=1 / 3),
        anything=Float(0.0, 1.0),
    )
    found = usual_config(space)
    assert found["dropout"] == 1 / 3  # to its last digit
    assert found["anything"] == 0.5
    assert isinstance(lr := found["lr"], float)
    assert 1e-4 <= lr <= 1e-2
    assert lr != pytest.approx(space.default()["lr"])


@pytest.mark.parametrize("name", ["random", "halving", "hyperband", "random-grid", "hyperopt"])
def test_searches_begin_with_the_same_config_as_the_checks(name: str) -> None:
    space = Space(lr=Float(1e-8, 1.0, log=True), anything=Float(0.0, 1.0))
    made = spec(space)
    start = next(d for d in make(name, {}).decide(space, empty(made), 1) if isinstance(d, Start))
    assert start.config == usual_config(space)


def test_draws_from_the_prior_gather_around_the_default() -> None:
    U = np.random.default_rng(0).random((500, len(ENCODING.axes)))
    lr = ENCODING.prior_draw(U)[:, 0]
    assert abs(np.median(lr) - ENCODING.default()[0]) < 0.05
    assert lr.std() < 0.2


def test_the_users_default_wins_over_the_experts() -> None:
    space = Space(lr=Float(1e-5, 1.0, log=True, default=0.5), optimizer=Choice("sgd", "adam"))
    expected = expectations(space)
    assert expected["lr"].default == 0.5
    assert expected["optimizer"].default == "adam"


def test_the_learning_rate_of_momentum_is_larger() -> None:
    alone = expectations(Space(lr=Float(1e-5, 1.0, log=True)))["lr"].default
    both = Space(lr=Float(1e-5, 1.0, log=True), momentum=Float(0.0, 0.99))
    assert float(expectations(both)["lr"].default or 0) > float(alone or 0)


def test_a_default_in_other_units_is_ignored() -> None:
    grid = expectations(Space(learning_rate=Int(0, 9), momentum=Float(1.0, 5.0)))
    assert grid["learning_rate"].default is None
    assert grid["momentum"].default is None


def test_a_linear_range_over_decades_is_searched_on_the_roles_scale() -> None:
    scales = {a.name: a.scale for a in ENCODING.axes}
    assert scales["weight_decay"] == "log"
    assert scales["momentum"] == "one minus"
    assert scales["alpha"] == "linear"


def test_a_condition_on_a_constant_either_holds_or_not() -> None:
    space = Space(
        kind="a", on=Float(0, 1, when={"kind": ("a",)}), lr=Float(0.1, 1), other=Choice("a", "b")
    )
    config = encode(space).config(np.full(3, 0.5))
    assert "on" in config


def test_the_first_point_is_the_default_config_to_the_digit() -> None:
    space = Space(
        lr=Float(1e-4, 1.0, log=True, default=1e-3),
        dropout=Float(0.0, 0.7, default=0.2),
        units=Int(16, 512, log=True, default=128),
        optimizer=Choice("sgd", "adam", default="adam"),
        momentum=Float(0.0, 0.99, default=0.9, when={"optimizer": ("sgd",)}),
    )
    encoding = encode(space)
    assert encoding.config(encoding.default()) == space.default()


def test_equal_unknown_choices_are_first_taken_in_turn() -> None:
    cell = {f"op{i}": Choice("none", "skip", "conv") for i in range(4)}
    space = Space(
        **cell, mode=Choice("p", "q"), last=Choice("none", "skip", "conv", default="conv")
    )
    first = usual_config(space)
    assert [first[f"op{i}"] for i in range(4)] == ["none", "skip", "conv", "none"]
    assert first["mode"] == "p"
    assert first["last"] == "conv"
