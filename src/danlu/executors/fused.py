"""Trials of the training kit in crews: processes that each train many of them as one model.

::

    tuner ──job──► crew of a core ──► trains it with others of equal shape
                     └── "alone" ──► a process of its own, as `ProcessExecutor` does it

A crew writes the same report files, logs and checkpoints as a process of its own would, so that
whatever reads them, after a crash too, need not know how a trial was trained. A trial that nothing
is gained for goes to a process by itself; so do all trials of a crew that dies.
"""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from danlu.core.event import Event, Lost, Paused, Stopped
from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.executors.fitting import MOST_ROWS
from danlu.executors.gpus import visible_gpus
from danlu.executors.launched import Launched, Reading
from danlu.executors.launching import new_files
from danlu.executors.processes import POLL_S, ProcessExecutor
from danlu.executors.server import Train
from danlu.executors.wire import Wire, readable

KIT = "danlu.kit.training:Training("  # how the reference of a training of the kit begins
END_S = 10.0  # for a crew that was told to end to be gone


@dataclass
class Crew:
    """One of the processes in which trials train together.

    Attributes:
        wire: To its supervisor.
        slot: Its number from 0; decides on its GPU.
        rows: The launches that it trains.
        pid: Of the process that trains; 0 until known.
    """

    wire: Wire
    slot: int
    pid: int = 0
    rows: dict[int, Launched] = field(default_factory=dict)


