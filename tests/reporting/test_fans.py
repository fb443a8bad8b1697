"""Predictions as data of the report."""

import math

import pytest
from tests.reporting import histories

from danlu.core.prediction import Prediction
from danlu.reporting.fans import fans_of, holding
from danlu.reporting.html import render_report
from danlu.reporting.payload import page_data
from danlu.reporting.ranges import Range

ACCURACY = Range(0.8, 0.97, (0.1, 0.97), log=False, can_log=True)
LOSS = Range(0.1, 1.0, (0.1, 9.0), log=False, can_log=True)


def test_a_fan_holds_its_epochs_in_order_and_few_digits() -> None:
    later, sooner = Prediction(4, 30, 2 / 3, 0.6, 0.7), Prediction(4, 10, 0.5, 0.4, 0.6)
    assert fans_of([later, sooner]) == {4: [(10, 0.4, 0.5, 0.6), (30, 0.6, 0.66667, 0.7)]}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1e200])
def test_what_no_chart_can_show_is_left_out(bad: float) -> None:
    assert fans_of([Prediction(1, 9, 0.5, bad, 0.6)]) == {}


def test_the_axis_makes_room_at_its_good_end_only() -> None:
    wide = holding(ACCURACY, [[(30, 0.2, 0.9, 0.99)]], "max")
    assert wide.low == ACCURACY.low
    assert wide.high > 0.99
    low = holding(LOSS, [[(30, 0.06, 0.5, 7.0)]], "min")
    assert low.high == LOSS.high
    assert low.low < 0.1
    assert holding(LOSS, [], "min") == LOSS


def test_a_loss_keeps_its_log_scale_when_a_fan_reaches_zero() -> None:
    assert holding(LOSS, [[(30, 0.0, 0.01, 0.1)]], "min").low > 0


def test_only_the_objectives_chart_makes_room() -> None:
    history, predictions = histories.promising()
    higher = [Prediction(1, 30, 1.5, 1.4, 1.6)]
    before, after = page_data(history)["metrics"], page_data(history, higher)["metrics"]
    assert before[0]["val"] == "val_accuracy"
    assert after[0]["range"]["high"] > 1.6 > before[0]["range"]["high"]
    assert after[1] == before[1]
    assert "3" not in page_data(history, predictions)["fans"]


def test_sixty_fans_take_little_room() -> None:
    history = histories.large(100, 100)
    predictions = [
        Prediction(n, e, 0.123456789, 0.1, 0.2) for n in range(1, 61) for e in range(90, 100)
    ]
    assert len(render_report(history, predictions)) - len(render_report(history)) < 25_000
