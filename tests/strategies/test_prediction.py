"""Predicted values of trials, with intervals."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.strategies.simulate import begin, run

from danlu.core.event import Continued, Event, Failed, Paused, Reported, Started
from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.prediction import AT_ONCE, MOST, predict

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


def test_a_running_trial_is_predicted_from_what_it_reported(history: History) -> None:
    paused = next(t for t in history.paused if t.epoch >= 3)
    goes_on = Continued(history.last_at + 1, paused.number, EPOCHS, paused.attempt)
    assert predict(history.after(goes_on)) == predict(history)


def test_every_trial_of_a_large_study_is_predicted() -> None:
    events: list[Event] = []
    for n in range(1, MOST + AT_ONCE + 30):
        config = {"lr": 10.0 ** (-(n % 40) / 10), "momentum": 0.99 * (n % 17) / 17}
        events.append(Started(n, n, config, 2, n))
        events += [Reported(n, n, e, {"metric": accuracy(config, e)}) for e in (1, 2)]
        events.append(Paused(n, n))
    history = begin(SPACE, EPOCHS, direction="max").after(*events)
    predictions = predict(history)
    assert [p.trial for p in predictions] == sorted(history.trials)
    some = predict(history, trials={3, MOST + AT_ONCE})
    assert [p.trial for p in some] == [3, MOST + AT_ONCE]


def test_an_accuracy_is_not_predicted_beyond_one_nor_a_loss_below_zero() -> None:
    for direction, values in (("max", (0.9, 0.97, 0.999)), ("min", (0.1, 0.03, 0.0))):
        history = begin(SPACE, EPOCHS, direction=direction)
        for n in range(1, 6):
            config = {"lr": 10.0**-n if n < 5 else 0.5, "momentum": 0.1 * n}
            history = history.after(
                Started(n, n, config, 3, n),
                *(Reported(n, n, e, {"metric": v}) for e, v in enumerate(values, 1)),
                Paused(n, n),
            )
        predictions = predict(history)
        assert len(predictions) == 5
        assert all(p.low >= 0 and (direction == "min" or p.high <= 1) for p in predictions)


def test_a_trial_that_failed_is_not_predicted(history: History) -> None:
    first = history.paused[0].number
    failed = history.after(Failed(history.last_at, first, "exception", "no memory"))
    assert first in {p.trial for p in predict(history)}
    assert first not in {p.trial for p in predict(failed)}
