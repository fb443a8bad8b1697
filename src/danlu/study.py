"""`Study`: what a person holds to tune, to look at results, and to ask and tell."""

import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from danlu.asked import AskedTrial
from danlu.core.decision import Continue, Finish, Start
from danlu.core.event import Continued, Event, Failed, Finished, Paused, Started, Stopped
from danlu.core.history import History, TrialRecord
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.errors import LaunchError, StudyError
from danlu.executors.base import Executor
from danlu.executors.command import Command
from danlu.executors.inline import InlineExecutor
from danlu.executors.processes import ProcessExecutor, recovered
from danlu.executors.server import Train
from danlu.stores import open_store
from danlu.stores.base import Store
from danlu.stores.memory import MemoryStore
from danlu.strategies.base import Strategy
from danlu.strategies.names import make
from danlu.tuner import Tuner, Watch

__all__ = ["Command", "Study"]

log = logging.getLogger("danlu")


class Study:
    """The whole search: space, objective, plan, budget, seed, and all that happened.

    Making a study that is in the store already goes on with it; what was set out must be the
    same, only budget, seed and plan may be changed.

    Example:
        >>> study = Study("digits", space=space, objective="max val_accuracy", epochs=30)
        >>> best = study.run(train, workers=2, budget="20x")
        >>> best.config, best.value

    Args:
        name: Unique in its store.
        space: What may vary.
        objective: ``"min METRIC"``, ``"max METRIC"``, or a name whose direction is known.
        epochs: The full length of a trial.
        seed: All randomness of the search derives from it, and each trial's seed.
        budget: In all: ``"20x"`` full trainings, ``"30 trials"``, ``"2h"``, several with commas.
        strategy: Its name, or an object that decides.
        options: The strategy's own keys.
        store: A folder, ``postgresql://…``, a `Store`, or None to keep it in memory.
        command: Template of the training command, for showing the best config as one.

    Raises:
        StudyError: If the name is taken by a study that was set out otherwise.
        StoreError: If the store cannot be opened.
    """

    def __init__(
        self,
        name: str,
        *,
        space: Space,
        objective: str | Objective,
        epochs: int,
        seed: int = 0,
        budget: str | float | Budget | None = None,
        strategy: str | Strategy = "auto",
        options: Mapping[str, Any] | None = None,
        store: str | Path | Store | None = ".danlu",
        command: Sequence[str] = (),
    ) -> None:
        if isinstance(objective, str):
            objective = Objective.parse(objective)
            if objective.inferred:
                log.warning("Objective: %s. The direction follows from the name.", objective)
        named = strategy if isinstance(strategy, str) else type(strategy).__name__
        spec = Spec(
            name, space, objective, epochs, seed, Budget.parse(budget), named, options or {},
            tuple(command),
        )  # fmt: skip
        chosen = make(strategy, spec.options) if isinstance(strategy, str) else strategy
        self._attach(_opened(store), spec, chosen, _folder(store, name))
        self._agree()

    @classmethod
    def from_spec(cls, spec: Spec, *, store: str | Path | Store | None = ".danlu") -> "Study":
        """The study that a spec sets out, as one from a study file."""
        return cls(
            spec.name, space=spec.space, objective=spec.objective, epochs=spec.epochs,
            seed=spec.seed, budget=spec.budget, strategy=spec.strategy, options=spec.options,
            store=store, command=spec.command,
        )  # fmt: skip

    @classmethod
    def open(cls, name: str | None = None, *, store: str | Path | Store = ".danlu") -> "Study":
        """A study that is in the store; without a name, the newest.

        Raises:
            StudyError: If there is no such study.
        """
        opened = open_store(store, create=False) if isinstance(store, str | Path) else store
        if name is None:
            names = opened.studies()
            if not names:
                raise StudyError(f"there is no study in {store} yet: start one with danlu run.")
            name = names[-1]
        history = opened.load(name)
        study = cls.__new__(cls)
        study._attach(opened, history.spec, None, _folder(store, name))
        study._history = history
        return study

    def _attach(self, store: Store, spec: Spec, strategy: Strategy | None, folder: Path) -> None:
        self._store = store
        self._strategy = strategy
        self._history = History(spec)
        self.folder = folder

    def _agree(self) -> None:
        """Create the study, or go on with the one of that name if it is the same."""
        spec = self._history.spec
        if spec.name not in self._store.studies():
            self._store.create(spec)
            return
        known = self._store.load(spec.name)
        if changes := _differences(known.spec, spec):
            raise StudyError(
                f"study {spec.name!r} is there already, but {'; '.join(changes)}. "
                f"Use another name, or remove it first with: danlu rm {spec.name!r}"
            )
        self._store.respecify(spec)
        self._history = replace(known, spec=spec)

    # ---- looking

    @property
    def history(self) -> History:
        """All that happened until now, also what another process recorded meanwhile."""
        self._history = self._store.follow(self._history)
        return self._history

    @property
    def spec(self) -> Spec:
        """What the study is set out to do."""
        return self._history.spec

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All trials in the order of their starts."""
        return tuple(self.history.trials.values())

    @property
    def best(self) -> TrialRecord | None:
        """The trial to use, None before the first result (see `History.best`)."""
        return self.history.best

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with one row a trial (extra ``frames``)."""
        from danlu.report.tables import to_pandas

        return to_pandas(self.history)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report as one HTML file; returns its path."""
        from danlu.report.html import write_report

        return write_report(self.history, Path(path))

    # ---- running

    def run(
        self,
        train: Train | str | Command,
        *,
        workers: int = 1,
        budget: str | float | Budget | None = None,
        watch: Watch | None = None,
        executor: Literal["processes", "inline"] | Executor = "processes",
        threads: int = 1,
    ) -> TrialRecord | None:
        """Tune until the budget is spent, the search is over or somebody stops it.

        Running it again goes on where the last run ended. Ctrl-C lets running trials come to the
        end of their slice, a second one ends them at once; nothing that was reported is lost.

        Args:
            train: A function that takes a `Trial`; its name ``"module:function"``; a `Command`.
            workers: How many trials run at once.
            budget: Replaces the study's budget; it counts all that was spent before.
            watch: Called with the history several times a second.
            executor: ``"inline"`` trains in this process, for debugging.
            threads: Threads for torch and OpenMP per worker.

        Returns:
            The trial to use, None if no trial has a result.

        Raises:
            LaunchError: If training cannot be started, or the first trials all fail.
            StudyError: If another process runs the study.
            KeyboardInterrupt: After an orderly end, when it was interrupted.
        """
        if budget is not None:
            self._history = replace(
                self._history, spec=replace(self.spec, budget=Budget.parse(budget))
            )
            self._store.respecify(self.spec)
        place = self._executor(executor, train, workers, threads)
        script = isinstance(train, Command)
        metrics = train.metrics if isinstance(train, Command) else None
        with self._store.lock(self.spec.name):
            tuner = Tuner(
                self.history, self._strategy or make(self.spec.strategy, self.spec.options), place,
                self._store, self.folder, watch or (lambda _: None),
                partial(recovered, metrics=metrics, script=script),
            )  # fmt: skip
            with _signals(tuner):
                self._history = tuner.run()
        if self._history.outcome == "failed":
            raise LaunchError(self._history.ended_why)
        if self._history.outcome == "interrupted":
            raise KeyboardInterrupt
        return self._history.best

    def _executor(
        self, executor: str | Executor, train: Train | str | Command, workers: int, threads: int
    ) -> Executor:
        if not isinstance(executor, str):
            return executor
        metric = self.spec.objective.metric
        if workers < 1:
            raise StudyError(f"workers must be at least 1, but got {workers}.")
        if executor == "processes":
            return ProcessExecutor(train, metric, workers, threads)
        if executor != "inline":
            raise StudyError(f"executor must be 'processes' or 'inline', but got {executor!r}.")
        if not callable(train):
            raise StudyError("the inline executor needs a function, not a name or a command.")
        return InlineExecutor(train, metric)

    def remove(self) -> None:
        """Forget the study, its trials, logs and checkpoints.

        Raises:
            StudyError: If it is being run.
        """
        self._store.remove(self.spec.name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, *, now: bool = False, trial: int | None = None) -> None:
        """Ask the process that runs the study to end it, or one of its trials.

        Args:
            now: End running trials at once, instead of at the end of their slices.
            trial: End only this one.
        """
        verb = "stop trial" if trial is not None else ("stop now" if now else "stop")
        self._store.request(self.spec.name, verb, trial)

    # ---- asking and telling, for loops of one's own

    def ask(self) -> AskedTrial | None:
        """What to train next, for people with their own loop; None when the search is over.

        A paused trial may come again with a higher ``until``. Several trials may be open at once.
        """
        strategy = self._strategy or make(self.spec.strategy, self.spec.options)
        history = self._history
        for decision in strategy.decide(self.spec.space, history, 1):
            if isinstance(decision, Finish):
                return None
            if isinstance(decision, Start):
                number = history.next_number
                seed = self.spec.trial_seed(number) if decision.seed is None else decision.seed
                self._record(
                    Started(time.time(), number, self.spec.space.check(decision.config),
                            decision.until, seed, decision.proxy, decision.stage, decision.why)
                )  # fmt: skip
                return self._asked(number)
            if isinstance(decision, Continue):
                trial = history.trials[decision.trial]
                self._record(
                    Continued(time.time(), trial.number, decision.until, trial.attempt,
                              decision.stage, decision.why)
                )  # fmt: skip
                return self._asked(trial.number)
            self._record(Stopped(time.time(), decision.trial, decision.why))
        return None

    def _asked(self, number: int) -> AskedTrial:
        folder = self.folder / str(number)
        return AskedTrial(self._history.trials[number], self.spec, folder, self._record)

    def tell(
        self, trial: AskedTrial, value: float | None = None, *, failed: str | None = None
    ) -> TrialRecord:
        """Close an asked trial: its slice is trained, or it failed.

        Args:
            trial: What `ask` gave.
            value: The objective after ``trial.until`` epochs, for those who did not report.
            failed: Why it failed, if it did.
        """
        number, now = trial.number, time.time()
        if value is not None:
            trial.report(trial.until, {self.spec.objective.metric: value})
        known = self._history.trials[number]
        closing: Event
        if failed is not None or known.value is None:
            message = failed or f"it was told without {self.spec.objective.metric}"
            closing = Failed(now, number, "told", message)
        elif trial.stopping:
            closing = Failed(now, number, known.findings[-1].code, known.findings[-1].message)
        elif known.until <= known.epoch < self.spec.epochs:
            closing = Paused(now, number)
        else:
            closing = Finished(now, number)
        self._record(closing)
        return self._history.trials[number]

    def _record(self, *events: Event) -> History:
        self._store.append(self.spec.name, events)
        self._history = self._history.after(*events)
        return self._history


def _opened(store: str | Path | Store | None) -> Store:
    if store is None:
        return MemoryStore()
    return open_store(store) if isinstance(store, str | Path) else store


def _folder(store: object, name: str) -> Path:
    """Where the trials' files lie: beside the database, or in ``.danlu`` of this folder."""
    local = isinstance(store, str | Path) and "://" not in str(store)
    base = Path(str(store)) if local else Path(".danlu")
    return (base.parent if base.suffix == ".db" else base).resolve() / "trials" / name


def _differences(old: Spec, new: Spec) -> list[str]:
    """What makes two specs of one name different studies."""
    changes = []
    if dict(old.space.parameters) != dict(new.space.parameters):
        changed = [
            name
            for name in dict.fromkeys([*old.space, *new.space])
            if old.space.parameters.get(name) != new.space.parameters.get(name)
        ]
        changes.append(f"its space differs in {', '.join(changed)}")
    if str(old.objective) != str(new.objective):
        changes.append(f"its objective is {old.objective}, not {new.objective}")
    if old.epochs != new.epochs:
        changes.append(f"its trials have {old.epochs} epochs, not {new.epochs}")
    return changes


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
        for number, handler in before.items():
            signal.signal(number, handler)
