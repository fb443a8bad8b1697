"""Training that reports without end, faster than anybody can record."""

import sys
from pathlib import Path

import pytest

from danlu.core.command import Command
from danlu.core.event import Event, Failed, Finished, Reported
from danlu.core.job import Job
from danlu.executors.processes import ProcessExecutor

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
            assert launched.waits or launched.reading.behind <= 1 << 18, "it must wait"
    executor.close()
    assert [e.epoch for e in events if isinstance(e, Reported)] == list(range(1, 60_001))
