"""The supervisor of one launch: a small process that no process of the trial outlives.

::

    tuner ◄──wire──► supervisor ──fork──► training (own session)
                         ▲  └──────────────────┘ pair (functions only)

It tells the tuner the pid, passes messages between tuner and training, and tells how training
ended once every process of it is gone. When the tuner dies, training is ended; when the
supervisor dies, the kernel kills training and the fork server what training had started.

As long as any of it lives the log is locked: a tuner that takes over waits for that.

Tuner → supervisor: ``{"until": n}`` and ``{"end": 1}`` (passed on to a waiting training),
``{"stop": grace_s}``, ``{"freeze": 1}``, ``{"thaw": 1}``. Supervisor → tuner: ``{"pid": n}``,
``{"waits": epoch}``, ``{"failed": [cause, message]}`` (both from training), ``{"exit": status}``.
"""

import contextlib
import fcntl
import io
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from danlu.core.sentence import encode_sentences
from danlu.executors.linux import (
    adopt_orphans,
    death_watch,
    die_with_parent,
    kill_below,
    send,
    signal_below,
)
from danlu.executors.logs import LOOK_S, trim
from danlu.executors.wire import Wire, readable
from danlu.worker.spool import FULL, write_line

GRACE_S = 1.0  # between asking a trial to end and killing it, when the tuner is gone
END_S = 60.0  # for a function that was told to end to return: it may save a model

Launch = Mapping[str, Any]
Run = Callable[[Launch, "PairChannel"], None]


class PairChannel:
    """A channel for training: reports to the file, waiting over a socket to the supervisor."""

    def __init__(self, sock: socket.socket, write: Callable[[Mapping[str, Any]], None]) -> None:
        self._wire = Wire(sock)
        self.send = write

    def wait(self, epoch: int) -> int:
        self._wire.send({"waits": epoch})
        while self._wire.open:
            for message in self._wire.receive():
                return int(message.get("until", 0))
        os._exit(1)  # the supervisor is gone: nobody would hear of what comes

    def messages(self, timeout_s: float | None) -> list[dict[str, Any]] | None:
        """What the tuner says; waits up to a time for it. None when the supervisor is gone."""
        if not readable([self._wire.fileno()], timeout_s):
            return []
        found = self._wire.receive()
        return found if self._wire.open else None

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say something to the tuner."""
        self._wire.send(message)

    def failed(self, cause: str, message: str) -> None:
        """Tell why training ends with an error."""
        self._wire.send({"failed": [cause, encode_sentences(message)]})


class Supervisor:
    """Watches over one child; `run` returns when all is over.

    Args:
        wire: To the tuner.
        child: Pid of training, which leads a process group.
        pair: To training.
        tuner: Pid of the tuner.
        log: Descriptor of the file that takes what the trial prints; kept small.
    """

    def __init__(self, wire: Wire, child: int, pair: Wire, tuner: int, log: int) -> None:
        self.wire = wire
        self.log = log
        self._freed = 0
        self.child = child
        self.pair = pair
        self.tuner = death_watch(tuner)
        self.kill_at: float | None = None
        self.bell, ring = socket.socketpair()
        ring.setblocking(False)
        self.bell.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        self._ring = ring

    def run(self) -> None:
        self.wire.send({"pid": self.child})
        status = self._watch()
        send(self.child, signal.SIGKILL, group=True)
        kill_below()
        self._drain_pair()
        self.wire.send({"exit": os.waitstatus_to_exitcode(status)})

    def _watch(self) -> int:
        """Serve both sides until the child has ended; its wait status."""
        while True:
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                return status
            if self.kill_at is not None and time.monotonic() >= self.kill_at:
                self._send(signal.SIGKILL)
                self.kill_at = None
            with contextlib.suppress(OSError):
                self._freed = trim(self.log, self._freed)
            self._serve()

    def _serve(self) -> None:
        watched = [self.bell.fileno(), *(w.fileno() for w in (self.wire, self.pair) if w.open)]
        if self.tuner is not None:
            watched.append(self.tuner)
        left = LOOK_S if self.kill_at is None else self.kill_at - time.monotonic()
        ready = readable(watched, max(0.0, min(LOOK_S, left)))
        if self.bell.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self.bell.recv(4096)
        if self.pair.fileno() in ready:
            self._drain_pair()
        if self.wire.fileno() in ready:
            for message in self.wire.receive():
                self._obey(message)
            if not self.wire.open:
                self._end(GRACE_S)
        if self.tuner in ready:
            self.tuner = None
            self._end(GRACE_S)

    def _drain_pair(self) -> None:
        while self.pair.open and readable([self.pair.fileno()], 0):
            for message in self.pair.receive():
                self.wire.send(message)

    def _obey(self, message: Mapping[str, Any]) -> None:
        if "stop" in message:
            self._end(float(message["stop"]))
        elif "freeze" in message:
            self._signal(signal.SIGSTOP)
        elif "thaw" in message:
            self._signal(signal.SIGCONT)
        else:
            self.pair.send(message)
            if "end" in message:
                self.kill_at = time.monotonic() + END_S

    def _end(self, grace_s: float) -> None:
        """Ask the whole group to end, and kill it after the grace."""
        if grace_s <= 0:
            self._send(signal.SIGKILL)
            return
        self._send(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        self.kill_at = time.monotonic() + grace_s

    def _send(self, number: int) -> None:
        """Signal the group; a child that was just forked leads none yet."""
        if not send(self.child, number, group=True):
            send(self.child, number)

    def _signal(self, number: int) -> None:
        """Signal the whole group at once, then also what has left it."""
        send(self.child, number, group=True)
        signal_below(number)


def supervise(sock: socket.socket, launch: Launch, run: Run) -> None:
    """Fork a child that runs the launch, and watch over it until all is over; never returns."""
    os.setsid()
    adopt_orphans()
    output = os.open(launch["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        sock.close()
        ours.close()
        _be_child(launch, theirs, parent, output, run)
    theirs.close()
    Supervisor(Wire(sock), child, Wire(ours), launch["tuner"], output).run()
    os._exit(0)  # no clean-up of what belongs to the processes above


def _be_child(launch: Launch, pair: socket.socket, parent: int, output: int, run: Run) -> None:
    """In the child: a session of its own, output to the log, then training; never returns."""
    status = 1
    try:
        os.setsid()
        die_with_parent(parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _redirect(output)
        os.environ.update(launch["environment"])
        run(launch, PairChannel(pair, partial(write_line, launch["reports"])))
        status = 0
    except SystemExit as end:
        status = exit_status(end)
    except BaseException:  # noqa: BLE001 - nothing may fall back into supervising
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)  # no clean-up of what belongs to the processes above


def exit_status(end: SystemExit) -> int:
    """The exit status that Python would give; a text is printed and means 1."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)  # noqa: T201 - as Python does
    return 1


def _redirect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    # The streams of a notebook or test runner lead elsewhere; what they still hold is not ours.
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        printed = io.BufferedWriter(_Printed(descriptor, "w", closefd=False))
        stream = io.TextIOWrapper(printed, "utf-8", errors="replace", line_buffering=True)
        setattr(sys, name, stream)


class _Printed(io.FileIO):
    """What a function prints; a full disk takes none of it, and does not fail its trial."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in FULL:
                raise
            return len(data)
