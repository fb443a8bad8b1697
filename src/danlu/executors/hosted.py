"""A worker of a cluster where it runs: trains in processes of its node, on orders from the tuner.

It is called, answers, and waits for the next call. Between two calls the tuner decides, so that
what is paused at the end of one can be continued at the beginning of the next, as on one machine.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from danlu.core.command import Command
from danlu.core.event import Closing, Event, Stopped
from danlu.core.job import Job
from danlu.errors import DiskFullError, LaunchError, UnavailableError
from danlu.executors.processes import MEMORY_SHARE, ProcessExecutor

BATCH_S = 0.05  # reports that come in such a time are told together
SHARED_S = 10.0  # for a folder that was made elsewhere to be seen here
MOST = 64  # trials at once: those that are held here go on here, beside another one

Order: TypeAlias = Job | int
"""Train this, or stop the trial of this number."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker takes over from the process that runs the study.

    Attributes:
        folder: Its working folder.
        path: Where it looks for modules.
    """

    folder: Path
    path: Sequence[str]


class Host:
    """Trains on one node.

    Args:
        target: What trains: the name of a function, a `Command`, or a pickled function.
        loader: The reference of what reads a pickled function from a ``file``.
        objective: Metric without which a trial has no result.
        surroundings: Of the tuner.
        cpus: Of this worker.
        gpus: Of this worker; which ones Ray says by ``CUDA_VISIBLE_DEVICES``.
    """

    def __init__(
        self, target: str | Command | bytes, loader: str, objective: str,
        surroundings: Surroundings, cpus: float, gpus: float,
    ) -> None:  # fmt: skip
        self._files = TemporaryDirectory(prefix="danlu-")
        if isinstance(target, bytes):
            file = Path(self._files.name) / "function"
            file.write_bytes(target)
            target = f'{loader}({{"file": "{file}"}})'
        self._surroundings = surroundings
        self._put_off: list[Job] = []
        given = os.environ.get("CUDA_VISIBLE_DEVICES") if gpus else ""
        self._executor = ProcessExecutor(
            target, objective, MOST, threads=max(1, int(cpus)),
            memory_share=MEMORY_SHARE * min(1.0, cpus / (os.cpu_count() or 1)),
            gpus=[] if given is None else [given], path=surroundings.path,
        )  # fmt: skip

    def begin(self) -> str:
        """The name of this node, once all is well.

        Raises:
            LaunchError: If the tuner's folder is not there.
        """
        host, folder = os.uname().nodename, self._surroundings.folder
        try:
            os.chdir(folder)
        except OSError as error:
            raise LaunchError(_not_shared(folder, host, str(error.strerror))) from error
        return host

    def step(self, orders: Sequence[Order], timeout_s: float) -> Sequence[Event]:
        """Carry out some orders, and tell what happened; waits up to a time for something.

        Raises:
            LaunchError: If training cannot be started here.
        """
        orders, self._put_off = [*self._put_off, *orders], []
        for order in orders:
            if isinstance(order, Job):
                self._launch(order)
            else:
                self._executor.stop(order)
        events: list[Event] = [
            Stopped(time.time(), j.trial) for j in self._put_off if j.trial in orders
        ]
        self._put_off = [job for job in self._put_off if job.trial not in orders]
        events += self._executor.collect(timeout_s)
        if events and not any(isinstance(e, Closing) for e in events):
            time.sleep(BATCH_S)
            events += self._executor.collect(0.0)
        return events

    def _launch(self, job: Job) -> None:
        """Launch a job, or put it off until this node has a process or space on its disk again."""
        _await_folder(job.folder)
        try:
            self._executor.launch(job)
        except (DiskFullError, UnavailableError):
            self._put_off.append(job)

    def close(self) -> Sequence[Event]:
        """End all that runs; what it reported before, and how it ended."""
        self._executor.close()
        self._files.cleanup()
        return self._executor.collect(0.0)


def _await_folder(folder: Path) -> None:
    """Wait until a trial's folder, which the tuner made, is seen on this node."""
    deadline = time.monotonic() + SHARED_S
    while not folder.is_dir():
        if time.monotonic() > deadline:
            raise LaunchError(
                _not_shared(folder, os.uname().nodename, "No such file or directory")
            )
        time.sleep(0.1)


def _not_shared(folder: Path, host: str, why: str) -> str:
    return (
        f"{folder} is not there on {host}: {why}. On a cluster the working folder and the "
        "studies' folder must lie in a folder that all nodes share under the same path."
    )
