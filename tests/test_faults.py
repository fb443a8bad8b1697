"""Faults of workers that no other file of tests brings about, one study each."""

import os
import resource
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.invariants import assert_sound
from tests.processes import Running, below, numbers, wait_for, wait_until_gone

import danlu
from danlu.core.record import TrialRecord
from danlu.stores import open_store

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("danlu.stores.waiting", "danlu.worker.spool"):
        monkeypatch.setattr(f"{module}.ROOM_S", 0.05)


def study(trials: int = 2, epochs: int = 3, **more: object) -> danlu.Study:
    return danlu.Study(
        "faults", space=SPACE, objective="min val_loss", epochs=epochs, strategy="random",
        budget=f"{trials} trials", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def tuned(train: object, trials: int = 2, workers: int = 1) -> tuple[TrialRecord, ...]:
    """All trials of a study that has run to its end and is sound."""
    mine = study(trials)
    mine.run(train, workers=workers)  # type: ignore[arg-type]
    assert_sound(Path(".danlu"), "faults", workers=workers)
    return mine.trials


def test_a_worker_that_was_stopped_and_goes_on_later_is_nothing() -> None:
    """W5."""

    def train(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            with Path(f"pid-{trial.number}").open("a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(0.1)
            trial.report(epoch, val_loss=1 / epoch)

    with Running(lambda: tuned(train)) as tuner:
        wait_for(lambda: numbers(Path("pid-1")), "training")
        pid = numbers(Path("pid-1"))[0]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(pid, signal.SIGCONT)
        assert tuner.wait() == 0
    trials = danlu.Study.open("faults").trials
    assert [(t.state, t.epoch, t.attempt) for t in trials] == [("finished", 3, 1)] * 2


def test_fewer_epochs_than_asked_for_are_told() -> None:
    """W9."""

    def train(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=1 / epoch)
            if trial.number == 1 and epoch == 2:
                return

    first, second = tuned(train)
    assert (first.state, first.epoch) == ("finished", 2)
    assert first.message == "training ended by itself at epoch 2 of 3"
    assert (second.state, second.message) == ("finished", "")


def test_values_that_are_no_numbers_are_counted() -> None:
    """W14."""

    def train(trial: danlu.Trial) -> None:
        path = next(trial.folder.glob("reports-*"), trial.folder / "reports-1.jsonl")
        with path.open("a") as file:
            for epoch in (1, 2, 3):
                file.write(f'{{"epoch": {epoch}, "val_loss": 0.5, "phase": "warm", "ok": true}}\n')

    first, _ = tuned(train)
    assert first.state == "finished"
    assert first.message == "left out, as it is no number: phase, ok (in all 6)"


def test_two_processes_of_a_trial_that_report_the_same_epoch_fail_it() -> None:
    """W19."""

    def train(trial: danlu.Trial) -> None:
        if trial.number == 1 and os.fork() == 0:
            trial.report(1, val_loss=0.5)
            os._exit(0)
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=1 / epoch)
            time.sleep(0.1)

    first, second = tuned(train)
    assert (first.state, first.cause) == ("failed", "order")
    assert second.state == "finished"


def test_a_trial_that_deletes_its_folder_harms_itself_only() -> None:
    """W20."""

    def train(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            if trial.number == 1 and epoch == 2:
                shutil.rmtree(trial.folder)
            time.sleep(0.05)
            trial.report(epoch, val_loss=1 / epoch)

    first, second, third = tuned(train, trials=3, workers=2)
    assert first.state == "failed"
    assert "No such file" in first.message
    assert [(t.state, t.epoch) for t in (second, third)] == [("finished", 3)] * 2


def steady(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        time.sleep(0.05)
        trial.report(epoch, val_loss=1 / epoch)


def until_held(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        if epoch == 2:
            wait_for(Path("held").exists, "somebody who holds the store")
        trial.report(epoch, val_loss=1 / epoch)


def test_a_store_that_another_program_holds_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C8."""
    monkeypatch.setattr("danlu.stores.database.BUSY_S", 0.1)
    study(trials=4)
    with Running(lambda: study(trials=4).run(until_held, workers=2)) as tuner:
        wait_for(
            lambda: [t.epoch for t in danlu.Study.open("faults").trials] == [1, 1], "two trainings"
        )
        with closing(sqlite3.connect(".danlu/danlu.db", isolation_level=None)) as other:
            other.execute("PRAGMA busy_timeout = 10000")
            other.execute("BEGIN EXCLUSIVE")
            Path("held").touch()  # now there is something to write
            time.sleep(1.0)
            assert not tuner.over()
            other.execute("ROLLBACK")
        assert tuner.wait(60) == 0
    done = danlu.Study.open("faults")
    assert [(t.state, t.epoch, t.attempt) for t in done.trials] == [("finished", 3, 1)] * 4
    told = [e.seen for e in done.history.logbook if e.code == "disk"]
    assert any("is locked" in line for line in told), told
    assert_sound(Path(".danlu"), "faults", workers=2)


def test_several_that_create_one_study_at_once_share_it() -> None:
    """C11: each of them has it, and one can run it."""
    open_store(".danlu").close()
    begin = time.monotonic() + 0.3

    def create() -> None:
        while time.monotonic() < begin:
            pass
        study()

    processes = [Running(create) for _ in range(6)]
    assert [p.wait() for p in processes] == [0] * 6
    with closing(open_store(".danlu")) as store:
        assert list(store.studies()) == ["faults"]


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 10 * 365 * 86_400.0])
def test_a_clock_that_jumps_ends_nothing_early_and_no_time_is_negative(
    monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """C18: the clock of the tuner and of all that it starts later."""
    right = time.time
    begun = time.monotonic()

    def wrong() -> float:
        return right() + (jump if time.monotonic() > begun + 0.4 else 0.0)

    def run() -> None:
        time.time = wrong
        tuned(steady, trials=4, workers=2)

    with Running(run) as tuner:
        assert tuner.wait(60) == 0
    history = danlu.Study.open("faults").history
    assert [(t.state, t.epoch) for t in history.trials.values()] == [("finished", 3)] * 4
    assert all(t.seconds >= 0 for t in history.trials.values())
    assert history.seconds >= 0


def test_a_tuner_without_free_descriptors_waits_and_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C21."""
    held: list[int] = []

    def run() -> None:
        used = len([*Path("/proc/self/fd").iterdir()])
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
        while True:
            try:
                held.append(os.dup(0))
            except OSError:
                break

        def let_go() -> None:
            for descriptor in held:
                os.close(descriptor)

        for _ in range(24):  # enough for the store and its lock
            os.close(held.pop())
        threading.Timer(1.0, let_go).start()
        study(trials=6).run(steady, workers=6)

    with Running(run) as tuner:
        family = below(tuner.pid)
        assert tuner.wait(60) in (0, 1)
    wait_until_gone(family)
    study(trials=6).run(steady, workers=2)
    trials = danlu.Study.open("faults").trials
    assert {t.state for t in trials} <= {"finished", "failed"}
    assert len(trials) == 6
    assert_sound(Path(".danlu"), "faults", workers=6)


def test_many_choices_and_parameters_work() -> None:
    """V4: the limits that are known to work."""

    def train(trial: danlu.Trial) -> None:
        assert len(trial.params) == 2001
        trial.report(1, val_loss=1.0)

    space = danlu.Space(
        kind=danlu.Choice(*(f"kind {i}" for i in range(100_000))),
        **{f"p{i}": danlu.Float(0.0, 1.0) for i in range(2000)},
    )
    mine = danlu.Study(
        "many", space=space, objective="min val_loss", epochs=1, strategy="random",
        budget="2 trials",
    )  # fmt: skip
    mine.run(train)
    assert [t.state for t in danlu.Study.open("many").trials] == ["finished"] * 2
