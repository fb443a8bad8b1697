"""`Study`: what a person holds to tune, to look at results, and to ask and tell."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from weakref import finalize

from danlu import checking, running
from danlu.asked import AskedTrial, Asking
from danlu.catalogue.filling import filled
from danlu.checking import GivenProblem
from danlu.core.command import Command
from danlu.core.event import Learned
from danlu.core.history import History
from danlu.core.limits import DEFAULT, Limits
from danlu.core.outset import read_constraints, read_objectives
from danlu.core.record import TrialRecord
from danlu.core.request import check_request
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective, Spec
from danlu.core.task import UNKNOWN
from danlu.errors import StudyError
from danlu.executors.server import Train
from danlu.preflight.checklist import Checklist
from danlu.running import Place, executor_for
from danlu.stores import folder_for, folder_of_memory, open_store, opened
from danlu.stores.base import Store, set_out, settle
from danlu.strategies.base import Strategy
from danlu.strategies.names import chosen_for
from danlu.tuner import Watch

__all__ = ["Command", "Study"]


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
        space: What may vary; for a parameter whose name or role is known, a scale and limits that
            are not given are those of the catalogue (docs/reference/parameters.md).
        objective: ``"min METRIC"``, ``"max METRIC"``, or a name whose direction is known; a list
            of them for several objectives, the most important one first.
        epochs: The full length of a trial.
        seed: All randomness of the search derives from it, and each trial's seed.
        budget: In all: ``"20x"`` full trainings, ``"30 trials"``, ``"2h"``, several with commas.
        strategy: Its name, or an object that decides.
        options: The strategy's own keys.
        store: A folder, ``postgresql://…``, a `Store`, or None to keep it in memory.
        command: Template of the training command, for showing the best config as one.
        constraints: What a trial must keep to, such as ``["params <= 1e6", "latency_ms < 20"]``.
        training: Settings of the training kit, for ``danlu best --toml`` and ``danlu train``.

    Raises:
        StudyError: If the objective, a constraint, the budget or the plan cannot be, or the name
            is taken by a study that was set out otherwise.
        StoreError: If the store cannot be opened.
    """

    def __init__(
        self,
        name: str,
        *,
        space: Space,
        objective: str | Objective | Sequence[str | Objective],
        epochs: int,
        seed: int = 0,
        budget: str | float | Budget | None = None,
        strategy: str | Strategy = "auto",
        options: Mapping[str, Any] | None = None,
        store: str | Path | Store | None = ".danlu",
        command: Sequence[str] = (),
        constraints: Sequence[str | Constraint] = (),
        training: Mapping[str, Any] | None = None,
    ) -> None:
        first, *further = read_objectives(objective)
        named = strategy if isinstance(strategy, str) else type(strategy).__name__
        spec = Spec(
            name, filled(space), first, epochs, seed, Budget.parse(budget), named, options or {},
            tuple(command), tuple(further), read_constraints(constraints), training or {},
        )  # fmt: skip
        chosen = chosen_for(spec) if isinstance(strategy, str) else strategy
        folder = folder_for(store, name) if store is not None else folder_of_memory(self)
        self._attach(opened(store), spec, chosen, folder)
        self._history = set_out(self._store, spec, space)

    @classmethod
    def from_spec(cls, spec: Spec, *, store: str | Path | Store | None = ".danlu") -> "Study":
        """The study that a spec sets out, as one from a study file."""
        return cls(
            spec.name, space=spec.space, objective=spec.objectives, epochs=spec.epochs,
            seed=spec.seed, budget=spec.budget, strategy=spec.strategy, options=spec.options,
            store=store, command=spec.command, constraints=spec.constraints,
            training=spec.training,
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
                raise StudyError(say("there is no study in {store} yet.", store=store))
            name = names[-1]
        history = opened.load(name)
        study = cls.__new__(cls)
        study._attach(opened, history.spec, None, folder_for(store, name))
        return study

    def _attach(self, store: Store, spec: Spec, strategy: Strategy | None, folder: Path) -> None:
        self._store = store
        self._strategy = strategy
        self._history = History(spec)
        self._asking: Asking | None = None
        self._checked = False
        self.folder = folder

    # ---- looking

    @property
    def history(self) -> History:
        """All that happened until now, also what another process recorded meanwhile."""
        spec = self.spec  # as set out here; the store learns of it when it is run
        now = self._store.follow(self._history)
        self._history = now if now.spec == spec else replace(now, spec=spec)
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

    @property
    def pareto(self) -> tuple[TrialRecord, ...]:
        """Of several objectives, the trials that none is better than in all (`History.pareto`)."""
        return self.history.pareto

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with one row a trial (extra ``frames``)."""
        from danlu.reporting.tables import to_pandas

        return to_pandas(self.history)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the report as one HTML file; returns its path."""
        from danlu.predicting import predict_open
        from danlu.reporting.html import write_report

        history = self.history
        requests = self._store.requests(self.spec.name)
        return write_report(history, Path(path), predict_open(history, path=True), requests)

    # ---- running

    def run(
        self,
        train: Train | str | Command,
        *,
        workers: int = 1,
        budget: str | float | Budget | None = None,
        watch: Watch | None = None,
        executor: Place = "auto",
        threads: int = 1,
        check: bool | Literal["warn"] = True,
        problem: GivenProblem | None = None,
        classes: int | None = None,
        limits: Limits = DEFAULT,
    ) -> TrialRecord | None:
        """Tune until the budget is spent, the search is over or somebody stops it.

        Running it again goes on where the last run ended. Ctrl-C lets running trials come to the
        end of their slice, a second one ends them at once; nothing that was reported is lost.

        Args:
            train: A function that takes a `Trial`; its name ``"module:function"``; a `Command`.
            workers: How many trials run at once, or processes where they train together.
            budget: Replaces the study's budget; it counts all that was spent before.
            watch: Called with the history several times a second.
            executor: ``"fused"`` trains trials of the kit with networks of equal shape together,
                ``"processes"`` each alone; ``"auto"`` chooses; ``"ray"`` or a `Cluster`: on a
                Ray cluster; ``"inline"``: here, for debugging.
            threads: Threads for torch and OpenMP per worker; on a cluster, as many as its CPUs.
            check: Check data and model, where they are known, before the first trial. Errors
                end the run, as the finding that nothing learns does, unless it is ``"warn"``.
            problem: What to check, a `Problem` or its name; else the function's ``problem``.
            classes: How many classes are told apart, so that chance is known without a problem.
            limits: How long a trial may be silent or train.

        Returns:
            The trial to use, None if no trial has a result.

        Raises:
            CheckError: If pre-flight found errors.
            LaunchError: If training cannot be started, or the first trials all fail.
            StudyError: If another process runs the study.
            KeyboardInterrupt: After an orderly end, when it was interrupted.
        """
        if budget is not None:
            spec = replace(self.spec, budget=Budget.parse(budget))
            self._history = replace(self._history, spec=spec)
        self._end_asking()
        known = self._checked or self.history.trials
        if check and not known and checking.has_problem(train, problem):
            checklist = self.check(train, problem=problem, go_on=check == "warn")
            checking.act_on(checklist, self.spec.name, warn=check == "warn")
        place = executor_for(self.spec, train, executor, workers, threads)
        with self._store.lock(self.spec.name):
            settle(self._store, self.spec)
            if classes is not None and self.history.task == UNKNOWN:
                learned = Learned(time.time(), checking.told(self.spec.objective.metric, classes))
                self._store.append(self.spec.name, [learned])
            chosen = self._strategy or chosen_for(self.spec)
            self._history = running.run(
                self.history, chosen, place, self._store, self.folder, train, watch,
                heed=check != "warn", limits=limits,
            )  # fmt: skip
        running.check_outcome(self._history)
        return self._history.best

    def check(
        self,
        train: Train | str | Command | None = None,
        *,
        problem: GivenProblem | None = None,
        classes: int | None = None,
        go_on: bool = False,
        training: bool = False,
    ) -> Checklist:
        """Check data, model and training loop of the default config, and record what was found.

        Facts of the task and findings go into the history, the whole checklist into
        ``preflight.json`` in the study's folder. Nothing that training sees is changed: it is
        done in a process of its own.

        Args:
            train: What trains; its attribute ``problem`` is checked, if it has one.
            problem: What to check instead: a `Problem`, a function of one, or its name
                ``"module:name"``.
            classes: How many classes are told apart, if there is no problem to look at.
            go_on: Go on after errors, though what follows may only echo them.
            training: Train the default config for one epoch, twice, and look at its reports.

        Raises:
            CheckError: If there is nothing to check, or the process that checks dies.
            LaunchError: If training cannot be started.
            StudyError: If another process runs the study.
        """
        # Held from the beginning: who looks sees that the study is at work, and whoever wants to
        # run it, too, hears so before anything is computed.
        with self._store.lock(self.spec.name):
            settle(self._store, self.spec)
            checklist = Checklist((), checking.told(self.spec.objective.metric, classes))
            if checking.has_problem(train, problem):
                checklist = checking.examined(self.spec, train, problem, go_on=go_on)
            if training and train is not None and (go_on or not checklist.errors):
                folder = self.folder / "preflight"
                checklist = running.with_trainings(self.spec, train, folder, checklist)
            checking.check_done(checklist)
            self._store.append(self.spec.name, checking.events_of(self.history, checklist))
        checking.write(checklist, self.folder)
        self._checked = True
        return checklist

    def remove(self) -> None:
        """Forget the study, its trials, logs and checkpoints; not while it is being run."""
        self._end_asking()
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

    def request(
        self,
        verb: str,
        trial: int | None = None,
        *,
        by: str = "",
        key: str | None = None,
        **data: Any,
    ) -> int:
        """Leave a wish for the process that runs the study; it answers in the log-book.

        Args:
            verb: ``"pause"``, ``"resume"``, ``"stop"``, ``"stop now"``, ``"stop trial"``,
                ``"add budget"`` (with ``budget="10x"``), ``"enqueue"`` (with ``config={…}``,
                which is tried next, now or when the study is run again); for readers only
                ``"pin"``, ``"unpin"`` and ``"note"`` (with ``text=…``).
            trial: The trial it is about.
            by: Who asks.
            key: The same key again is the same request.
            data: What else the verb needs.

        Returns:
            The number of the request.

        Raises:
            StudyError: If nobody runs the study now, or the wish cannot be.
            ConfigError: If the config to try does not belong to the space.
        """  # fmt: skip
        history = self.history
        check_request(history, verb, trial, data, self._store.holder(self.spec.name))
        name = self.spec.name
        return self._store.request(name, verb, trial, data=data, by=by, key=key)

    # ---- asking and telling, for loops of one's own

    def ask(self) -> AskedTrial | None:
        """What to train next, for people with their own loop.

        A paused trial may come again with a higher ``until``; several may be open at once. From
        the first call until the search is over nobody else can run the study; what another
        process asked for and never told comes again.

        Returns:
            None when there is nothing to train: the search is over, or it waits to be told of
            trials that are open.

        Raises:
            StudyError: If another process runs the study.
        """
        if self._asking is None:
            chosen = self._strategy or chosen_for(self.spec)
            self._asking = Asking(self.history, chosen, self._store, self.folder)
            self._release = finalize(self, self._asking.close)
        asked = self._asking.ask()
        if asked is None and self._asking.over:
            self._end_asking()
        return asked

    def tell(
        self, trial: AskedTrial, value: float | None = None, *, failed: str | None = None
    ) -> TrialRecord:
        """Close an asked trial: its slice is trained, or it failed.

        Args:
            trial: What `ask` gave.
            value: The objective after ``trial.until`` epochs, for those who did not report it.
            failed: Why it failed, if it did.

        Raises:
            StudyError: If the trial was told before, or was not asked for here.
            ReportError: If the value is no number.
        """
        if self._asking is None:
            raise StudyError(
                say("trial {number} is not open: ask for one first.", number=trial.number)
            )
        return self._asking.tell(trial, value, failed)

    def _end_asking(self) -> None:
        if self._asking is not None:
            self._release()
            self._asking = None
