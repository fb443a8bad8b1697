"""Predicted values of trials, with intervals."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.strategies.simulate import begin, run

from danlu.core.event import Reported, Started
from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.prediction import predict

SPACE = Space(lr=Float(1e-4, 1.0, log=True), momentum=Float(0.0, 0.99))
EPOCHS = 30


def accuracy(config: Mapping[str, Any], epoch: int) -> float:
    return float(0.95 - 0.3 * abs(config["momentum"] - 0.7) - 0.4 / epoch)


@pytest.fixture(scope="module")
def history() -> History:
    return run(FreezeThaw(), SPACE, accuracy, epochs=EPOCHS, trainings=3, direction="max")


def test_every_unfinished_trial_gets_a_value_inside_its_interval(history: History) -> None:
    predictions = predict(history)
    unfinished = {t.number for t in history.trials.values() if 0 < t.epoch < EPOCHS}
    assert {p.trial for p in predictions} == unfinished
    assert all(p.low <= p.value <= p.high and p.epoch == EPOCHS for p in predictions)


def test_intervals_hold_most_of_the_true_values(history: History) -> None:
    deep = [p for p in predict(history) if history.trials[p.trial].epoch >= 5]
    truths = [accuracy(history.trials[p.trial].config, EPOCHS) for p in deep]
    inside = [p.low - 0.02 <= y <= p.high + 0.02 for p, y in zip(deep, truths, strict=True)]
    assert sum(inside) >= 0.7 * len(inside)


def test_epochs_can_be_chosen_and_passed_ones_are_left_out(history: History) -> None:
    predictions = predict(history, epochs=(1, 20, 25))
    assert {p.epoch for p in predictions} == {20, 25}
    assert all(p.epoch > history.trials[p.trial].epoch for p in predictions)


def test_without_a_finite_value_nothing_is_predicted() -> None:
    empty = begin(SPACE, EPOCHS)
    assert predict(empty) == []
    config = {"lr": 0.1, "momentum": 0.5}
    lost = empty.after(
        Started(1.0, 1, config, 3, 7), Reported(2.0, 1, 1, {"metric": float("nan")})
    )
    assert predict(lost) == []
