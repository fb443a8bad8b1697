"""Stopping a trial whose process was forked this very moment."""

import time
from pathlib import Path

from danlu.core.job import Job
from danlu.executors.processes import STOP_GRACE_S, ProcessExecutor
from danlu.worker.trial import Trial

TRIALS = 25  # each a little later after its launch than the one before


def sleeps(trial: Trial) -> None:
    time.sleep(60)


def test_a_trial_that_has_just_begun_is_stopped_without_waiting_for_the_grace(
    tmp_path: Path,
) -> None:
    executor = ProcessExecutor(sleeps, "val_loss")
    try:
        for trial in range(1, TRIALS + 1):
            folder = tmp_path / str(trial)
            executor.launch(Job("study", trial, {"lr": 0.1}, 0, 3, 3, folder))
            time.sleep(trial * 2e-4)
            asked = time.monotonic()
            executor.stop(trial)
            while not executor.free_slots:
                executor.collect(0.05)
            assert time.monotonic() - asked < STOP_GRACE_S - 1
    finally:
        executor.close()
