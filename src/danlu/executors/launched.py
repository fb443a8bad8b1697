"""One launch of a trial as the tuner sees it: its wire, its files, and what they say."""

import contextlib
import fcntl
import re
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from danlu.core.command import matches, pattern
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
from danlu.core.sentence import say
from danlu.executors.linux import killed_for_memory
from danlu.worker.spool import METRIC, MOST_METRICS, RESERVED, Tail, numbers_of, parse_line
from danlu.worker.trial import order_problem

LOG_LINES = 30
MOST_NAMED = 5  # of the metrics whose values are no numbers
LOG = re.compile(r"log-(\d{1,9})\.txt")
GONE_S = 10.0  # for the processes of a killed tuner to be gone; they are given one second
YEAR_S = 365 * 86_400.0  # a report that is older was dated by a wrong clock
CAPABILITIES = ("data_fraction", "classes", "checkpoint")


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
        taken = [LOG.fullmatch(path.name) for path in folder.glob("log-*.txt")]
        return cls(folder, max((int(match[1]) for match in taken if match), default=0))

    def log_tail(self) -> str:
        """The last lines of what the trial printed."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 200 * LOG_LINES))
                lines = file.read().decode("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_LINES:]).replace("\0", "")

    def wait_until_free(self, timeout_s: float) -> None:
        """Wait until no process of the launch is left: as long as one lives the log is locked."""
        deadline = time.monotonic() + timeout_s
        with contextlib.suppress(OSError), self.log.open("ab") as file:
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    time.sleep(0.01)


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
        self.left_out = 0  # values that are no numbers
        self.odd: list[str] = []  # their names, the first of them
        self._script = script
        self._shift = 0
        self._since = time.time() - YEAR_S
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
        at = self._time(table.get("at"))
        if "danlu" in table:
            return self._note(at, table)
        metrics = self._known(table) or self._few(self._numbers(table))
        if not metrics or self.problem:
            return []
        epoch = self._epoch(table.get("epoch"))
        if epoch is None:
            return []
        self.last = epoch
        self.seen_metrics |= set(metrics)
        return [Reported(at, self.trial, epoch, metrics)]

    def _known(self, table: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of a line as most are: names that came before, and floats; else none."""
        seen = self.seen_metrics
        found = {n: v for n, v in table.items() if n in seen and type(v) is float}
        return found if len(found) + ("epoch" in table) + ("at" in table) == len(table) else {}

    def _numbers(self, table: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of any line; what cannot be one is counted."""
        found = numbers_of(table)
        if odd := [n for n in table if n not in found and n not in RESERVED]:
            self.left_out += len(odd)
            self.odd += [n for n in odd if n not in self.odd and METRIC.fullmatch(n)]
            del self.odd[MOST_NAMED:]
        return found

    @property
    def behind(self) -> int:
        """Bytes of reports that are written, but were left for the next look."""
        return self._reports.behind

    def _few(self, metrics: dict[str, float]) -> dict[str, float]:
        """The metrics whose names are known, and new ones as long as they are not too many."""
        new = [name for name in metrics if name not in self.seen_metrics]
        room = MOST_METRICS - len(self.seen_metrics)
        return {n: v for n, v in metrics.items() if n not in new[max(0, room) :]}

    def _time(self, given: Any) -> float:
        """When a line was written; a clock that cannot be right is not believed."""
        now = time.time()
        return given if isinstance(given, float) and self._since <= given <= now else now

    def _note(self, at: float, table: Mapping[str, Any]) -> Iterable[Event]:
        """What training of our own said besides its evaluations; others may write anything."""
        epoch, capability = table.get("epoch"), table.get("capability")
        if table["danlu"] == "saved" and isinstance(epoch, int):
            return [Saved(at, self.trial, epoch)]
        if table["danlu"] == "observed" and capability in CAPABILITIES:
            return [Observed(at, self.trial, str(capability))]
        return []

    def _epoch(self, given: Any) -> int | None:
        """The epoch of an evaluation, counted from 1; None (and a problem) if it cannot be."""
        if given is None:
            return self.last + 1
        try:
            epoch = int(given)
            whole = epoch == given
        except (TypeError, ValueError, OverflowError):
            epoch, whole = 0, False
        if not whole:
            self.problem = f"trial {self.trial} sent epoch {given!r}, which is no whole number."
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
        known: Last epoch that it reported.
        taken: Last epoch of its reports that was asked for, so far.
        ahead: Reports beyond ``until``: nobody asked for them yet, so that no budget counts them.
        saved: Epoch of the last checkpoint.
        failure: Cause and message that training gave for its end.
        stopping: Whether its end was asked for.
        killed_before: How many processes were killed for want of memory before it.
    """

    job: Job
    files: Files
    reading: Reading
    known: int = 0
    taken: int = 0
    ahead: list[Event] = field(default_factory=list)
    saved: int = 0
    failure: tuple[str, str] | None = None
    stopping: bool = False
    killed_before: int = field(default_factory=killed_for_memory)

    def events(self, *, final: bool = False) -> list[Event]:
        """What it wrote since the last call, and what is no longer ahead."""
        found = [*self.ahead, *self.reading.events(final=final)]
        self.ahead = []
        asked: list[Event] = []
        for event in found:
            if isinstance(event, Saved):
                self.saved = event.epoch
            elif isinstance(event, Reported):
                self.known = max(self.known, event.epoch)
                if event.epoch > self.job.until:
                    self.ahead += [event] if event.epoch <= self.job.epochs else []
                    continue
                self.taken = event.epoch
            asked.append(event)
        return asked

    @property
    def overlong(self) -> bool:
        """Whether it trains on after its full length."""
        return self.known > self.job.epochs

    def ending(self, status: int, objective: str) -> Closing:
        """The closing event of a process that ended with an exit status (negative = signal)."""
        now, trial = time.time(), self.job.trial
        if self.stopping:
            return Stopped(now, trial)
        failure = self._failure(status, objective)
        if failure is not None:
            return Failed(now, trial, *failure, self.files.log_tail())
        if status == -signal.SIGKILL and not self.overlong:
            return self._killed(now)
        reached = self.taken if self.ahead else max(self.known, self.job.epoch)
        if self.job.until <= reached < self.job.epochs:
            return Paused(now, trial)
        return Finished(now, trial, self._remark(reached))

    def _remark(self, reached: int) -> str:
        """What is odd about a training that ended well."""
        remarks = []
        if reached < self.job.until:
            remarks.append(
                say("training ended by itself at epoch {epoch} of {epochs}",
                    epoch=reached, epochs=self.job.epochs)
            )  # fmt: skip
        if count := self.reading.left_out:
            remarks.append(
                say("left out, as it is no number: {names} (in all {count})",
                    count=count, names=self.reading.odd)
            )  # fmt: skip
        return reduce(lambda a, b: a + "; " + b, remarks) if remarks else ""

    def _killed(self, now: float) -> Lost:
        if killed_for_memory() > self.killed_before:
            message = say("the system killed its process for want of memory")
            return Lost(now, self.job.trial, message, cause="memory")
        message = say("its process was killed (signal 9), perhaps for want of memory")
        return Lost(now, self.job.trial, message)

    def _failure(self, status: int, objective: str) -> tuple[str, str] | None:
        """Cause and message if it failed."""
        if self.reading.problem:
            return "order", self.reading.problem
        if self.overlong:  # ended by us: the full length of a trial is trained
            return None if self.taken or self.job.epoch else ("order", self._too_long())
        if self.failure:
            return self.failure
        if status < 0 and status != -signal.SIGKILL:
            return "signal", say(
                "it died of signal {signal} ({name}).", signal=-status, name=_signal_name(-status)
            )
        if status > 0:
            return "exit", say("it ended with exit status {status}.", status=status)
        if status == 0 and objective not in self.reading.seen_metrics and not self.job.epoch:
            return "no result", self._no_result(objective)
        return None

    def _no_result(self, objective: str) -> str:
        seen = sorted(self.reading.seen_metrics)
        got = say("it reported {metrics}", metrics=seen) if seen else say("it reported nothing")
        return say(
            "it ended without a result: {metric} was expected, but {got}.",
            metric=objective, got=got,
        )  # fmt: skip

    def _too_long(self) -> str:
        return say(
            "its first report was of epoch {epoch}, but a full trial has {epochs}: report epochs "
            "counted from 1, or raise the study's epochs.",
            epoch=self.known, epochs=self.job.epochs,
        )  # fmt: skip


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def recovered(job: Job, metrics: str | None, script: bool) -> list[Event]:
    """What the last launch of a trial wrote that nobody collected, as its tuner was killed.

    Waits until the last of its processes is gone, so that nothing can come after.
    """
    files = Files.last(job.folder)
    if not files.n:
        return []
    files.wait_until_free(GONE_S)
    launched = Launched(job, files, Reading(job, files, pattern(metrics), script))
    return launched.events(final=True)
