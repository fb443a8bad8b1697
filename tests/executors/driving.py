"""Launching jobs by hand, as the tuner would."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.processes import PATIENCE_S

from danlu.core.event import Closing, Event, Reported
from danlu.core.job import Job
from danlu.executors.base import Executor


def job(folder: Path, does: str = "train", trial: int = 1, **given: Any) -> Job:
    """A job of a trial of six epochs that behaves as `training` says."""
    values: dict[str, Any] = {"until": 6, "epochs": 6, "seed": 7} | given
    return Job("s", trial, {"does": does}, folder=folder / str(trial), **values)


def closed(executor: Executor, trials: Iterable[int] = (1,)) -> list[Event]:
    """All events until each of some trials had its closing event."""
    open_ = set(trials)
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while open_:
        assert time.monotonic() < deadline, f"no end of {open_} after {events}"
        found = executor.collect(0.2)
        open_ -= {e.trial for e in found if isinstance(e, Closing)}
        events += found
    return events


def run(executor: Executor, *jobs: Job) -> list[Event]:
    """Launch some jobs and collect all that they lead to."""
    for each in jobs:
        executor.launch(each)
    return closed(executor, {each.trial for each in jobs})


def epochs(events: Iterable[Event], trial: int = 1) -> list[int]:
    return [e.epoch for e in events if isinstance(e, Reported) and e.trial == trial]


def closing(events: Iterable[Event], trial: int = 1) -> Closing:
    """The only closing event of a trial; no report may come after it."""
    mine = [e for e in events if isinstance(e, Closing | Reported) and e.trial == trial]
    ends = [e for e in mine if isinstance(e, Closing)]
    assert len(ends) == 1, ends
    assert mine[-1] is ends[0], "reports come before the closing event"
    return ends[0]
