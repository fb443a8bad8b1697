"""The fork server as the tuner sees it: started when it is needed, and again should it die."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from danlu.core.command import Command
from danlu.core.sentence import say
from danlu.errors import LaunchError
from danlu.executors.linux import send
from danlu.executors.server import Train, cuda_was_used, fork_server, name_of, run_function
from danlu.executors.wire import Wire

END_S = 10.0  # for what was killed to be gone
MOST_DEATHS = 3  # at its start, in a row: it may have been killed, but not each time


class Server:
    """Starts, hears and ends the fork server of one executor.

    Args:
        target: What trials run: a function, its name, or a command.
        threads: Threads for torch and OpenMP per worker.
        path: Where else a fresh interpreter looks for modules.

    Attributes:
        pid: Of the running server, 0 if there is none.
    """

    def __init__(
        self, target: Train | str | Command, threads: int, path: Sequence[str] = ()
    ) -> None:
        self._target = target
        self._threads = threads
        self._path = path
        self._wire: Wire | None = None
        self.pid = 0
        self._ready = False
        self._deaths = 0  # at its start, since it was ready for the last time

    def fileno(self) -> int:
        """The descriptor to listen to, -1 if none is running."""
        return self._wire.fileno() if self._wire is not None and self._wire.open else -1

    def running(self, inherited: Sequence[int]) -> Wire:
        """The wire of a running server.

        Args:
            inherited: Descriptors of this process that a server forked now must close.
        """
        if self._wire is None or not self._wire.open:
            self.close()
            ours, theirs = socket.socketpair()
            self._wire, self._ready = Wire(ours), False
            self.pid = self._start(theirs, [ours.fileno(), *inherited])
        return self._wire

    def _start(self, theirs: socket.socket, inherited: Sequence[int]) -> int:
        if isinstance(self._target, Command):
            return self._fresh(theirs, "")
        if isinstance(self._target, str):
            return self._fresh(theirs, self._target)
        if cuda_was_used():
            return self._fresh(theirs, name_of(self._target))
        return fork_server(theirs, run_function(self._target), inherited)

    def _fresh(self, theirs: socket.socket, name: str) -> int:
        """Start a server in an interpreter of its own; its pid."""
        threads = {"OMP_NUM_THREADS": str(self._threads), "MKL_NUM_THREADS": str(self._threads)}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "danlu.executors.server",
             str(theirs.fileno()), str(os.getpid()), name, *self._path],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
            env={**threads, **os.environ},
        )  # fmt: skip
        theirs.close()
        process.returncode = 0  # reaped in close(); Popen must not complain about a live child
        return process.pid

    def hear(self) -> None:
        """Take up what it says; call it when there is something to read.

        What it was to launch when it died is lost, as the wires of the launches tell.

        Raises:
            LaunchError: If it cannot load the training function.
        """
        assert self._wire is not None
        for message in self._wire.receive():
            if "ready" in message:
                self._ready, self._deaths = True, 0
            if "broken" in message:
                raise LaunchError(message["broken"])
        if not self._wire.open and not self._ready:
            self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            raise LaunchError(say(
                "the process that loads the training function died at its start, "
                "{times} times in a row: try to import it in a Python of its own.",
                times=MOST_DEATHS,
            ))  # fmt: skip

    def close(self) -> None:
        """End it, and wait until it is gone."""
        if self._wire is not None:
            self._wire.close()
            _reap(self.pid)
            self._wire, self.pid = None, 0


def _reap(pid: int) -> None:
    """Wait for the end of a server; it ends when its socket is closed."""
    deadline = time.monotonic() + END_S
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                send(pid, signal.SIGKILL)
            time.sleep(0.001)
