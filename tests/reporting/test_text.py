import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.reporting.text import (
    format_duration,
    format_measured,
    format_number,
    format_spread,
    format_value,
    sparkline,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.30000000000000004, "0.3"),
        (0.9731499, "0.9731"),
        (3.16227766e-05, "3.162e-5"),
        (0.001, "0.001"),
        (123456.789, "123457"),
        (1200.0, "1200"),
        (2.5e9, "2.5e9"),
        (-0.25, "-0.25"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert format_number(value) == text


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_a_formatted_number_is_close_to_the_number(value: float) -> None:
    assert float(format_number(value)) == pytest.approx(value, rel=1e-3)
    assert len(format_number(value)) <= 10


def test_values_of_any_kind_read_as_a_person_writes_them() -> None:
    values = [True, None, 64, "adam", 0.1 + 0.2]
    assert [format_value(v) for v in values] == ["true", "none", "64", "adam", "0.3"]


def test_a_measured_value_ends_at_the_first_digit_of_its_noise() -> None:
    assert format_measured(0.973482, sd=0.0041) == "0.973"
    assert format_measured(0.973482) == "0.9735"
    assert format_spread(0.973482, 0.0041) == "0.973 ± 0.004"
    assert format_spread(0.5, 0.0) == "0.5", "equal values are no proof of no noise"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.7, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3780, "1 h 03 m"),
        (187_200, "2 d 04 h"),
        (math.nan, "–"),
    ],
)
def test_durations_show_their_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"


def test_a_sparkline_shows_the_end_of_a_long_curve() -> None:
    line = sparkline([*range(100), 1000], 10)
    assert len(line) == 10
    assert line[-1] == "█"
    assert line[0] == "▁"


def test_a_sparkline_marks_what_is_not_finite() -> None:
    assert sparkline([1.0, math.nan, 2.0], 3) == "▁×█"
    assert sparkline([math.nan], 5) == "×"
    assert sparkline([], 5) == ""


def test_two_sparklines_can_share_a_scale() -> None:
    assert sparkline([1.0, 1.0], 2, low=0.0, high=1.0) == "██"
    assert sparkline([0.0, 0.5], 2, low=0.0, high=1.0) == "▁▅"


@given(st.lists(st.floats()), st.integers(-1, 30))
def test_a_sparkline_is_never_wider_than_asked(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(len(values), max(0, width))
