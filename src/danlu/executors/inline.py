"""Trials in this very process, one after another: for debugging, with breakpoints and prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from danlu.core.event import Event
from danlu.core.job import Job
from danlu.executors.launched import Files, Launched, Reading
from danlu.executors.launching import new_files
from danlu.executors.server import Train
from danlu.executors.supervisor import exit_status
from danlu.executors.traces import trace_of
from danlu.worker.spool import write_line
from danlu.worker.trial import Trial


class EndOfSlice:
    """A channel to the report file, on which every pause ends the function."""

    def __init__(self, files: Files) -> None:
        self.send: Any = partial(write_line, files.reports)

    def wait(self, epoch: int) -> int:  # noqa: ARG002
        return 0


@dataclass
class InlineExecutor:
    """Calls the function where it stands; `launch` returns when it has ended.

    A paused trial is continued by calling the function again, from its checkpoint if it has one.

    Args:
        train: The training function.
        objective: Metric without which a trial has no result.
    """

    train: Train
    objective: str
    workers: int = 1
    can_pause: bool = True
    takes_fraction: bool | None = None
    takes_classes: bool | None = None

    def __post_init__(self) -> None:
        self._events: list[Event] = []

    @property
    def free_slots(self) -> int:
        return 0 if self._events else 1

    def launch(self, job: Job) -> None:
        files = new_files(job.folder)
        launched = Launched(job, files, Reading(job, files, None, script=False))
        status = self._call(launched)
        events = launched.events(final=True)
        self._events += [*events, launched.ending(status, self.objective)]

    def _call(self, launched: Launched) -> int:
        try:
            self.train(Trial(launched.job, EndOfSlice(launched.files)))
        except SystemExit as end:
            return exit_status(end)
        except Exception as error:  # noqa: BLE001 - whatever training raises is its failure
            launched.files.log.write_text(trace_of(error))
            launched.failure = ("exception", f"{type(error).__name__}: {error}")
            return 1
        return 0

    def stop(self, trial: int) -> None:
        """Nothing runs between calls."""

    def collect(self, timeout_s: float) -> Sequence[Event]:  # noqa: ARG002
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Nothing is left behind."""
