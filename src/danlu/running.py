"""Running a study: where its trials train, and what signals mean while it runs."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from danlu import checking
from danlu.core.command import Command
from danlu.core.history import History
from danlu.core.limits import Limits
from danlu.core.sentence import say
from danlu.core.spec import Spec
from danlu.errors import LaunchError, StudyError
from danlu.executors.base import Executor
from danlu.executors.cluster import Cluster
from danlu.executors.fitting import FEWEST_ROWS, gains, rows_for
from danlu.executors.fused import FusedExecutor, is_of_kit
from danlu.executors.inline import InlineExecutor
from danlu.executors.launched import recovered
from danlu.executors.processes import ProcessExecutor
from danlu.executors.server import Train
from danlu.preflight.checklist import Checklist
from danlu.stores.base import Store
from danlu.strategies.base import Strategy
from danlu.tuner import Tuner, Watch

Named: TypeAlias = Literal["auto", "fused", "processes", "ray", "inline"]
Place: TypeAlias = Named | Cluster | Executor
EXECUTORS = get_args(Named)


def executor_for(
    spec: Spec,
    train: Train | str | Command,
    executor: Place = "auto",
    workers: int = 1,
    threads: int = 1,
) -> Executor:
    """Where the trials of a study train.

    Args:
        spec: The study.
        train: A function, its name, or a command.
        executor: ``"auto"``, ``"fused"``, ``"processes"``, ``"ray"``, ``"inline"``, a `Cluster`,
            or one that is made already.
        workers: How many trials run at once; where they train together, how many processes do it.
        threads: Threads for torch and OpenMP per worker.

    Raises:
        StudyError: If there is no such executor, or it cannot run what trains.
        LaunchError: If the command uses what is no parameter, or the cluster cannot be joined.
    """
    if not isinstance(executor, str | Cluster):
        return executor
    metric = spec.objective.metric
    for name, number in (("workers", workers), ("threads", threads)):
        if number < 1:
            raise StudyError(
                say("{name} must be at least 1, but got {number}.", name=name, number=number)
            )
    if isinstance(train, Command):
        train.check(tuple(spec.space))
    elif not callable(train) and not isinstance(train, str):
        raise StudyError(say(
            "what trains must be a function that takes a Trial, its name "
            "'module:function', or a Command, but got {train}.",
            train=repr(train),
        ))  # fmt: skip
    if isinstance(executor, Cluster) or executor == "ray":
        return _on_ray(train, metric, workers, executor)
    fused = executor in ("auto", "fused")
    if fused and (crews := _crews(spec, train, executor, workers, threads)) is not None:
        return crews
    if executor in ("auto", "processes"):
        return ProcessExecutor(train, metric, workers, threads)
    if executor != "inline":
        known = ", ".join(map(repr, EXECUTORS))
        raise StudyError(say(
            "executor must be one of {known}, but got {executor}.",
            known=known, executor=repr(executor),
        ))  # fmt: skip
    if not callable(train):
        raise StudyError(say("the inline executor needs a function, not a name or a command."))
    return InlineExecutor(train, metric)


def _on_ray(
    train: Train | str | Command, metric: str, workers: int, cluster: Cluster | str
) -> Executor:
    try:
        from danlu.executors.ray import RayExecutor  # who has no cluster need not have Ray
    except ImportError as error:
        raise StudyError(say(
            "a cluster needs Ray, which cannot be imported ({error}): install it with: "
            "pip install 'danlu[ray]'",
            error=error,
        )) from error  # fmt: skip
    where = cluster if isinstance(cluster, Cluster) else Cluster()
    return RayExecutor(train, metric, workers, where)


def _crews(
    spec: Spec, train: Train | str | Command, executor: str, workers: int, threads: int
) -> FusedExecutor | None:
    """The executor that trains trials together; None if that is left to us and will not pay.

    Raises:
        StudyError: If it is wanted for what it cannot train.
    """
    rows = rows_for(spec, workers)
    if isinstance(train, Command) or not is_of_kit(train):
        if executor == "auto":
            return None
        raise StudyError(say(
            "only trainings of the kit can be fused: a study file with [train], or "
            "danlu.kit.Training. What has a loop of its own trains in processes.",
        ))  # fmt: skip
    if executor == "auto" and gains(spec, rows):
        return None
    rows = max(rows, FEWEST_ROWS)
    return FusedExecutor(train, spec.objective.metric, workers, threads, rows)


def run(
    history: History,
    strategy: Strategy,
    place: Executor,
    store: Store,
    folder: Path,
    train: Train | str | Command,
    watch: Watch | None,
    *,
    heed: bool,
    limits: Limits,
) -> History:
    """Run a study whose lock is held, to its end or an interrupt; what happened.

    With ``heed`` it ends when its trials show that nothing learns.

    Raises:
        LaunchError: If training cannot be started.
    """
    script = isinstance(train, Command)
    metrics = train.metrics if isinstance(train, Command) else None
    tuner = Tuner(
        history, strategy, place, store, folder, watch or (lambda _: None),
        partial(recovered, metrics=metrics, script=script), heed=heed, limits=limits,
    )  # fmt: skip
    with _signals(tuner):
        return tuner.run()


def with_trainings(
    spec: Spec, train: Train | str | Command, folder: Path, checklist: Checklist
) -> Checklist:
    """The checklist with what two short trainings of the default config report.

    Raises:
        LaunchError: If training cannot be started.
    """
    trainings = checking.first_epochs(spec, executor_for(spec, train), folder)
    return checking.with_reports(spec, checklist, trainings)


def check_outcome(history: History) -> None:
    """Raise what the end of a run means.

    Raises:
        LaunchError: If it failed.
        KeyboardInterrupt: If it was interrupted.
    """
    if history.outcome == "failed":
        raise LaunchError(history.ended_why)
    if history.outcome == "interrupted":
        raise KeyboardInterrupt


@contextmanager
def _signals(tuner: Tuner) -> Iterator[None]:
    """Turn signals into the tuner's interrupts while it runs, if this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        tuner.interrupts += 1
        if tuner.interrupts > 2:
            raise KeyboardInterrupt

    def terminate(*_: Any) -> None:
        tuner.interrupts = 2

    handlers: Mapping[int, Callable[..., None]] = {
        signal.SIGINT: interrupt,
        signal.SIGTERM: terminate,
        signal.SIGHUP: terminate,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            if earlier is not None:  # None: it was not installed by Python
                signal.signal(number, earlier)