@dataclass
class FusedExecutor:
    """Trains trials of equal shape together, the others in processes of their own.

    Args:
        target: A training of the kit, or its reference.
        objective: Metric without which a trial has no result.
        cores: How many crews there are, and how many processes besides.
        threads: Threads for torch and OpenMP per crew.
        rows: How many trials a crew has at once.

    Attributes:
        workers: How many trials run at once if all of them can be trained together; when they
            turn out not to, the executor takes in fewer.
        reasons: Why trials went to processes of their own, by trial.
    """

    target: Train | str
    objective: str
    cores: int = 1
    threads: int = 1
    rows: int = MOST_ROWS
    can_pause: bool = True
    takes_fraction: bool | None = None
    takes_classes: bool | None = None

    def __post_init__(self) -> None:
        self.workers = self.cores * self.rows
        self.reasons: dict[int, str] = {}
        self._single = ProcessExecutor(self.target, self.objective, self.cores, self.threads)
        self._crews: dict[int, Crew] = {}
        self._waiting: list[Job] = []
        self._events: list[Event] = []
        self._homes: dict[int, int] = {}  # slot of the crew that holds a paused trial
        self._gpus = visible_gpus()
        self._limit = self.workers

    @property
    def free_slots(self) -> int:
        running = sum(len(crew.rows) for crew in self._crews.values())
        alone = self.cores - self._single.free_slots
        return max(0, self._limit - running - alone - len(self._waiting))

    @property
    def pids(self) -> list[int]:
        """Of the crews that are known to work."""
        return [crew.pid for crew in self._crews.values() if crew.pid]

    # ---- launching

    def launch(self, job: Job) -> None:
        slot = self._homes.pop(job.trial, None)
        if job.trial in self.reasons:
            self._waiting.append(job)
            self._launch_waiting()
            return
        place = self._slot(job) if slot not in self._crews else slot
        crew = self._crew(place, job.folder.parent)
        files = new_files(job.folder)
        crew.rows[job.trial] = Launched(job, files, Reading(job, files, None, script=False))
        crew.wire.send(
            {"launch": job.encode(), "reports": str(files.reports), "log": str(files.log)}
        )

    def _slot(self, job: Job) -> int:
        """The crew with most trials of the job's shape, as long as all have as much to do."""
        room = -(-(sum(len(c.rows) for c in self._crews.values()) + 1) // self.cores)
        shape = _shape(job.config)

        def preference(slot: int) -> tuple[bool, int, int]:
            rows = self._crews[slot].rows.values() if slot in self._crews else ()
            alike = sum(_shape(row.job.config) == shape for row in rows)
            return len(rows) >= max(room, self.rows // 2), -alike, len(rows)

        return min(range(self.cores), key=preference)

    def _crew(self, slot: int, folder: Path) -> Crew:
        """The crew of a slot; a new process if there is none."""
        if slot not in self._crews:
            inherited = [crew.wire.fileno() for crew in self._crews.values()]
            server = self._single.server.running(inherited)
            ours, theirs = socket.socketpair()
            server.send(self._hiring(slot, folder / f"crew-{slot}.log"), theirs.fileno())
            theirs.close()
            self._crews[slot] = Crew(Wire(ours), slot)
        return self._crews[slot]

    def _hiring(self, slot: int, log: Path) -> dict[str, Any]:
        threads = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)}
        variables = threads | {n: v for n, v in os.environ.items() if n in threads}
        if self._gpus:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpus[slot % len(self._gpus)]
        return {
            "rows": self.rows, "log": str(log), "reports": os.devnull, "environment": variables,
            "threads": self.threads, "cwd": str(Path.cwd()), "tuner": os.getpid(),
        }  # fmt: skip

    def _launch_waiting(self) -> None:
        while self._waiting and self._single.free_slots:
            self._single.launch(self._waiting.pop(0))

    # ---- collecting

    def collect(self, timeout_s: float) -> Sequence[Event]:
        deadline = time.monotonic() + timeout_s
        while True:
            self._events += self._single.collect(0.0)
            self._launch_waiting()
            left = max(0.0, deadline - time.monotonic()) if not self._events else 0.0
            self._listen(min(POLL_S, left))
            if self._events or time.monotonic() >= deadline:
                events, self._events = self._events, []
                return events

    def _listen(self, timeout_s: float) -> None:
        wires = {crew.wire.fileno(): crew for crew in self._crews.values()}
        for descriptor in readable(wires, timeout_s):
            crew = wires[descriptor]
            for message in crew.wire.receive():
                self._hear(crew, message)
            if not crew.wire.open:
                self._gone(crew)

    def _hear(self, crew: Crew, message: Mapping[str, Any]) -> None:
        if "told" in message:
            for trial in message["told"]:
                self._events += crew.rows[trial].events()
            self._limit = min(self.workers, self._limit + len(message["told"]))
        elif "ends" in message:
            self._ended(crew, message["ends"])
        elif "alone" in message:
            self._go_alone(crew, message["alone"], message["why"])
        elif "pid" in message:
            crew.pid = message["pid"]
        elif "exit" in message:
            crew.wire.open = False

    def _ended(self, crew: Crew, trial: int) -> None:
        launched = crew.rows.pop(trial)
        self._events += launched.events(final=True)
        ending = launched.ending(0, self.objective)
        self._events.append(ending)
        if isinstance(ending, Paused):
            self._homes[trial] = crew.slot

    def _go_alone(self, crew: Crew, trial: int, why: str) -> None:
        """Launch it again in a process of its own, as soon as one is free."""
        launched = crew.rows.pop(trial)
        self._events += launched.events(final=True)
        self.reasons[trial] = why
        self._limit = max(self.cores, self._limit - 1)
        job = launched.job
        self._waiting.append(replace(job, epoch=max(job.epoch, launched.known)))

    def _gone(self, crew: Crew) -> None:
        """A crew died: its trials are lost, and go on alone when they are launched again."""
        crew.wire.close()
        self._crews.pop(crew.slot, None)
        self._homes = {t: slot for t, slot in self._homes.items() if slot != crew.slot}
        others = len(crew.rows) - 1
        why = say(
            "the process that trained it together with {others} others was killed or crashed",
            others=others,
        )
        for trial, launched in crew.rows.items():
            launched.files.wait_until_free(END_S)
            self._events += launched.events(final=True)
            self.reasons[trial] = why
            now = time.time()
            self._events.append(
                Stopped(now, trial) if launched.stopping else Lost(now, trial, why)
            )

    # ---- ending

    def stop(self, trial: int) -> None:
        for crew in self._crews.values():
            if trial in crew.rows:
                crew.rows[trial].stopping = True
                crew.wire.send({"drop": trial})
                return
        if waiting := [job for job in self._waiting if job.trial == trial]:
            self._waiting.remove(waiting[0])
            self._events.append(Stopped(time.time(), trial))
        elif (slot := self._homes.pop(trial, None)) in self._crews:
            self._crews[slot].wire.send({"drop": trial})
        self._single.stop(trial)

    def close(self) -> None:
        for crew in self._crews.values():
            crew.wire.send({"stop": 0})
        deadline = time.monotonic() + END_S
        while self._crews and time.monotonic() < deadline:
            self._listen(0.1)
        for crew in list(self._crews.values()):  # whose supervisor hangs
            self._gone(crew)
        now, why = time.time(), say("it waited for a process")
        self._events += [Lost(now, job.trial, why) for job in self._waiting]
        self._waiting = []
        self._single.close()


def is_of_kit(target: object) -> bool:
    """Whether it is a training of the kit, or the reference of one."""
    if isinstance(target, str):
        return target.startswith(KIT)
    return callable(getattr(target, "setup", None))


def _shape(config: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    """What may decide on the shape of a network: all but numbers on a scale."""
    return tuple((n, v) for n, v in config.items() if not isinstance(v, float))
