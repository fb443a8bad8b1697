"""The history is the fold of its events."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.values import stories
from tests.zoo import spec

from danlu.core.decision import Proxy
from danlu.core.event import (
    Began,
    Continued,
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Observed,
    Paused,
    Reported,
    Saved,
    Started,
)
from danlu.core.history import History, empty
from danlu.core.parameter import Value
from danlu.core.spec import Objective


def started(number: int, until: int = 30, stage: str = "", **config: Value) -> Started:
    return Started(0.0, number, config or {"lr": number}, until, number, stage=stage)


def reports(number: int, *values: float) -> list[Reported]:
    return [Reported(0.0, number, e, {"val_loss": v}) for e, v in enumerate(values, 1)]


@given(stories(), st.data())
def test_folding_in_parts_equals_folding_at_once(story: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story)))
    whole = empty(spec(), story)
    parts = empty(spec(), story[:cut]).after(*story[cut:])
    assert repr(parts) == repr(whole)
    assert whole.version <= len(story)


@given(stories())
def test_an_earlier_history_stays_as_it_was(story: list[Event]) -> None:
    before = empty(spec(), story)
    text = repr(before)
    before.after(started(before.next_number))
    assert repr(before) == text


@given(stories())
def test_totals_agree_with_the_trials(story: list[Event]) -> None:
    history = empty(spec(), story)
    spent = sum(len(t.reports) * t.proxy.data_fraction for t in history.trials.values()) / 30
    assert history.trainings == pytest.approx(spent)
    for t in history.trials.values():
        values = [v for _, v in t.curve("val_loss") if math.isfinite(v)]
        assert t.value == min(values, default=None)
        assert [r.epoch for r in t.reports] == sorted({r.epoch for r in t.reports})
    open_ones = {t.number for t in (*history.running, *history.paused)}
    assert open_ones == {t.number for t in history.trials.values() if t.open}


def test_the_first_report_of_an_epoch_counts() -> None:
    history = empty(spec(), [started(1), *reports(1, 3.0, 2.0)])
    again = history.after(Reported(9.0, 1, 2, {"val_loss": 0.1}))
    assert again.trials[1].value == 2.0
    assert again.trainings == history.trainings


def test_reports_that_come_late_are_put_in_order() -> None:
    events = [Reported(0.0, 1, e, {"val_loss": float(e)}) for e in (3, 1, 2)]
    trial = empty(spec(), [started(1), *events]).trials[1]
    assert trial.curve("val_loss") == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert (trial.value, trial.value_epoch) == (1.0, 1)


def test_the_clock_runs_only_while_a_tuner_does() -> None:
    history = empty(spec(), [Began(100.0), Ended(160.0, "done")]).after(Began(9000.0))
    assert history.after(Ended(9005.0, "done")).seconds == 65.0


def test_the_clock_does_not_count_the_time_after_a_crash() -> None:
    crashed = empty(spec(), [Began(100.0), started(1), Reported(130.0, 1, 1, {"val_loss": 1.0})])
    again = crashed.after(Began(9000.0), Ended(9005.0, "done"))
    assert again.seconds == 35.0


def test_training_time_is_summed_over_launches() -> None:
    history = empty(spec(), [Began(0.0), started(1), Paused(5.0, 1), Continued(20.0, 1, 30, 2)])
    assert history.after(Finished(27.0, 1)).trials[1].seconds == 12.0


def test_running_trials_commit_what_they_have_still_to_spend() -> None:
    history = empty(spec(), [started(1, until=15), *reports(1, 3.0, 2.0, 1.0)])
    history = history.after(Started(0.0, 2, {}, 30, 0, Proxy(0.5)))
    assert history.committed == pytest.approx(12 / 30 + 0.5)
    assert history.after(Paused(1.0, 1)).committed == pytest.approx(0.5)


def test_a_lost_trial_waits_among_the_running_ones() -> None:
    history = empty(spec(), [started(1), Lost(1.0, 1, "killed")])
    assert [t.number for t in history.running] == [1]


def test_what_training_can_do_is_remembered() -> None:
    history = empty(spec(), [Began(0.0, takes_fraction=False), started(1)])
    seen = history.after(Observed(1.0, 1, "data_fraction"), Saved(1.0, 1, 4))
    assert (seen.takes_fraction, seen.saves, seen.trials[1].checkpoint) == (True, True, 4)


def test_the_best_is_on_the_real_task_whatever_a_proxy_says() -> None:
    history = empty(spec(), [Started(0.0, 1, {}, 3, 0, Proxy(0.1)), *reports(1, 0.01)])
    assert history.best is not None
    assert history.best.number == 1
    better = history.after(started(2), *reports(2, 5.0))
    assert better.best is not None
    assert better.best.number == 2


def test_failed_trials_are_never_the_best() -> None:
    history = empty(spec(), [started(1), *reports(1, 0.1), Failed(0.0, 1, "exit", "")])
    assert history.best is None
    assert history.ranked == ()


def test_the_best_value_depends_on_the_direction() -> None:
    study = spec(objective=Objective("val_accuracy", "max"))
    events = [Reported(0.0, 1, e, {"val_accuracy": v}) for e, v in ((1, 0.5), (2, 0.9), (3, 0.7))]
    trial = empty(study, [started(1), *events]).trials[1]
    assert (trial.value, trial.value_epoch) == (0.9, 2)


def confirmed(*again: tuple[str, list[float]]) -> History:
    """Two configs trained in full once, a better than b, and some repetitions."""
    history = empty(spec(epochs=1), [started(1, 1, lr="a"), *reports(1, 0.1)])
    history = history.after(started(2, 1, lr="b"), *reports(2, 0.2))
    for config, values in again:
        for value in values:
            number = history.next_number
            history = history.after(started(number, 1, "confirm", lr=config))
            history = history.after(*reports(number, value))
    return history


def test_once_confirmed_the_best_mean_wins_over_the_best_single_run() -> None:
    first = confirmed().best
    assert first is not None
    assert first.config == {"lr": "a"}
    best = confirmed(("a", [0.5, 0.6]), ("b", [0.25, 0.15])).best
    assert best is not None
    assert best.config == {"lr": "b"}
    assert best.value == 0.15


def test_the_default_is_the_first_trial_if_it_agrees_with_every_default_given() -> None:
    wanted = spec().space.default()
    other = {**wanted, "lr": 0.5}
    usual = {**wanted, "dropout": 0.123}  # where the space leaves it open

    def default(*configs: dict[str, Value]) -> int | None:
        found = empty(spec(), [Started(0, n, c, 3, n) for n, c in enumerate(configs, 1)]).default
        return None if found is None else found.number

    assert default(other, wanted) == 2
    assert default(usual, wanted) == 1
    assert default(other) is None


def test_of_a_default_that_climbed_shares_of_the_data_the_largest_counts() -> None:
    config = spec().space.default()
    events: list[Event] = []
    for n, share in enumerate((0.1, 1.0, 0.3), 1):
        events += [Started(0, n, config, 3, n, Proxy(share)), Paused(0, n)]
    nothing = empty(spec(), events).default
    assert nothing is not None
    assert nothing.number == 2
    begun = empty(spec(), [*events, Reported(0, 3, 1, {"val_loss": 0.5})]).default
    assert begun is not None
    assert begun.number == 3  # on all the data it has nothing to compare with yet
