"""Trials that hang, and trials that take too long, are ended; the tuner's own pauses are not."""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.invariants import assert_sound

import danlu
from danlu.core.event import Began, Continued, Event, Failed, Lost, Reported, Started, Stopped
from danlu.core.history import History
from danlu.core.limits import Limits, Overdue
from danlu.core.spec import Objective, Spec
from danlu.errors import StudyError

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))
SPEC = Spec("s", SPACE, Objective("loss", "min"), epochs=100)


@pytest.mark.parametrize(
    ("report", "trial", "limits"),
    [
        (None, None, Limits()),
        ("10 min", "2h", Limits(600.0, 7200.0)),
        (30, 0.5, Limits(30.0, 0.5)),
        ("off", "off", Limits(math.inf, math.inf)),
    ],
)
def test_times_are_read(report: object, trial: object, limits: Limits) -> None:
    assert Limits.parse(report, trial) == limits


@pytest.mark.parametrize("bad", ["", "soon", "20x", "3 trials", "2h, 3 trials", 0, -1, True, []])
def test_what_is_no_time_is_refused(bad: object) -> None:
    with pytest.raises(StudyError, match="report_timeout must be a time such as"):
        Limits.parse(bad)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("danlu.core.limits.time.monotonic", clock)
    return clock


def history(*more: Event) -> History:
    started = Started(1.0, 1, {"lr": 0.1}, 100, 7)
    return History(SPEC).after(Began(1.0), started, *more)


def watch(overdue: Overdue, clock: Clock, seconds: float, seen: History) -> list[Event]:
    """What is overdue after some seconds of turns, each a second."""
    for _ in range(int(seconds)):
        clock.now += 1.0
        if found := list(overdue.found(seen)):
            return [*found]
    return []


def reports(last: int) -> Iterator[Event]:
    return (Reported(1.0, 1, epoch, {"loss": 0.1}) for epoch in range(1, last + 1))


def test_by_itself_the_limit_follows_the_longest_epoch(clock: Clock) -> None:
    overdue = Overdue(Limits())
    assert not watch(overdue, clock, 5_000, history()), "no limit before the first report"
    assert not watch(overdue, clock, 1, history(*reports(1)))  # which took 5,000 s
    assert not watch(overdue, clock, 99_000, history(*reports(1)))
    (lost,) = watch(overdue, clock, 2_000, history(*reports(1)))
    assert isinstance(lost, Lost)
    assert "reported nothing for 10000" in lost.message


def test_quick_epochs_still_have_ten_minutes(clock: Clock) -> None:
    overdue = Overdue(Limits())
    watch(overdue, clock, 1, history())
    watch(overdue, clock, 1, history(*reports(1)))
    assert not watch(overdue, clock, 590, history(*reports(1)))
    assert watch(overdue, clock, 20, history(*reports(1)))


def test_time_in_which_the_tuner_did_not_look_is_nobodys_silence(clock: Clock) -> None:
    overdue = Overdue(Limits(report=60.0, trial=300.0))
    watch(overdue, clock, 1, history())
    clock.now += 86_400.0  # suspended, or waiting for a server
    assert not watch(overdue, clock, 50, history())
    assert watch(overdue, clock, 20, history())


def test_a_trial_that_has_trained_too_long_is_stopped(clock: Clock) -> None:
    overdue = Overdue(Limits(trial=300.0))
    for epoch in range(1, 31):
        assert not watch(overdue, clock, 10, history(*reports(epoch)))
    (stopped,) = watch(overdue, clock, 10, history(*reports(30)))
    assert isinstance(stopped, Stopped)
    assert "trial_timeout, 300 s" in stopped.why


def test_a_second_silence_without_a_new_epoch_is_a_failure(clock: Clock) -> None:
    overdue = Overdue(Limits(report=5.0))
    lost = history(Lost(2.0, 1, "it hung"))
    assert isinstance(watch(overdue, clock, 10, history())[0], Lost)
    (failed,) = watch(overdue, clock, 10, lost.after(Continued(3.0, 1, 100, 2)))
    assert isinstance(failed, Failed)
    assert failed.cause == "timeout"


class Nothing:
    def state_dict(self) -> dict[str, int]:
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        pass


def test_a_hanging_trial_is_tried_again_from_its_checkpoint_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Where other tests have loaded it, its optimisers would be made ready first, for seconds.
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    def train(trial: danlu.Trial) -> None:
        start = trial.restore(Nothing())
        with Path("starts").open("a") as file:
            file.write(f"{trial.number}:{start} ")
        for epoch in trial.epochs(start):
            if (trial.number, epoch) == (2, 4):
                time.sleep(60)
            trial.report(epoch, val_loss=1.0 / epoch)
            trial.save(Nothing(), now=True)
            if (trial.number, epoch, trial.attempt) == (1, 2, 1):
                time.sleep(60)

    study = danlu.Study(
        "hanging", space=SPACE, objective="min val_loss", epochs=4, budget="3 trials",
        strategy="random",
    )  # fmt: skip
    study.run(train, workers=3, limits=danlu.Limits(report=1.0))
    first, second, third = study.trials
    assert (first.state, first.epoch, first.attempt) == ("finished", 4, 2)
    assert (second.state, second.epoch, second.cause) == ("failed", 3, "timeout")
    assert third.state == "finished"
    starts = sorted(Path("starts").read_text().split())
    assert starts == ["1:0", "1:2", "2:0", "2:3", "3:0"]
    assert_sound(Path(".danlu"), "hanging", workers=3)
