"""Trials as local processes: functions and commands, paused warm, frozen or by checkpoint."""

import os
import re
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from danlu.core.command import Command, environment, pattern
from danlu.core.event import Event, Lost, Paused
from danlu.core.job import Job
from danlu.core.sentence import decode_sentences, say
from danlu.executors.gpus import visible_gpus
from danlu.executors.launched import Files, Launched, Reading
from danlu.executors.launching import new_files, scarce
from danlu.executors.linux import send
from danlu.executors.logs import shorten
from danlu.executors.server import Train
from danlu.executors.serving import END_S, Server
from danlu.executors.wire import Wire, readable
from danlu.worker.spool import ENVIRONMENT

POLL_S = 0.02  # between looks at the report files of running trials
STOP_GRACE_S = 5.0  # between asking a trial to end and killing it
MUCH, LITTLE = 1 << 20, 1 << 18  # bytes of unread reports: training waits from one to the other
MEMORY_SHARE = 0.5  # of the machine's memory that held trials may take


@dataclass
class Process(Launched):
    """A launch in processes of its own, running or held in memory after a pause.

    Attributes:
        wire: To its supervisor.
        slot: Number of its worker, from 0; decides on its GPU.
        pid: Of training; 0 until known.
        held: ``"no"`` while it runs; ``"waits"``: a function at the end of its slice;
            ``"frozen"``: all its processes are stopped; ``"over"``: it ended before its pause
            was over; ``"leaving"``: told to end after a pause, no longer of interest.
        memory: Bytes it takes while it is held.
        status: With which it ended, if it is over.
        cut: Whether it was killed because there is nothing left to train, or no sense in it.
        waits: Whether its processes are stopped until its reports are read.
        drains: Whether its processes are gone, but not all of its reports are read.
    """

    wire: Wire = field(kw_only=True)
    slot: int = field(kw_only=True)
    pid: int = 0
    held: str = "no"
    memory: int = 0
    status: int = 0
    cut: bool = False
    waits: bool = False
    drains: bool = False


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
        gpus: Ids of GPUs, one for each worker in turn; None: those that are visible.
        path: Where else to look for a function's module.
    """

    target: Train | str | Command
    objective: str
    workers: int = 1
    threads: int = 1
    memory_share: float = MEMORY_SHARE
    gpus: Sequence[str] | None = None
    path: Sequence[str] = ()
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
        self.server = Server(self.target, self.threads, self.path)
        self._gpus = visible_gpus() if self.gpus is None else self.gpus
        self._memory = psutil.virtual_memory().total * self.memory_share

    @property
    def free_slots(self) -> int:
        return self.workers - sum(p.held == "no" for p in self._launched.values())

    # ---- launching

    def launch(self, job: Job) -> None:
        held = self._launched.get(job.trial)
        if held is not None and held.held != "leaving":
            self._go_on(held, job)
            return
        if held is not None:  # its files must be complete before it comes again
            self._end_now(held)
        with scarce():
            self._begin(job)

    def _begin(self, job: Job) -> None:
        files = new_files(job.folder)
        slot = self._free_slot()
        # First: a server that is forked now must not inherit `ours`.
        server = self.server.running([p.wire.fileno() for p in self._launched.values()])
        ours, theirs = socket.socketpair()
        server.send(self._launch_message(job, files, slot), theirs.fileno())
        theirs.close()
        script = isinstance(self.target, Command)
        reading = Reading(job, files, self._expression, script)
        self._launched[job.trial] = Process(job, files, reading, wire=Wire(ours), slot=slot)

    def _free_slot(self, wished: int = 0) -> int:
        """A worker that is free: the wished one if it is, else the first."""
        free = set(range(self.workers)) - {p.slot for p in self._running()}
        return wished if wished in free else min(free)

    def _go_on(self, held: Process, job: Job) -> None:
        """Continue what is held in memory; it may have come farther than it was asked to."""
        how = held.held
        held.slot = self._free_slot(held.slot)  # it still uses that worker's GPU
        held.job, held.held = job, "no"
        self._events += held.events()
        if how == "over":
            self._ended(held, held.status)
        elif self._past(held):
            self._hold(held, how)
        else:
            held.wire.send({"until": job.until} if how == "waits" else {"thaw": 1})

    def _launch_message(self, job: Job, files: Files, slot: int) -> dict[str, Any]:
        variables = environment(job) | {ENVIRONMENT: str(files.reports)}
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            variables.setdefault(name, os.environ.get(name, str(self.threads)))
        if self._gpus:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpus[slot % len(self._gpus)]
        message: dict[str, Any] = {
            "job": job.encode(), "log": str(files.log), "reports": str(files.reports),
            "environment": variables, "threads": self.threads, "cwd": str(Path.cwd()),
            "tuner": os.getpid(),
        }  # fmt: skip
        if isinstance(self.target, Command):
            message["argv"] = self.target.arguments(job)
        return message

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
        server = self.server.fileno()
        ready = readable([*wires, *([server] if server >= 0 else [])], timeout_s)
        if server in ready:
            self.server.hear()  # first: why training cannot be loaded explains what is lost
        for descriptor in ready - {server}:
            self._hear(wires[descriptor])

    def _hear(self, launched: Process) -> None:
        """Act on what a supervisor says; reports that were written before come first."""
        for message in launched.wire.receive():
            if "pid" in message:
                launched.pid = message["pid"]
            elif "failed" in message:
                cause, text = decode_sentences(message["failed"])
                launched.failure = (cause, text)
            elif "waits" in message and not launched.stopping and launched.held == "no":
                self._events += launched.events(final=True)
                self._hold(launched, "waits")
            elif "exit" in message:
                launched.wire.close()
                self._ended(launched, message["exit"])
                return
        if not launched.wire.open:
            self._supervisor_gone(launched)

    def _supervisor_gone(self, launched: Process) -> None:
        if launched.pid:
            send(launched.pid, signal.SIGKILL, group=True)
        launched.wire.close()
        launched.files.wait_until_free(END_S)
        if launched.held == "no":
            self._events += launched.events(final=True)
            lost = say("its supervisor was killed")
            self._events.append(Lost(time.time(), launched.job.trial, lost))
        self._forget(launched)

    def _ended(self, launched: Process, status: int) -> None:
        """All its processes are gone; one that was ahead of what was asked for is paused."""
        launched.status = status
        if launched.held in ("waits", "frozen"):
            launched.held, launched.memory = "over", 0
            return
        if launched.held == "no":
            self._events += launched.events()
            launched.drains = launched.reading.behind > 0
            if not launched.drains:
                self._closed(launched)
            return
        self._forget(launched)

    def _closed(self, launched: Process) -> None:
        """Take the last of what an ended launch wrote, and its closing event."""
        launched.drains = False
        self._events += launched.events(final=True)
        if launched.ahead and not launched.stopping and not launched.reading.problem:
            self._hold(launched, "over")
            return
        self._events.append(launched.ending(launched.status, self.objective))
        self._forget(launched)

    def _forget(self, launched: Process) -> None:
        shorten(launched.files.log)
        if self._launched.get(launched.job.trial) is launched:
            del self._launched[launched.job.trial]

    def _read(self, launched: Process) -> None:
        """Take up new reports, and hold what has gone as far as it should."""
        if launched.drains:  # a slice at each look: other trials' reports wait for no flood
            self._ended(launched, launched.status)
            return
        self._events += launched.events()
        if launched.stopping or launched.cut:
            return
        if self._past(launched):
            launched.wire.send({"freeze": 1})
            self._hold(launched, "frozen")
        elif launched.reading.problem or launched.overlong:
            launched.wire.send({"stop": 0})
            launched.cut = True
        elif launched.reading.behind > MUCH or launched.waits:
            self._slow_down(launched)

    def _slow_down(self, launched: Process) -> None:
        """Have training that reports faster than it can be recorded wait for us."""
        wait = launched.reading.behind > (LITTLE if launched.waits else MUCH)
        if wait != launched.waits:
            launched.wire.send({"freeze" if wait else "thaw": 1})
            launched.waits = wait

    def _past(self, launched: Process) -> bool:
        """Whether a running trial has gone so far that it must be held."""
        until = launched.job.until
        by_itself = 0 if isinstance(self.target, Command) else 1  # a function may wait there
        return until < launched.job.epochs and launched.known >= until + by_itself

    # ---- holding what is paused

    def _hold(self, launched: Process, how: str) -> None:
        """Pause a trial that waits, was frozen or is over."""
        launched.held = how
        launched.memory = 0 if how == "over" else _memory_of(launched.pid)
        self._launched[launched.job.trial] = self._launched.pop(launched.job.trial)  # the newest
        self._events.append(Paused(time.time(), launched.job.trial))

    def _let_go(self) -> None:
        """End what waits but has a checkpoint: it had its chance to go on at once.

        Called when decisions were made about all pauses that were collected before.
        """
        for p in list(self._launched.values()):
            if p.held == "waits" and p.saved >= p.known:
                p.held = "leaving"
                p.wire.send({"end": 1})
        held = [p for p in self._launched.values() if p.held in ("waits", "frozen")]
        excess = sum(p.memory for p in held) - self._memory
        for p in held:
            if excess <= 0:
                return
            self._end_now(p)
            excess -= p.memory

    def _end_now(self, launched: Process) -> None:
        """Kill what is held and wait until all of it is gone."""
        launched.held = "leaving"
        launched.wire.send({"stop": 0})
        self._await([launched])

    def _await(self, ending: Sequence[Process]) -> None:
        """Wait until all processes of launches that were told to end are gone."""
        deadline = time.monotonic() + END_S
        while wires := {p.wire.fileno(): p for p in ending if p.wire.open}:
            left = deadline - time.monotonic()
            for descriptor in readable(wires, max(0.0, left)):
                self._hear(wires[descriptor])
            if left <= 0:  # a supervisor that hangs, as one that somebody has stopped
                for launched in wires.values():
                    self._supervisor_gone(launched)
        for launched in ending:
            if launched.drains:
                self._closed(launched)
            self._forget(launched)

    # ---- ending

    def stop(self, trial: int) -> None:
        launched = self._launched.get(trial)
        if launched is None:
            return
        if launched.held != "no":
            self._end_now(launched)
            return
        if launched.stopping:
            return
        launched.stopping = True
        launched.wire.send({"stop": STOP_GRACE_S})

    def close(self) -> None:
        launches = list(self._launched.values())
        for launched in launches:
            if launched.held != "no":
                launched.held = "leaving"
            launched.wire.send({"stop": 0})
        self._await(launches)
        self.server.close()


def _memory_of(pid: int) -> int:
    """Bytes that would be free if a process and all that it started were gone.

    Memory that is shared with the fork server (torch, for one) does not count.
    """
    try:
        process = psutil.Process(pid)
        family: list[Any] = [process, *process.children(recursive=True)]
        return sum(p.memory_full_info().uss for p in family)
    except psutil.Error:
        return 0
