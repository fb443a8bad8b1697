"""Trials as local processes: functions and commands, paused warm, frozen or by checkpoint."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from danlu.core.event import Closing, Event, Lost, Paused, Reported
from danlu.core.job import Job
from danlu.errors import LaunchError
from danlu.executors.command import Command, environment, pattern
from danlu.executors.gpus import visible_gpus
from danlu.executors.launched import Files, Launched, Reading
from danlu.executors.linux import send
from danlu.executors.server import Train, cuda_was_used, fork_server, name_of, run_function
from danlu.executors.wire import Wire
from danlu.worker.spool import ENVIRONMENT

POLL_S = 0.02  # between looks at the report files of running trials
STOP_GRACE_S = 5.0
MEMORY_SHARE = 0.5  # of the machine's memory that held trials may take


@dataclass
class Process(Launched):
    """A launch in processes of its own, running or held in memory after a pause.

    Attributes:
        wire: To its supervisor.
        slot: Number of its worker, from 0; decides on its GPU.
        pid: Of training; 0 until known.
        held: ``"no"`` while it runs; ``"waits"``: a function at the end of its slice;
            ``"frozen"``: all its processes are stopped; ``"leaving"``: told to end after a pause,
            no longer of interest.
        memory: Bytes it takes while it is held.
    """

    wire: Wire = field(kw_only=True)
    slot: int = field(kw_only=True)
    pid: int = 0
    held: str = "no"
    memory: int = 0


@dataclass
class ProcessExecutor:
    """Trains each trial in a process group of its own, watched over by a supervisor.

    A function is forked from a warm server: milliseconds per trial, once torch is imported. What
    reaches its ``until`` is paused in the cheapest way that it allows:

    * a function that waits in ``trial.epochs`` goes on in its process if it is continued at once;
      else it ends if it has saved a checkpoint, and stays in memory if not;
    * a command, or a function that goes on past ``until``, is frozen (its whole process group is
      stopped) and thawed later;
    * when what is held takes more than ``memory_share`` of the machine's memory, the oldest is
      ended; if it is continued all the same, it begins anew.

    Args:
        target: A function that takes a `Trial`; its name ``"module:function"``, imported in a
            fresh interpreter; or a `Command`.
        objective: Metric without which a trial has no result.
        workers: How many trials run at once, at least 1.
        threads: Threads for torch and OpenMP per worker.
        memory_share: Share of memory for paused trials, 0 to 1.
    """

    target: Train | str | Command
    objective: str
    workers: int = 1
    threads: int = 1
    memory_share: float = MEMORY_SHARE
    can_pause: bool = True
    takes_fraction: bool | None = None
    takes_classes: bool | None = None

    def __post_init__(self) -> None:
        self._expression: re.Pattern[str] | None = None
        if isinstance(self.target, Command):
            self._expression = pattern(self.target.metrics)
            self.takes_fraction = self.target.uses("data_fraction")
            self.takes_classes = self.target.uses("classes")
        self._launched: dict[int, Process] = {}
        self._events: list[Event] = []
        self._server: Wire | None = None
        self._server_pid = 0
        self._server_ready = False
        self._gpus = visible_gpus()
        self._memory = psutil.virtual_memory().total * self.memory_share

    @property
    def free_slots(self) -> int:
        return self.workers - sum(p.held == "no" for p in self._launched.values())

    # ---- launching

    def launch(self, job: Job) -> None:
        held = self._launched.get(job.trial)
        if held is not None and held.held in ("waits", "frozen"):
            self._go_on(held, job)
            return
        if held is not None:  # it is leaving: its files must be complete before it comes again
            self._end_now(held)
        job.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = Files(job.folder, Files.last(job.folder).n + 1)
        files.log.touch(mode=0o600)
        ours, theirs = socket.socketpair()
        slot = min(set(range(self.workers)) - {p.slot for p in self._running()})
        server = self._serving()
        server.send(self._launch_message(job, files, slot), theirs.fileno())
        theirs.close()
        script = isinstance(self.target, Command)
        reading = Reading(job, files, self._expression, script)
        self._launched[job.trial] = Process(job, files, reading, wire=Wire(ours), slot=slot)

    def _go_on(self, held: Process, job: Job) -> None:
        held.wire.send({"until": job.until} if held.held == "waits" else {"thaw": 1})
        held.slot = min(set(range(self.workers)) - {p.slot for p in self._running()})
        held.job, held.held, held.stopping = job, "no", False

    def _launch_message(self, job: Job, files: Files, slot: int) -> dict[str, Any]:
        variables = environment(job) | {ENVIRONMENT: str(files.reports)}
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            variables.setdefault(name, os.environ.get(name, str(self.threads)))
        if self._gpus:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpus[slot % len(self._gpus)]
        message: dict[str, Any] = {
            "job": job.encode(), "log": str(files.log), "reports": str(files.reports),
            "environment": variables, "threads": self.threads, "cwd": str(Path.cwd()),
        }  # fmt: skip
        if isinstance(self.target, Command):
            message["argv"] = self.target.arguments(job)
        return message

    def _serving(self) -> Wire:
        """The fork server's wire; started on first use and again should it have died."""
        if self._server is not None and self._server.open:
            return self._server
        ours, theirs = socket.socketpair()
        self._server, self._server_ready = Wire(ours), False
        _reap(self._server_pid)
        if isinstance(self.target, Command):
            self._server_pid = self._fresh_server(theirs, "")
        elif isinstance(self.target, str):
            self._server_pid = self._fresh_server(theirs, self.target)
        elif cuda_was_used():
            self._server_pid = self._fresh_server(theirs, name_of(self.target))
        else:
            inherited = [ours.fileno(), *(p.wire.fileno() for p in self._launched.values())]
            self._server_pid = fork_server(theirs, run_function(self.target), inherited)
        return self._server

    def _fresh_server(self, theirs: socket.socket, name: str) -> int:
        threads = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "danlu.executors.server", str(theirs.fileno()), name],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
            env={**threads, **os.environ},
        )  # fmt: skip
        theirs.close()
        process.returncode = 0  # reaped in close(); Popen must not complain about a live child
        return process.pid

    # ---- collecting

    def collect(self, timeout_s: float) -> Sequence[Event]:
        self._let_go()
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            self._listen(min(POLL_S, max(0.0, left)) if self._running() else max(0.0, left))
            for launched in self._running():
                self._read(launched)
            if self._events or time.monotonic() >= deadline:
                events, self._events = self._events, []
                return events

    def _running(self) -> list[Process]:
        return [p for p in self._launched.values() if p.held == "no"]

    def _listen(self, timeout_s: float) -> None:
        wires = {p.wire.fileno(): p for p in self._launched.values() if p.wire.open}
        server = -1
        watched = list(wires)
        if self._server is not None and self._server.open:
            server = self._server.fileno()
            watched.append(server)
        ready, _, _ = select.select(watched, [], [], timeout_s)
        for descriptor in ready:
            if descriptor == server:
                self._hear_server()
            else:
                self._hear(wires[descriptor])

    def _hear_server(self) -> None:
        assert self._server is not None
        for message in self._server.receive():
            self._server_ready = self._server_ready or "ready" in message
            if "broken" in message:
                raise LaunchError(message["broken"])
        if not self._server.open and not self._server_ready:
            raise LaunchError("the process that loads the training function died at its start.")

    def _hear(self, launched: Process) -> None:
        """Act on what a supervisor says; reports that were written before come first."""
        for message in launched.wire.receive():
            if "pid" in message:
                launched.pid = message["pid"]
            elif "failed" in message:
                cause, text = message["failed"]
                launched.failure = (cause, text)
            elif "waits" in message:
                self._read(launched, final=True)
                self._hold(launched, "waits")
            elif "exit" in message:
                self._read(launched, final=True)
                self._close(launched, launched.ending(message["exit"], self.objective))
                return
        if not launched.wire.open:
            self._supervisor_gone(launched)

    def _supervisor_gone(self, launched: Process) -> None:
        if launched.pid:
            send(launched.pid, signal.SIGKILL, group=True)
        self._read(launched, final=True)
        self._close(launched, Lost(time.time(), launched.job.trial, "its supervisor was killed"))

    def _close(self, launched: Process, closing: Closing) -> None:
        """The launch is over; one that was paused before has had its closing event."""
        launched.wire.close()
        if self._launched.get(launched.job.trial) is launched:
            del self._launched[launched.job.trial]
        if launched.held == "no":
            self._events.append(closing)

    def _read(self, launched: Process, *, final: bool = False) -> None:
        """Take up new reports, and hold what has gone as far as it should."""
        if launched.held == "leaving":
            return
        events = launched.reading.events(final=final)
        launched.note(events)
        full = launched.job.epochs
        self._events += [e for e in events if not isinstance(e, Reported) or e.epoch <= full]
        if final or launched.stopping:
            return
        past = 0 if isinstance(self.target, Command) else 1  # a function may wait by itself
        if launched.reading.problem or launched.known > full:
            launched.wire.send({"stop": 0})
        elif launched.known >= launched.job.until + past and launched.job.until < full:
            launched.wire.send({"freeze": 1})
            self._hold(launched, "frozen")

    # ---- holding what is paused

    def _hold(self, launched: Process, how: str) -> None:
        """Pause a trial that waits or was frozen."""
        launched.held = how
        launched.memory = _memory_of(launched.pid)
        self._events.append(Paused(time.time(), launched.job.trial))

    def _let_go(self) -> None:
        """End what waits but has a checkpoint: it had its chance to go on at once.

        Called when decisions were made about all pauses that were collected before.
        """
        for p in list(self._launched.values()):
            if p.held == "waits" and p.saved >= p.known:
                self._leave(p)
        held = [p for p in self._launched.values() if p.held in ("waits", "frozen")]
        excess = sum(p.memory for p in held) - self._memory
        for p in held:
            if excess <= 0:
                return
            self._end_now(p)
            excess -= p.memory

    def _leave(self, launched: Process) -> None:
        launched.wire.send({"end": 1})
        launched.held = "leaving"

    def _end_now(self, launched: Process) -> None:
        """Kill what is held and wait until all of it is gone."""
        launched.held = "leaving"
        launched.wire.send({"stop": 0})
        while launched.wire.open:
            self._hear(launched)

    # ---- ending

    def stop(self, trial: int) -> None:
        launched = self._launched.get(trial)
        if launched is None:
            return
        if launched.held != "no":
            self._end_now(launched)
            return
        launched.stopping = True
        launched.wire.send({"stop": STOP_GRACE_S})

    def close(self) -> None:
        for launched in list(self._launched.values()):
            launched.held = "leaving"
            launched.wire.send({"stop": 0})
        for launched in list(self._launched.values()):
            while launched.wire.open:
                self._hear(launched)
        if self._server is not None:
            self._server.close()
            _reap(self._server_pid)
            self._server = None


def _reap(pid: int) -> None:
    """Wait for the end of a child, if there is one."""
    if pid:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _memory_of(pid: int) -> int:
    """Resident bytes of a process and what it started, 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        family: Iterable[Any] = [process, *process.children(recursive=True)]
        return sum(p.memory_info().rss for p in family)
    except psutil.Error:
        return 0


def recovered(job: Job, metrics: str | None, script: bool) -> list[Event]:
    """What a launch wrote that nobody collected, since the tuner was killed."""
    files = Files.last(job.folder)
    if not files.n:
        return []
    events = Reading(job, files, pattern(metrics), script).events(final=True)
    return [e for e in events if not isinstance(e, Reported) or e.epoch <= job.epochs]
