"""Training that reports without end, faster than anybody can record."""

import sys
import time
from pathlib import Path

import pytest

from danlu.core.command import Command
from danlu.core.event import Event, Failed, Finished, Reported
from danlu.core.job import Job
from danlu.executors.processes import ProcessExecutor
from danlu.executors.wire import readable
from danlu.worker.spool import CHUNK

FLOOD = """
import os
fd = os.open(os.environ["DANLU_REPORTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for first in range(1, 60_001, 2_000):
    lines = (f'{{"epoch": {e}, "val_loss": 0.5}}\\n' for e in range(first, first + 2_000))
    os.write(fd, "".join(lines).encode())
"""


def test_who_reports_faster_than_is_recorded_waits_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.executors.processes.MUCH", 1 << 18)
    monkeypatch.setattr("danlu.executors.processes.LITTLE", 1 << 16)
    program = tmp_path / "flood.py"
    program.write_text(FLOOD)
    executor = ProcessExecutor(Command([sys.executable, str(program)]), "val_loss")
    executor.launch(Job("s", 1, {}, 1, until=10**6, epochs=10**6, folder=tmp_path / "1"))
    events: list[Event] = []
    while not any(isinstance(e, Finished | Failed) for e in events):
        events += executor.collect(0.2)
        for launched in executor._running():
            slow = launched.waits or launched.drains
            assert slow or launched.reading.behind <= 1 << 18, "it must wait"
    executor.close()
    assert [e.epoch for e in events if isinstance(e, Reported)] == list(range(1, 60_001))


def flooding(folder: Path) -> ProcessExecutor:
    """An executor whose only trial has written its flood and ended, nothing of it read yet."""
    program = folder / "flood.py"
    program.write_text(FLOOD + "open('over', 'w').close()\n")
    executor = ProcessExecutor(Command([sys.executable, str(program)]), "val_loss")
    executor.launch(Job("s", 1, {}, 1, until=10**6, epochs=10**6, folder=folder / "1"))
    (launched,) = executor._running()
    readable([launched.wire.fileno()], 30.0)  # its pid
    while not (folder / "over").exists():
        time.sleep(0.01)
    launched.files.wait_until_free(30.0)
    return executor


def test_the_end_of_a_flood_is_read_in_slices_so_that_others_wait_for_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = flooding(tmp_path)
    looks = [executor.collect(0.2)]
    while not any(isinstance(e, Finished | Failed) for e in looks[-1]):
        looks.append(executor.collect(0.2))
    executor.close()
    epochs = [e.epoch for look in looks for e in look if isinstance(e, Reported)]
    assert epochs == list(range(1, 60_001))
    assert max(map(len, looks)) < 2 * CHUNK / len('{"epoch": 1, "val_loss": 0.5}')


def test_closing_while_a_flood_is_read_takes_the_rest_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = flooding(tmp_path)
    events: list[Event] = [*executor.collect(0.2)]
    executor.close()
    events += executor.collect(0.0)
    assert [e.epoch for e in events if isinstance(e, Reported)] == list(range(1, 60_001))
    assert isinstance(events[-1], Finished | Failed)
