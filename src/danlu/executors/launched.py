"""One launch of a trial as the tuner sees it: its wire, its files, and what they say."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.core.event import (
    Closing,
    Event,
    Failed,
    Finished,
    Lost,
    Observed,
    Paused,
    Reported,
    Saved,
    Stopped,
)
from danlu.core.job import Job
from danlu.executors.command import matches
from danlu.worker.spool import Tail, numbers_of, parse_line
from danlu.worker.trial import order_problem

LOG_LINES = 30


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one launch in its trial's folder; ``n`` counts the launches."""

    folder: Path
    n: int

    @property
    def reports(self) -> Path:
        return self.folder / f"reports-{self.n}.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / f"log-{self.n}.txt"

    @classmethod
    def last(cls, folder: Path) -> "Files":
        """The files of the last launch; n = 0 if there was none."""
        taken = [int(p.stem.rpartition("-")[2]) for p in folder.glob("log-*.txt")]
        return cls(folder, max(taken, default=0))

    def log_tail(self) -> str:
        """The last lines of what the trial printed."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 200 * LOG_LINES))
                lines = file.read().decode("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_LINES:])


class Reading:
    """Turns what a launch writes into events, each line once.

    Args:
        job: What was launched.
        files: Where it writes.
        expression: Metrics in its output, for commands.
        script: Whether it is a command: its epochs may be left out, or counted from 0.
    """

    def __init__(
        self, job: Job, files: Files, expression: re.Pattern[str] | None, script: bool
    ) -> None:
        self.trial = job.trial
        self.last = 0  # epoch reported by this launch
        self.seen_metrics: set[str] = set()
        self.problem: str | None = None
        self._script = script
        self._shift = 0
        self._reports = Tail(files.reports)
        self._output = Tail(files.log) if expression else None
        self._expression = expression

    def events(self, *, final: bool = False) -> list[Event]:
        """The events of the lines that came since the last call, until one is out of order."""
        found: list[Event] = []
        for line in self._reports.lines(final=final):
            table = parse_line(line)
            if table is not None:
                found += self._event(table)
        if self._output is not None and self._expression is not None:
            for line in self._output.lines(final=final):
                for groups in matches(self._expression, line):
                    found += self._event(groups)
        return found

    def _event(self, table: Mapping[str, Any]) -> Iterable[Event]:
        at = table.get("at")
        now = at if isinstance(at, float) else time.time()
        note = table.get("danlu")
        if note == "saved":
            return [Saved(now, self.trial, int(table["epoch"]))]
        if note == "observed":
            return [Observed(now, self.trial, str(table["capability"]))]
        metrics = numbers_of(table)
        if not metrics or self.problem:
            return []
        epoch = self._epoch(table.get("epoch"))
        if epoch is None:
            return []
        self.last = epoch
        self.seen_metrics |= set(metrics)
        return [Reported(now, self.trial, epoch, metrics)]

    def _epoch(self, given: Any) -> int | None:
        """The epoch of an evaluation, counted from 1; None (and a problem) if it cannot be."""
        if given is None:
            return self.last + 1
        try:
            epoch = int(float(given))
        except (TypeError, ValueError, OverflowError):
            self.problem = f"trial {self.trial} sent epoch {given!r}, which is no number."
            return None
        if self._script and epoch == 0 and self.last == 0:
            self._shift = 1  # this script counts from 0
        if epoch + self._shift <= self.last or epoch + self._shift < 1:
            self.problem = order_problem(self.trial, epoch, self.last - self._shift)
            return None
        return epoch + self._shift


@dataclass
class Launched:
    """A launch that is going on, as far as its files tell.

    Attributes:
        known: Last epoch reported, over all launches of the trial that were held in memory.
        saved: Epoch of the last checkpoint.
        failure: Cause and message that training gave for its end.
        stopping: Whether its end was asked for.
    """

    job: Job
    files: Files
    reading: Reading
    known: int = 0
    saved: int = 0
    failure: tuple[str, str] | None = None
    stopping: bool = False

    def note(self, events: Iterable[Event]) -> None:
        """Remember what matters for later decisions."""
        for event in events:
            if isinstance(event, Reported):
                self.known = max(self.known, event.epoch)
            elif isinstance(event, Saved):
                self.saved = event.epoch

    def ending(self, status: int, objective: str) -> Closing:
        """The closing event of a process that ended with an exit status (negative = signal)."""
        now, trial = time.time(), self.job.trial
        log = self.files.log_tail()
        if self.stopping:
            return Stopped(now, trial)
        if self.reading.problem:
            return Failed(now, trial, "order", self.reading.problem, log)
        if self.known > self.job.epochs:
            return Finished(now, trial)  # ended by us: the full length of a trial is trained
        if self.failure:
            return Failed(now, trial, *self.failure, log)
        if status == -9:
            return Lost(
                now, trial, "its process was killed (signal 9), perhaps for want of memory"
            )
        if status < 0:
            return Failed(now, trial, "signal", f"it died of signal {-status}.", log)
        if status > 0:
            return Failed(now, trial, "exit", f"it ended with exit status {status}.", log)
        if objective not in self.reading.seen_metrics and not self.known:
            return Failed(now, trial, "no result", self._no_result(objective), log)
        if self.known >= self.job.until and self.known < self.job.epochs:
            return Paused(now, trial)
        return Finished(now, trial)

    def _no_result(self, objective: str) -> str:
        seen = ", ".join(sorted(self.reading.seen_metrics))
        got = f"it reported {seen}" if seen else "it reported nothing"
        return f"it ended without a result: {objective} was expected, but {got}."
