"""However much a trial prints, its log stays small and its beginning and its end are there."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.executors.driving import closing, epochs, job, run
from tests.processes import wait_for

import danlu
from danlu.core.command import Command
from danlu.core.event import Failed, Finished
from danlu.executors import logs
from danlu.executors.processes import ProcessExecutor
from danlu.worker.spool import Tail

LIMIT = 1 << 20  # of this test's head and tail


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD", "TAIL", "SLACK"):
        monkeypatch.setattr(logs, name, LIMIT)
    monkeypatch.setattr("danlu.executors.supervisor.LOOK_S", 0.02)


def written(path: Path, megabytes: int) -> int:
    """A log with numbered lines; its open descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for n in range(megabytes):
        os.write(descriptor, f"{n:7}\n".encode() * (LIMIT // 8))
    return descriptor


def disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_the_middle_of_a_long_log_takes_no_space_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = written(path, 20)
    try:
        freed = logs.trim(descriptor, 0)
        os.write(descriptor, b"the newest line\n")
        assert logs.trim(descriptor, freed) == freed, "nothing to do until much more is written"
    finally:
        os.close(descriptor)
    assert disk(path) < 4 * LIMIT
    lines = list(Tail(path).lines(final=True))
    assert lines[0] == b"      0"
    assert lines[-1] == b"the newest line"
    assert b"     10" not in lines


def test_a_log_that_is_over_is_written_anew_with_a_word_about_what_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    os.close(written(path, 20))
    logs.shorten(path)
    lines = path.read_text().splitlines()
    assert path.stat().st_size < 3 * LIMIT
    assert lines[0] == "      0"
    assert lines[-1] == "     19"
    assert f"… {18 * LIMIT:,} bytes are left out here …" in lines
    assert list(tmp_path.iterdir()) == [path]


def test_a_short_log_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = written(path, 2)
    assert logs.trim(descriptor, 0) == 0
    os.close(descriptor)
    before = path.read_bytes()
    logs.shorten(path)
    assert path.read_bytes() == before
    logs.shorten(tmp_path / "none")


def test_where_no_hole_can_be_made_a_log_begins_again_after_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "punch_hole", lambda *_: False)
    path = tmp_path / "log"
    tail = Tail(path)
    descriptor = written(path, 20)
    while list(tail.lines()):
        pass
    logs.trim(descriptor, 0)
    assert not list(tail.lines())
    os.write(descriptor, b"the newest line\n")
    os.close(descriptor)
    assert path.stat().st_size == LIMIT + 16
    assert list(tail.lines()) == [b"the newest line"]


def chatter(trial: danlu.Trial) -> None:
    """Print far more than is kept, at full speed, and then as fast as it is looked at."""
    print("the first words")
    for epoch in trial.epochs():
        for _ in range(8):
            os.write(1, b"0123456789abcdef\n" * (LIMIT // 17))
            time.sleep(0.03)
        trial.report(epoch, val_loss=1 / epoch)
    raise ArithmeticError("the last words")


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    place = ProcessExecutor(chatter, "val_loss")
    yield place
    place.close()


def test_a_trial_that_never_stops_printing_trains_on_and_fills_no_disk(
    executor: ProcessExecutor, tmp_path: Path
) -> None:
    path = tmp_path / "1" / "log-1.txt"
    most = 0
    executor.launch(job(tmp_path, until=3, epochs=3))
    events = list(executor.collect(0.05))
    while not any(isinstance(e, Failed | Finished) for e in events):
        most = max(most, disk(path))
        events += executor.collect(0.05)
    end = closing(events)
    assert epochs(events) == [1, 2, 3]
    assert isinstance(end, Failed)
    assert "the last words" in end.log
    assert most < 12 * LIMIT, "it printed 24 times that"
    assert path.read_text().startswith("the first words")
    assert path.stat().st_size < 4 * LIMIT


def test_metrics_printed_after_a_flood_are_found(tmp_path: Path) -> None:
    script = f"yes 0123456789abcdef | head -c {12 * LIMIT}; sleep 0.2; echo val_loss: 0.25"
    place = ProcessExecutor(
        Command(("sh", "-c", script), r"val_loss: (?P<val_loss>\S+)"), "val_loss"
    )
    try:
        events = run(place, job(tmp_path, until=1, epochs=1))
    finally:
        place.close()
    assert epochs(events) == [1]
    wait_for(lambda: disk(tmp_path / "1" / "log-1.txt") < 4 * LIMIT, "the log to be short")
