"""Kill anything at any moment, run the same again: no epoch is lost or twice, no process left."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.invariants import assert_sound
from tests.processes import Running, below, wait_for, wait_until_gone

import danlu
from danlu.core.event import Reported, Started
from danlu.stores import open_store
from danlu.stores.sql import SqlStore

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))
KILLS = 24
EPOCHS = 6


class Weight:
    """A state that tells how many epochs went into it."""

    def __init__(self) -> None:
        self.epochs = 0

    def state_dict(self) -> dict[str, int]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epochs = state["epochs"]


def note(name: str, text: str) -> None:
    """Append a line, which survives this process."""
    descriptor = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def lines(name: str) -> list[list[int]]:
    path = Path(name)
    if not path.exists():
        return []
    return [[int(n) for n in line.split()] for line in path.read_text().splitlines() if line]


def train(trial: danlu.Trial) -> None:
    """Quick epochs; each that was reported is noted once `report` has returned."""
    note("pids", str(os.getpid()))
    weight = Weight()
    for epoch in trial.epochs(trial.restore(weight)):
        time.sleep(0.004)
        weight.epochs += 1
        assert weight.epochs == epoch, "the checkpoint is of another epoch"
        trial.report(epoch, val_loss=float(trial.params["lr"] or 0) + 1 / epoch)
        note("reported", f"{trial.number} {epoch}")
        trial.save(weight)


def study(budget: str = "60 trials") -> danlu.Study:
    return danlu.Study(
        "crashing", space=SPACE, objective="min val_loss", epochs=EPOCHS, budget=budget,
        strategy="halving", options={"eta": 2, "min_epochs": 2},
    )  # fmt: skip


def tune() -> None:
    study().run(train, workers=2)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("danlu.worker.trial.CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr("danlu.tuner.MAX_LOSSES", 100)  # this machine is struck by lightning
    before = below()
    yield
    assert below() <= before, "a process was left behind"
    reported = {(trial, epoch) for trial, epoch in lines("reported")}
    with closing(open_store(".danlu")) as store:
        names = store.studies()
    for name in names:
        mine = danlu.Study.open(name)
        over = not mine.history.active  # some tests leave it as a crash did
        assert_sound(Path(".danlu"), name, reported if len(names) == 1 else (), over=over,
                     workers=2)  # fmt: skip


def strike(tuner: Running, draw: random.Random) -> set[int]:
    """Kill the main process, or one that trains; everything that was below the main process."""
    time.sleep(draw.uniform(0.0, 0.08))
    family = below(tuner.pid) if not tuner.over() else set()
    trained = {pid for (pid,) in lines("pids")} if Path("pids").exists() else set()
    workers = sorted(family & trained)
    if workers and draw.random() < 0.5:
        with suppress(ProcessLookupError):
            os.kill(draw.choice(workers), signal.SIGKILL)
    elif not tuner.over():
        tuner.send(signal.SIGKILL)
        tuner.wait()
    return family


def recorded() -> Counter[tuple[int, int]]:
    """(trial, epoch) of every report in the database, as often as it stands there."""
    history = study().history
    return Counter((t.number, r.epoch) for t in history.trials.values() for r in t.reports)


@pytest.mark.timeout(120)
def test_kills_at_random_moments_lose_no_epoch_double_none_and_leave_no_process() -> None:
    draw = random.Random(3)
    tuner = Running(tune)
    seen: set[int] = set()
    for _ in range(KILLS):
        seen |= strike(tuner, draw)
        if tuner.over():
            tuner = Running(tune)  # the same command again
    with tuner:
        assert tuner.wait(60) == 0
    wait_until_gone(seen)
    done = study()
    assert done.history.outcome == "done"
    assert len(done.trials) == 60
    assert {t.state for t in done.trials} <= {"finished", "paused"}
    reported = {(trial, epoch) for trial, epoch in lines("reported")}
    kept = recorded()
    assert set(kept) >= reported, "what report() returned from is kept"
    assert max(kept.values()) == 1
    for trial in done.trials:
        assert [r.epoch for r in trial.reports] == list(range(1, trial.epoch + 1))
    assert done.history.trainings == pytest.approx(sum(kept.values()) / EPOCHS)


def test_a_worker_that_is_lost_again_and_again_without_progress_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cursed(trial: danlu.Trial) -> None:
        for epoch in trial.epochs(1 if trial.attempt > 1 else 0):
            trial.report(epoch, val_loss=1.0)
            if trial.number == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("danlu.tuner.MAX_LOSSES", 2)
    mine = danlu.Study(
        "cursed", space=SPACE, objective="min val_loss", epochs=1, budget="2 trials",
        strategy="random",
    )  # fmt: skip
    mine.run(cursed)
    assert [t.state for t in mine.trials] == ["finished", "finished"], "it had all its epochs"

    def hopeless(trial: danlu.Trial) -> None:
        if trial.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        trial.report(1, val_loss=1.0)

    other = danlu.Study(
        "hopeless", space=SPACE, objective="min val_loss", epochs=1, budget="2 trials",
        strategy="random",
    )  # fmt: skip
    other.run(hopeless)
    first = other.trials[0]
    assert (first.state, first.cause, first.attempt) == ("failed", "lost", 3)
    assert "its worker was lost 3 times in a row: its process was killed" in first.message


def test_interruptions_are_no_losses_of_the_worker() -> None:
    def endless(trial: danlu.Trial) -> None:
        note("pids", str(os.getpid()))
        time.sleep(60)

    def tune_endless() -> None:
        danlu.Study(
            "endless", space=SPACE, objective="min val_loss", epochs=1, strategy="random",
            budget="1 trials",
        ).run(endless)  # fmt: skip

    for times in range(1, 4):
        with Running(tune_endless):
            wait_for(lambda n=times: Path("pids").exists() and len(lines("pids")) == n, "a start")  # type: ignore[misc]
    trial = danlu.Study.open("endless").trials[0]
    assert (trial.attempt, trial.losses) == (1, 0)


# ---- signals


def slow(trial: danlu.Trial) -> None:
    note("pids", str(os.getpid()))
    weight = Weight()
    for epoch in trial.epochs(trial.restore(weight)):
        trial.report(epoch, val_loss=1 / epoch)
        note("reported", f"{trial.number} {epoch}")
        trial.save(weight)
        wait_for(Path("go").exists, "the word to go on", 60)


def tune_slowly() -> None:
    danlu.Study(
        "slow", space=SPACE, objective="min val_loss", epochs=3, strategy="random",
        budget="4 trials",
    ).run(slow, workers=2)  # fmt: skip


@pytest.fixture
def slowly() -> Iterator[Running]:
    with Running(tune_slowly) as tuner:
        wait_for(lambda: Path("reported").exists() and len(lines("reported")) == 2, "two trials")
        yield tuner


def after() -> danlu.Study:
    return danlu.Study.open("slow")


def test_one_interrupt_lets_what_runs_come_to_its_end(slowly: Running) -> None:
    slowly.send(signal.SIGINT)
    time.sleep(0.3)
    assert not slowly.over()
    Path("go").touch()
    assert slowly.wait(5) == 130
    assert after().history.outcome == "interrupted"
    assert [(t.state, t.epoch) for t in after().trials] == [("finished", 3)] * 2


@pytest.mark.parametrize(
    "signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]]
)
def test_two_interrupts_or_a_termination_end_at_once_and_lose_nothing(
    slowly: Running, signals: list[int]
) -> None:
    family = below(slowly.pid)
    begun = time.monotonic()
    for number in signals:
        slowly.send(number)
        time.sleep(0.05)  # two signals of one kind at once are one
    assert slowly.wait() == 130
    assert time.monotonic() < begun + 3.0
    wait_until_gone(family, 1.0)
    assert [(t.state, t.epoch) for t in after().trials] == [("lost", 1)] * 2
    assert after().history.outcome == "interrupted"
    Path("go").touch()
    tune_slowly()
    assert [(t.state, t.epoch, t.attempt) for t in after().trials] == [("finished", 3, 1)] * 4


def test_reports_of_the_last_moment_are_kept(tmp_path: Path) -> None:
    def fast(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=1 / epoch)
            note("reported", f"{trial.number} {epoch}")

    def tune_fast() -> None:
        danlu.Study(
            "fast", space=SPACE, objective="min val_loss", epochs=10**6, strategy="random"
        ).run(fast, workers=2)

    with Running(tune_fast) as tuner:
        wait_for(lambda: Path("reported").exists() and len(lines("reported")) > 50, "epochs")
        tuner.send(signal.SIGTERM)
        assert tuner.wait() == 130
    kept = {(t.number, r.epoch) for t in danlu.Study.open("fast").trials for r in t.reports}
    assert kept >= {(trial, epoch) for trial, epoch in lines("reported")}


def test_what_was_decided_but_never_launched_is_launched_by_the_next_run() -> None:
    """A crash between recording and launching."""
    mine = study("2 trials")
    store = open_store(".danlu")
    assert isinstance(store, SqlStore)
    store.append("crashing", [Started(time.time(), 1, {"lr": 0.5}, 2, 7)])
    store.append("crashing", [Reported(time.time(), 1, 1, {"val_loss": 0.25})])
    store.close()
    mine.run(train)
    first = mine.trials[0]
    assert first.config == {"lr": 0.5}
    assert first.reports[0].metrics == {"val_loss": 0.25}, "the first report of an epoch counts"
    assert first.epoch >= 2


def test_a_trial_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before() -> None:
    def cursed(trial: danlu.Trial) -> None:
        weight = Weight()
        start = trial.restore(weight)
        note("starts", f"{trial.attempt} {start}")
        for epoch in trial.epochs(start):
            weight.epochs += 1
            trial.report(epoch, val_loss=1 / weight.epochs)
            trial.save(weight)
            if trial.attempt == 1 and epoch == 4:
                os.truncate(next(trial.folder.glob("checkpoint-4-*")), 10)
                os.kill(os.getpid(), signal.SIGKILL)

    mine = danlu.Study(
        "damaged", space=SPACE, objective="min val_loss", epochs=6, budget="1 trials",
        strategy="random",
    )  # fmt: skip
    mine.run(cursed)
    (trial,) = mine.trials
    assert lines("starts") == [[1, 0], [2, 3]]
    assert (trial.state, trial.checkpoint) == ("finished", 6)
    assert [r.metrics["val_loss"] for r in trial.reports] == [1 / e for e in range(1, 7)]
    assert "is damaged, and passed over" in Path(".danlu/trials/damaged/1/log-2.txt").read_text()


def test_a_worker_killed_for_want_of_memory_is_proven_and_tries_with_smaller_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel's count grows as it does when it kills; nothing here really runs out."""
    counts = Path("memory.events").absolute()
    counts.write_text("low 0\noom_kill 3\n")
    monkeypatch.setattr("danlu.executors.linux.CGROUP", Path("nowhere"))
    monkeypatch.setattr("danlu.executors.linux.VMSTAT", counts)

    def hungry(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            note("tries", f"{trial.attempt} {trial.micro_batches}")
            if trial.micro_batches < 4:
                counts.write_text(f"low 0\noom_kill {3 + trial.attempt}\n")
                os.kill(os.getpid(), signal.SIGKILL)
            trial.report(epoch, val_loss=1.0)

    mine = danlu.Study(
        "hungry", space=SPACE, objective="min val_loss", epochs=1, budget="1 trials",
        strategy="random",
    )  # fmt: skip
    mine.run(hungry)
    assert lines("tries") == [[1, 1], [2, 2], [3, 4]]
    (trial,) = mine.trials
    assert (trial.state, trial.starved) == ("finished", 2)
    assert "the system killed its process for want of memory" in trial.launches[1].why
