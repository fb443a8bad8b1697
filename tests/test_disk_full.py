"""A full disk costs no report and ends nothing: all waits, says so, and goes on by itself."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from tests.conformance.stores import new_study, one_trial
from tests.invariants import assert_sound
from tests.processes import Running, wait_for

import danlu
from danlu.core.job import Job
from danlu.errors import DiskFullError
from danlu.executors.inline import EndOfSlice
from danlu.executors.launched import Files
from danlu.stores import open_store
from danlu.worker.spool import write_line
from danlu.worker.trial import Trial

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))
SIZE = 4 << 20  # of the disk


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk of its own."""
    for module in ("danlu.stores.waiting", "danlu.worker.spool"):
        monkeypatch.setattr(f"{module}.ROOM_S", 0.05)
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all space that is left; the file to remove."""
    path = disk / "filler"
    with path.open("ab", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return path


def test_what_a_full_disk_refuses_is_recorded_when_there_is_space(disk: Path) -> None:
    with closing(open_store(disk / "store")) as store:
        new_study(store)
        filler = fill(disk)
        many = one_trial(40_000)
        with pytest.raises(DiskFullError, match=r"full.*free some space"):
            store.append("digits", many)
        assert store.load("digits").version == 0, "all or nothing"
        filler.unlink()
        store.append("digits", one_trial(100))
        assert store.load("digits").version == 102


def test_a_report_waits_for_space_and_is_whole(disk: Path) -> None:
    path = disk / "reports"
    write_line(path, {"epoch": 1})
    filler = fill(disk)
    Timer(0.3, filler.unlink).start()
    begun = time.monotonic()
    write_line(path, {"epoch": 2, "filler": "x" * 8000})
    assert time.monotonic() > begun + 0.2
    lines = path.read_text().splitlines()
    assert [len(line) > 8000 for line in lines] == [False, True]


class Big:
    """A state that needs space."""

    def state_dict(self) -> dict[str, str]:
        return {"text": "x" * (1 << 20)}

    def load_state_dict(self, state: dict[str, str]) -> None:
        assert len(state["text"]) == 1 << 20


def test_a_checkpoint_without_space_is_left_out_and_the_one_before_serves(
    disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def launch() -> Trial:
        job = Job("s", 1, {}, 1, until=2, epochs=9, folder=disk, epoch=2)
        return Trial(job, EndOfSlice(Files(disk, 1)))

    trial = launch()
    trial.report(1, val_loss=0.5)
    trial.until = 1
    trial.save(Big())
    filler = fill(disk)
    with filler.open("r+b") as file:
        os.truncate(file.fileno(), filler.stat().st_size - 4096)  # for the reports
    trial.report(2, val_loss=0.4)
    trial.until = 2
    trial.save(Big())
    assert "no space for a checkpoint" in capsys.readouterr().err
    filler.unlink()
    assert launch().restore(Big()) == 1
    assert not list(disk.glob(".checkpoint-*"))


def study(disk: Path) -> danlu.Study:
    return danlu.Study(
        "full", space=SPACE, objective="min val_loss", epochs=20, budget="6 trials",
        strategy="random", store=disk / "store",
    )  # fmt: skip


def train(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        time.sleep(0.01)
        trial.report(epoch, val_loss=1 / epoch)


def test_a_study_waits_while_the_disk_is_full_and_goes_on_by_itself(disk: Path) -> None:
    with Running(lambda: study(disk).run(train, workers=2)) as tuner:
        wait_for(lambda: len(epochs(disk)) > 5, "some epochs")
        filler = fill(disk)
        time.sleep(1.0)
        assert not tuner.over()
        waiting = len(epochs(disk))
        filler.unlink()
        assert tuner.wait(60) == 0
    done = study(disk)
    assert waiting < 120
    assert [(t.state, t.epoch) for t in done.trials] == [("finished", 20)] * 6
    told = [e for e in done.history.logbook if e.code == "disk"]
    assert told
    assert len(told) % 2 == 0, "each waiting has its end"
    assert_sound(disk / "store", "full", workers=2)


def epochs(disk: Path) -> list[int]:
    """Epochs that are recorded by now."""
    if not (disk / "store" / "danlu.db").exists():
        return []
    with closing(open_store(disk / "store")) as store:
        if "full" not in store.studies():
            return []
        return [r.epoch for t in store.load("full").trials.values() for r in t.reports]


def test_who_waits_can_be_interrupted_and_goes_on_later(disk: Path) -> None:
    with Running(lambda: study(disk).run(train, workers=2)) as tuner:
        wait_for(lambda: len(epochs(disk)) > 5, "some epochs")
        filler = fill(disk)
        time.sleep(0.5)
        for _ in range(2):
            tuner.send(signal.SIGINT)
            time.sleep(0.2)
        wait_for(tuner.over, "the end")
        filler.unlink()
    study(disk).run(train, workers=2)
    assert [(t.state, t.epoch) for t in study(disk).trials] == [("finished", 20)] * 6
    assert_sound(disk / "store", "full", workers=2)


def test_what_a_trial_prints_while_the_disk_is_full_does_not_fail_it(disk: Path) -> None:
    def chatty(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            time.sleep(0.02)
            print("epoch", epoch, "x" * 5000, flush=True)
            trial.report(epoch, val_loss=1 / epoch)

    with Running(lambda: study(disk).run(chatty, workers=2)) as tuner:
        wait_for(lambda: len(epochs(disk)) > 5, "some epochs")
        filler = fill(disk)
        time.sleep(0.5)
        filler.unlink()
        assert tuner.wait(60) == 0
    assert [(t.state, t.epoch) for t in study(disk).trials] == [("finished", 20)] * 6
