"""Spaces: conditions, configs and mistakes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.values import points, spaces
from tests.zoo import SPACE

from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.errors import ConfigError, SpaceError


@given(spaces(), st.data())
def test_every_point_of_the_unit_cube_is_a_config_and_comes_back(
    space: Space, data: st.DataObject
) -> None:
    config = space.from_unit(data.draw(points(space)))
    assert space.check(config) == config
    back = space.from_unit({**dict.fromkeys(space, 0.5), **space.to_unit(config)})
    assert back.keys() == config.keys()
    for name, value in config.items():
        exact = not isinstance(space[name], Float)
        assert back[name] == (value if exact else pytest.approx(value, rel=1e-4, abs=1e-5))


@given(spaces(), st.data())
def test_exactly_the_parameters_whose_conditions_hold_are_in_a_config(
    space: Space, data: st.DataObject
) -> None:
    config = space.from_unit(data.draw(points(space)))
    for name in space:
        assert (name in config) == space.active(name, config)
    assert ("width" in config) == (config.get("depth") == 1)


@given(spaces())
def test_the_default_config_belongs_to_the_space(space: Space) -> None:
    assert space.check(space.default()) == space.default()
    assert space.check({}, complete=True) == space.default()


def test_a_condition_may_stand_before_its_parent() -> None:
    space = Space(child=Int(1, 2, when={"parent": ("a",)}), parent=Choice("a", "b"))
    assert list(space) == ["parent", "child"]
    assert space.default() == {"parent": "a", "child": 2}


def test_plain_values_are_constants() -> None:
    space = Space(lr=Float(0.0, 1.0), batch_size=64, name="x", off=None)
    assert space.free == ("lr",)
    assert space.default() == {"lr": 0.5, "batch_size": 64, "name": "x", "off": None}


def test_values_of_inactive_parameters_are_dropped() -> None:
    given_config = {**SPACE.default(), "momentum": 0.5}
    assert SPACE.check(given_config) == SPACE.default()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"lrr": 0.1}, "'lrr' is no parameter of this space. Did you mean 'lr'?"),
        ({"lr": 5.0}, "lr: must be a number in [1e-05, 1.0], but got 5.0."),
        ({"layers": 1.5}, "layers: must be a whole number in [1, 4], but got 1.5."),
        ({"layers": True}, "layers: must be a whole number in [1, 4], but got True."),
        ({"optimizer": "adma"}, "optimizer: must be one of 'sgd', 'adam', 'rmsprop', but got"),
        ({}, "lr: a value is needed, but none was given."),
    ],
)
def test_a_config_that_does_not_belong_says_why(config: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        SPACE.check(config)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Space(), "a space needs at least one parameter."),
        (lambda: Space({"1x": 3}), "'1x' is no good name for a parameter"),
        (lambda: Space(c=[1, 2]), "c: choices must be text, numbers"),
        (lambda: Space(a=Int(1, 2, when={"bb": (1,)}), b=1), "names 'bb', which is unknown."),
        (
            lambda: Space(a=Int(1, 2, when={"b": ("z",)}), b=Choice("x", "y")),
            "a: its condition can never hold: b must be one of 'x', 'y', but got 'z'.",
        ),
        (
            lambda: Space(a=Int(1, 2, when={"b": (1,)}), b=Int(1, 2, when={"a": (1,)})),
            "the conditions of a, b depend on each other in a circle.",
        ),
    ],
)
def test_a_space_that_cannot_be_says_why(make: Callable[[], Space], expected: str) -> None:
    with pytest.raises(SpaceError) as error:
        make()
    assert expected in str(error.value)
