"""A fork server that dies before it has loaded the training function."""

from pathlib import Path

import pytest
from tests.executors.driving import closing, job, run

from danlu.core.event import Finished, Lost
from danlu.errors import LaunchError
from danlu.executors.processes import ProcessExecutor
from danlu.executors.serving import MOST_DEATHS

DIES = """
import os, signal
from pathlib import Path
deaths = Path({deaths!r})
so_far = deaths.read_text() if deaths.exists() else ""
if len(so_far) < {times}:
    deaths.write_text(so_far + "x")
    os.kill(os.getpid(), signal.SIGKILL)

def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=1 / epoch)
"""


def dying(folder: Path, times: int) -> ProcessExecutor:
    """An executor whose server is killed so often while it imports training."""
    program = folder / "dies.py"
    program.write_text(DIES.format(deaths=str(folder / "deaths"), times=times))
    return ProcessExecutor(f"{program}:train", "val_loss")


def test_a_server_that_is_killed_at_its_start_costs_one_launch_each_time(tmp_path: Path) -> None:
    executor = dying(tmp_path, MOST_DEATHS - 1)
    try:
        ends = [closing(run(executor, job(tmp_path))) for _ in range(MOST_DEATHS)]
    finally:
        executor.close()
    assert [type(end) for end in ends] == [Lost] * (MOST_DEATHS - 1) + [Finished]


def test_a_server_that_always_dies_at_its_start_is_a_launch_error(tmp_path: Path) -> None:
    executor = dying(tmp_path, 99)
    try:
        for _ in range(MOST_DEATHS - 1):
            assert isinstance(closing(run(executor, job(tmp_path))), Lost)
        with pytest.raises(LaunchError, match=f"died at its start, {MOST_DEATHS} times"):
            run(executor, job(tmp_path))
    finally:
        executor.close()
