"""Parameters: their ranges, their mistakes, and the way to the unit interval and back."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.values import choices, floats, ints

from danlu.core.parameter import Choice, Float, Int, same
from danlu.errors import SpaceError

UNIT = st.floats(0.0, 1.0)


@given(floats(), UNIT)
def test_a_float_keeps_its_place_on_its_scale(p: Float, u: float) -> None:
    value = p.from_unit(u)
    assert p.low <= value <= p.high
    if p.high > p.low * 1.1 or not p.log:  # values are rounded to what a person can read
        assert p.to_unit(value) == pytest.approx(u, abs=1e-4)
    assert p.from_unit(p.to_unit(value)) == pytest.approx(value, rel=1e-4, abs=1e-5)


@given(ints() | choices(), st.data())
def test_whole_numbers_and_choices_come_back_exactly(p: Int | Choice, data: st.DataObject) -> None:
    values = p.values if isinstance(p, Choice) else range(p.low, p.high + 1)
    value = data.draw(st.sampled_from(values))
    back = p.from_unit(p.to_unit(value))
    assert same(back, value)


@given(floats() | ints(), UNIT, UNIT)
def test_greater_places_have_greater_values(p: Float | Int, u: float, v: float) -> None:
    low, high = sorted((u, v))
    assert p.from_unit(low) <= p.from_unit(high)


@given(floats() | ints() | choices())
def test_the_ends_of_the_unit_interval_are_those_of_the_range(p: Float | Int | Choice) -> None:
    ends = (p.values[0], p.values[-1]) if isinstance(p, Choice) else (p.low, p.high)
    for u, end in zip((0.0, 1.0), ends, strict=True):
        value = p.from_unit(u)
        assert value == end


@given(floats() | ints() | choices())
def test_the_middle_is_a_value_of_the_parameter(p: Float | Int | Choice) -> None:
    assert p.problem(p.middle()) is None


def test_a_uniform_draw_takes_each_whole_number_as_often() -> None:
    drawn = Counter(Int(1, 4).from_unit((i + 0.5) / 1000) for i in range(1000))
    assert drawn == {1: 250, 2: 250, 3: 250, 4: 250}


def test_a_log_scale_gives_each_decade_as_much() -> None:
    p = Float(1e-4, 1.0, log=True)
    assert [p.from_unit(i / 4) for i in range(5)] == [1e-4, 1e-3, 1e-2, 0.1, 1.0]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Float(1.0, 0.0), "low must not exceed high, but got low=1.0 > high=0.0."),
        (lambda: Float(0.0, 1.0, log=True), "a log scale needs low > 0, but got low=0.0."),
        (lambda: Float(float("nan"), 1.0), "low and high must be finite numbers, but got low=nan"),
        (lambda: Float("a", True), "but got low='a', high=True."),  # type: ignore[arg-type]
        (lambda: Float(0.0, 1.0, default=2.0), "the default must lie in [0.0, 1.0], but got"),
        (lambda: Float(0.0, 1.0, limits=(0.5, 2.0)), "limits must enclose [0.0, 1.0], but got"),
        (lambda: Int(0.5, 4), "whole numbers are needed, but got low=0.5."),  # type: ignore[arg-type]
        (lambda: Int(1, 4, default=2.5), "but got default=2.5."),  # type: ignore[arg-type]
        (lambda: Choice(), "at least one choice is needed, but the list is empty."),
        (lambda: Choice("a", "b", "a"), "each choice may stand once, but 'a' stands twice."),
        (lambda: Choice([1]), "choices must be text, numbers, true, false or none, but got [1]."),  # type: ignore[arg-type]
        (lambda: Choice("a", "b", default="c"), "the default must be one of 'a', 'b', but got"),
    ],
)
def test_a_parameter_that_cannot_be_says_why(make: Any, expected: str) -> None:
    with pytest.raises(SpaceError) as error:
        make()
    assert expected in str(error.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(SpaceError) as error:
        Float(0.0, -1.0, log=True, default=3.0)
    assert len(error.value.problems) == 3


def test_true_and_one_are_two_choices() -> None:
    p = Choice(1, True, 0, False)
    assert [p.from_unit(p.to_unit(v)) for v in p.values] == [1, True, 0, False]
    assert p.index(True) == 1


def test_another_range_moves_the_default_inside() -> None:
    assert Float(0.0, 1.0, default=0.1).between(0.5, 0.9) == Float(0.5, 0.9, default=0.5)
    assert Int(1, 100, default=50).between(3.2, 7.9) == Int(4, 7, default=7)


def test_values_beyond_the_range_are_taken_up_to_the_limits() -> None:
    assert Float(1e-3, 0.1, limits=(1e-5, 1.0)).problem(0.5) is None
    assert Int(1, 4, limits=(1, 8)).problem(9) == "must be a whole number in [1, 8], but got 9."


def test_a_range_wider_than_a_float_is_refused() -> None:
    with pytest.raises(SpaceError, match="too wide"):
        Float(-1e308, 1e308)
