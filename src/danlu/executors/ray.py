"""Trials on a Ray cluster: the same functions and commands, on as many nodes as there are.

::

    tuner ──orders──► worker (an actor) ──► supervisor ──► training     on node A
          ◄─events──                          report files, checkpoints ─► folder of all nodes
          ──orders──► worker                                            on node B

A worker is a `Host`: on its node it does what `ProcessExecutor` does on one machine. It tells the
tuner what training reports; the files lie in a folder that all nodes share, so that what a lost
node had reported is read there, and its trials go on elsewhere from their checkpoints.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import PicklingError
from typing import Any

import ray
from ray import cloudpickle
from ray._private import services

from danlu.core.command import Command, pattern
from danlu.core.event import Closing, Event, Lost, Noted, Paused, Reported, Saved, Stopped
from danlu.core.job import Job
from danlu.core.logbook import CLUSTER, Entry
from danlu.core.sentence import say
from danlu.errors import DanluError, LaunchError
from danlu.executors.address import last_words, reach, refused, told
from danlu.executors.cluster import Cluster
from danlu.executors.hosted import Host, Order, Surroundings
from danlu.executors.launched import GONE_S, Files, Launched, Reading
from danlu.executors.launching import made_folder
from danlu.executors.server import Train, reference_of

STEP_S = 0.2  # a worker that trains answers after so long, at most
PATIENCE_S = 30.0  # for the cluster to find room for a worker
END_S = 20.0  # for the workers to end what they train
FAILED_STARTS = 3  # workers that die at their start, one after the other: so would the next
LOADER = "danlu.executors.ray:unpickled"


@dataclass
class Worker:
    """A worker as the tuner sees it.

    Attributes:
        actor: Its handle.
        hired_at: When it was asked for, on the monotonic clock.
        call: What it has not answered yet, if anything.
        host: Name of its node; empty as long as it is not up.
        running: The jobs that it trains.
        stopping: Those of them whose end was asked for.
        held: Paused trials that it may have in memory.
        orders: What it will hear with the next call.
        due: Whether it waits to hear what becomes of a pause.
    """

    actor: Any
    hired_at: float
    call: Any
    host: str = ""
    running: dict[int, Job] = field(default_factory=dict)
    stopping: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    due: bool = False


class RayExecutor:
    """Trains each trial in processes of some node of a Ray cluster.

    A paused trial goes on where it is held in memory, or from its checkpoint on any node. What a
    lost node trained is `Lost`, and goes on elsewhere.

    Args:
        target: A function that takes a `Trial`, its name ``"module:function"``, or a `Command`. A
            function without a name that the nodes can import is sent there, pickled by value.
        objective: Metric without which a trial has no result.
        workers: How many trials run at once, if the cluster has room for them.
        cluster: Where, and with what.

    Raises:
        LaunchError: If there is no such cluster.
    """

    def __init__(
        self,
        target: Train | str | Command,
        objective: str,
        workers: int = 1,
        cluster: Cluster = Cluster(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.workers = workers
        self.can_pause = True
        command = target if isinstance(target, Command) else None
        self.takes_fraction = command.uses("data_fraction") if command else None
        self.takes_classes = command.uses("classes") if command else None
        self.cluster = cluster
        self._script = command is not None
        self._expression = pattern(command.metrics) if command else None
        self._ours = _connected(cluster.address)
        path = [p for p in sys.path if p and not p.startswith((sys.prefix, sys.base_prefix))]
        around = Surroundings(Path.cwd(), path)
        self._made_of = (_sent(target), LOADER, objective, around, cluster.cpus, cluster.gpus)
        self._workers: list[Worker] = []
        self._waiting: list[Job] = []  # for a worker
        self._homes: dict[int, Worker] = {}  # of paused trials
        self._epochs: dict[int, list[int]] = {}  # last one reported, and last one saved
        self._launches: dict[int, int] = {}  # of a running trial before this one
        self._events: list[Event] = []
        self._failed_starts = 0
        self._told = False
        self._hire()

    @property
    def free_slots(self) -> int:
        late = time.monotonic() - PATIENCE_S
        there = sum(bool(w.host) or w.hired_at > late for w in self._workers)
        busy = sum(len(w.running) for w in self._workers) + len(self._waiting)
        return max(0, max(1, there) - busy)

    @property
    def hosts(self) -> Sequence[str]:
        """Names of the nodes of the workers that are up."""
        return [w.host for w in self._workers if w.host]

    # ---- launching

    def launch(self, job: Job) -> None:
        made_folder(job.folder)
        self._launches[job.trial] = Files.last(job.folder).n
        home = self._homes.pop(job.trial, None)
        if home is not None and (not home.running or not self._is_saved(job)):
            self._send(home, job)
        else:
            if home is not None:  # it has better things to do
                home.orders.append(job.trial)
            self._waiting.append(job)
            self._place()

    def _is_saved(self, job: Job) -> bool:
        reported, saved = self._epochs.get(job.trial, (0, 0))
        return saved >= max(reported, job.epoch)

    def _place(self) -> None:
        """Give each worker that has nothing to do one of the jobs that wait."""
        for worker in self._workers:
            if self._waiting and worker.host and not worker.running:
                self._send(worker, self._waiting.pop(0))

    def _send(self, worker: Worker, job: Job) -> None:
        worker.running[job.trial] = job
        worker.held.discard(job.trial)
        worker.orders.append(job)
        self._ask(worker)

    def _hire(self) -> None:
        """Ask for as many workers as there should be; those without room wait in the cluster."""
        make: Any = ray.remote(Host)
        while len(self._workers) < self.workers:
            wanted: dict[str, float] = {"num_cpus": self.cluster.cpus}
            if self.cluster.gpus:
                wanted["num_gpus"] = self.cluster.gpus
            actor = make.options(**wanted).remote(*self._made_of)
            self._workers.append(Worker(actor, time.monotonic(), actor.begin.remote()))

    # ---- collecting

    def collect(self, timeout_s: float) -> Sequence[Event]:
        deadline = time.monotonic() + timeout_s
        while True:
            for worker in self._workers:
                self._ask(worker)
            left = 0.0 if self._events else max(0.0, deadline - time.monotonic())
            self._listen(left)
            self._look_for_room()
            self._place()
            if self._events or time.monotonic() >= deadline:
                events, self._events = self._events, []
                return events

    def _ask(self, worker: Worker) -> None:
        """Call a worker that has something to do, unless it still does what it was told before."""
        if worker.call is None and (worker.orders or worker.running or worker.due):
            orders, worker.orders, worker.due = worker.orders, [], False
            worker.call = worker.actor.step.remote(orders, STEP_S if worker.running else 0.0)

    def _listen(self, timeout_s: float) -> None:
        calls = {w.call: w for w in self._workers if w.call is not None}
        if not calls:
            time.sleep(timeout_s)
            return
        answered, _ = ray.wait(list(calls), num_returns=1, timeout=timeout_s)
        if answered:  # others may have, too
            answered, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        for call in answered:
            self._hear(calls[call])

    def _hear(self, worker: Worker) -> None:
        call, worker.call = worker.call, None
        try:
            answer = ray.get(call)
        except ray.exceptions.RayTaskError as error:
            raise told(error) from error
        except ray.exceptions.RayError as error:
            self._gone(worker, error)
            return
        if not worker.host:
            worker.host, self._failed_starts = answer, 0
            return
        for event in answer:
            self._take(worker, event)

    def _take(self, worker: Worker, event: Any) -> None:
        now = time.time()
        # A node's clock may be ahead of ours, and a history's never runs backwards.
        self._events.append(event if event.at <= now else replace(event, at=now))
        if isinstance(event, Reported | Saved):
            known = self._epochs.setdefault(event.trial, [0, 0])
            known[isinstance(event, Saved)] = event.epoch
        elif isinstance(event, Closing):
            del worker.running[event.trial]
            worker.stopping.discard(event.trial)
            if isinstance(event, Paused):
                self._homes[event.trial] = worker
                worker.held.add(event.trial)
                worker.due = True
            else:
                self._epochs.pop(event.trial, None)

    def _look_for_room(self) -> None:
        """Say once that workers are late; give up if no node could ever take one."""
        late = time.monotonic() - PATIENCE_S
        waiting = sum(not w.host and w.hired_at < late for w in self._workers)
        if not waiting or self._told:
            return
        self._told = True
        if not self.hosts and not _fits(self.cluster):
            need = self.cluster
            raise LaunchError(say("no node of the cluster has {need}: ask for less.", need=need))
        seen = say(
            "{waiting} of {workers} workers are not up after {seconds:g} s",
            waiting=waiting, workers=self.workers, seconds=PATIENCE_S,
        )  # fmt: skip
        entry = Entry(CLUSTER, "", seen, say("they begin when there is room"),
                      say("each needs {need}", need=self.cluster))  # fmt: skip
        self._events.append(Noted(time.time(), entry))

    # ---- losses

    def _gone(self, worker: Worker, error: Exception) -> None:
        """A worker or its node died: what it trained is lost, and another one is asked for."""
        self._dismiss(worker)
        if worker.host:
            lost = say("its worker on {host} was lost with its process or node", host=worker.host)
            self._lose(worker, lost)
        else:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                reason = last_words(error)
                raise LaunchError(say("workers die at their start: {reason}", reason=reason))
        self._hire()

    def _dismiss(self, worker: Worker) -> None:
        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.kill(worker.actor)  # it may only be out of reach
        self._workers.remove(worker)
        for trial in worker.held:
            self._homes.pop(trial, None)

    def _lose(self, worker: Worker, why: str) -> None:
        deadline = time.monotonic() + GONE_S
        for trial, job in worker.running.items():
            files = Files.last(job.folder)
            if files.n == self._launches[trial] and trial not in worker.stopping:
                self._waiting.append(job)  # it had not begun
                continue
            files.wait_until_free(deadline - time.monotonic())
            self._events += Launched(
                job, files, Reading(job, files, self._expression, self._script)
            ).events(final=True)
            now = time.time()
            stopped = trial in worker.stopping
            self._events.append(Stopped(now, trial) if stopped else Lost(now, trial, why))

    # ---- ending

    def stop(self, trial: int) -> None:
        if waiting := [job for job in self._waiting if job.trial == trial]:
            self._waiting.remove(waiting[0])
            self._events.append(Stopped(time.time(), trial))
            return
        home = self._homes.pop(trial, None)
        training = [w for w in self._workers if trial in w.running and trial not in w.stopping]
        for worker in [home] if home is not None else training:
            worker.orders.append(trial)
            worker.held.discard(trial)
            worker.stopping |= {trial} & worker.running.keys()
            self._ask(worker)

    def close(self) -> None:
        """End all workers; what does not answer is killed."""
        ending = {w.actor.close.remote(): w for w in self._workers if w.host}
        if ending:
            ray.wait(list(ending), num_returns=len(ending), timeout=END_S)
        for last, worker in ending.items():
            self._hear_last(worker, [worker.call, last])
        for worker in list(self._workers):
            self._dismiss(worker)
        now, why = time.time(), say("it waited for a worker")
        self._events += [Lost(now, job.trial, why) for job in self._waiting]
        self._waiting = []
        if self._ours:
            self._ours = False
            ray.shutdown()

    def _hear_last(self, worker: Worker, calls: Sequence[Any]) -> None:
        try:
            for call in calls:
                for event in ray.get(call, timeout=0.1) if call is not None else ():
                    self._take(worker, event)
        except (ray.exceptions.RayError, DanluError):
            pass
        self._lose(worker, say("its worker did not answer when the run ended"))
        worker.running = {}


def _connected(address: str | None) -> bool:
    """Join the cluster; False if this process had joined one already.

    Raises:
        LaunchError: If there is none.
    """
    if ray.is_initialized():
        return False
    # Of a cluster that is made here; workers of Ray's yield to all else, which trials should not.
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_worker_niceness", "0")):
        os.environ.setdefault(name, value)
    address = address or os.environ.get("RAY_ADDRESS") or _here()
    reach(where := address or "this machine")
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if main else None
    try:
        quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}
        ray.init(address, logging_level=logging.ERROR, **quiet)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise refused(where, error) from error
    finally:
        if main:
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own in place
    return True


def _here() -> str | None:
    """What Ray shall look for on this machine: its own last cluster, unless that is gone.

    The file with its address stays behind where it was killed: Ray would wait for minutes.
    """
    last = services.find_bootstrap_address(None)
    try:
        reach(last or "")
    except LaunchError:
        return "local"  # a new one
    return None


def _sent(target: Train | str | Command) -> str | Command | bytes:
    """What a worker is given: a name that it can import, or else the function itself."""
    if isinstance(target, str | Command):
        return target
    if name := reference_of(target):
        return name
    try:
        return cloudpickle.dumps(target)  # type: ignore[no-any-return]
    except (TypeError, AttributeError, PicklingError) as error:
        raise LaunchError(say(
            "the function cannot be sent to other machines: {error}. Move it to the "
            "top level of a module, and open files and connections within it.",
            error=error,
        )) from error  # fmt: skip


def unpickled(file: str) -> Train:
    """The function that `_sent` packed; read in the process that trains, nowhere else."""
    return cloudpickle.loads(Path(file).read_bytes())  # type: ignore[no-any-return]


def _fits(cluster: Cluster) -> bool:
    """Whether some node has what a worker needs, if nothing else ran there."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return any(n.get("CPU", 0) >= cluster.cpus and n.get("GPU", 0) >= cluster.gpus for n in nodes)
