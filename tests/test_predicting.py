"""Predictions as people ask for them, and those that reports draw."""

import math

import pytest

import danlu
from danlu.core.event import Event, Finished, Paused, Reported, Started
from danlu.core.history import History, empty
from danlu.predicting import predict_open

SPACE = danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True), dropout=danlu.Float(0.0, 0.7))
SPEC = danlu.Spec("study", SPACE, danlu.Objective.parse("max val_accuracy"), epochs=30)


def accuracy(n: int, epoch: int) -> float:
    return 0.95 - 0.02 * n - 0.4 / epoch


def paused(*lengths: int) -> History:
    """One trial for each length, paused there or finished."""
    events: list[Event] = []
    for n, length in enumerate(lengths, 1):
        config = {"lr": 10.0 ** (-n / len(lengths) * 4), "dropout": 0.1}
        events.append(Started(n, n, config, length, seed=n))
        for epoch in range(1, length + 1):
            events.append(Reported(n, n, epoch, {"val_accuracy": accuracy(n, epoch)}))  # noqa: PERF401
        events.append(Finished(n, n) if length == SPEC.epochs else Paused(n, n))
    return empty(SPEC, events)


def test_a_study_and_its_history_give_the_same_predictions() -> None:
    study = danlu.Study(
        "digits", space=SPACE, objective="max val_accuracy", epochs=3, strategy="halving",
        budget="4x", store=None,
    )  # fmt: skip
    while (trial := study.ask()) is not None:
        for epoch in trial.epochs():
            trial.report(epoch, val_accuracy=0.9 - trial.number / 100 - 0.1 / epoch)
        study.tell(trial)
    found = danlu.predict(study)
    assert found
    assert found == danlu.predict(study.history)
    assert {p.epoch for p in found} == {3}


def test_a_steady_curve_is_predicted_near_where_it_ends() -> None:
    found = danlu.predict(paused(30, 30, 15, 20))
    assert [p.trial for p in found] == [3, 4]
    for p in found:
        truth = accuracy(p.trial, 30)
        assert p.low <= truth <= p.high
        assert p.value == pytest.approx(truth, abs=0.01)
        assert p.sd == pytest.approx((p.high - p.low) / 3.29, rel=1e-3)


def test_an_epoch_beyond_the_full_length_is_refused() -> None:
    with pytest.raises(danlu.StudyError, match=r"from 1 to 30.*got 31"):
        danlu.predict(paused(5, 5, 5), epochs=(10, 31))


def test_charts_get_open_trials_at_growing_epochs_up_to_the_end() -> None:
    found = predict_open(paused(30, 10, 5, 12), path=True)
    assert {p.trial for p in found} == {2, 3, 4}
    epochs = [p.epoch for p in found if p.trial == 3]
    assert 3 <= len(epochs) <= 10
    assert epochs == sorted(epochs)
    assert epochs[0] > 5
    assert epochs[-1] == 30
    widths = [p.high - p.low for p in found if p.trial == 3]
    assert widths[-1] > widths[0]


def test_charts_get_the_best_open_trials_when_there_are_many() -> None:
    found = predict_open(paused(*([8] * 9)), most=3)
    assert [p.trial for p in found] == [1, 2, 3]


def test_too_few_curves_give_no_picture_of_the_future() -> None:
    assert predict_open(paused(5, 5)) == []
    assert predict_open(paused(1, 1, 1, 1)) == []
    assert predict_open(paused(7, 7, 7, 7)) == [], "none has reached a quarter of the full length"
    assert predict_open(paused(30, 30, 30)) == []
    assert predict_open(empty(SPEC)) == []


def test_a_space_in_which_nothing_may_vary_has_no_predictions() -> None:
    spec = danlu.Spec("one", danlu.Space(lr=0.1), SPEC.objective, epochs=9)
    events: list[Event] = []
    for n in range(1, 5):
        events.append(Started(n, n, {"lr": 0.1}, 9, seed=n))
        events += [Reported(n, n, e, {"val_accuracy": 0.1 * e}) for e in (1, 2)]
    assert predict_open(empty(spec, events)) == []


def test_values_that_overflow_are_no_error() -> None:
    events: list[Event] = []
    for n, value in enumerate((0.7, 1e308, -1e308, 5e-324, math.inf), 1):
        events.append(Started(n, n, {"lr": 0.1**n, "dropout": 0.1 * n}, 9, seed=n))
        events += [Reported(n, n, e, {"val_accuracy": value / e}) for e in (1, 2)]
        events.append(Paused(n, n))
    assert all(p.low <= p.value <= p.high for p in predict_open(empty(SPEC, events)))
