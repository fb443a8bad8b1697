"""Asking and telling: the tuner for people with a loop of their own, in this process."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from danlu.core.decision import Continue, Finish, Note, Start, Stop
from danlu.core.event import (
    Began,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Noted,
    Observed,
    Paused,
    Reported,
    Started,
    Stopped,
)
from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.spending import continued, spent, started
from danlu.diagnosis.rules import judgement, new_findings, ruins, says_stop
from danlu.diagnosis.study import next_look, study_news
from danlu.errors import ReportError, StudyError
from danlu.stores.base import Store, settle
from danlu.strategies.base import Strategy, last_lines
from danlu.worker.spool import evaluation, whole
from danlu.worker.trial import order_problem


class AskedTrial:
    """What to train, and where to report it; closed by ``study.tell``.

    Attributes:
        number: Counted from 1.
        params: Name → value.
        seed: The trial's seed.
        start: Epoch up to which it is trained already: 0 for a new one, and for one whose process
            is gone.
        until: Epoch to train to.
        classes: Number of classes to keep, None for all.
        folder: A place for its files; not made yet.
        why: Why this trial comes now.
        told: Whether it is closed.
        stopping: Whether to stop now: the curves say that training on is a waste.
        verdict: The finding that says so, if any.
    """

    def __init__(
        self,
        record: TrialRecord,
        start: int,
        folder: Path,
        append: Callable[[Event], History],
    ) -> None:
        self.number = record.number
        self.params: Mapping[str, Value] = dict(record.config)
        self.seed = record.seed
        self.start = start
        self.until = record.until
        self._proxy = record.proxy
        self._unread = self._proxy.data_fraction < 1.0
        self.classes = record.proxy.classes
        self.folder = folder
        self.why = record.why
        self.told = False
        self.stopping = False
        self.verdict: Finding | None = None
        self._last = start
        self._append = append

    @property
    def data_fraction(self) -> float:
        """Share of the training data to use."""
        if self._unread and not self.told:  # so training takes shares
            self._unread = False
            self._append(Observed(time.time(), self.number, "data_fraction"))
        return self._proxy.data_fraction

    def epochs(self) -> Iterator[int]:
        """The epochs to train, from ``start`` + 1 to ``until``; ends early when it should."""
        for epoch in range(self.start + 1, self.until + 1):
            if self.stopping:
                return
            yield epoch

    def report(self, epoch: int, metrics: Mapping[str, Any] | None = None, **named: Any) -> bool:
        """Record the evaluations after an epoch.

        Returns:
            Whether to stop now, because the curves say that training on is a waste.

        Raises:
            ReportError: If the epoch does not grow, or a value is no number.
        """
        line = evaluation(whole(epoch), metrics, named)
        at, number = line.pop("at"), line.pop("epoch")
        if number <= self._last:
            raise ReportError(order_problem(self.number, number, self._last))
        self._last = number
        history = self._append(Reported(at, self.number, number, line))
        for finding in new_findings(history, history.trials[self.number]):
            self._append(Diagnosed(time.time(), self.number, finding))
            if says_stop(finding):
                self.verdict = self.verdict or finding
        stopped = not history.trials[self.number].open  # by the search
        self.stopping = stopped or self.verdict is not None
        return self.stopping


class Asking:
    """Asks a strategy and records what is told; holds the study's lock until it is closed.

    Args:
        history: The study so far, with its spec as it shall be.
        strategy: What decides.
        store: Where everything is recorded.
        folder: The study's folder; each trial gets one in it.

    Attributes:
        over: Whether the search is over: nothing is left to ask for, and nothing is open.

    Raises:
        StudyError: If another process runs the study.
    """

    def __init__(self, history: History, strategy: Strategy, store: Store, folder: Path) -> None:
        self.history = history
        self.over = False
        self._why = ""
        self._look_at = 0  # version of the history from which on the study is looked at again
        self._strategy = strategy
        self._store = store
        self._folder = folder
        self._lock = ExitStack()
        self._lock.enter_context(store.lock(history.spec.name))
        settle(store, history.spec)
        now = time.time()
        left = [t.number for t in history.running if t.state == "running"]
        lost = [
            Lost(now, number, say("it was never told of"), interrupted=True) for number in left
        ]
        process = say("pid {pid} on {host}", pid=os.getpid(), host=socket.gethostname())
        self._record(*lost, Began(now, process=process))

    def close(self) -> None:
        """Record the end and let others run the study; what is open then comes again."""
        with self._lock:
            outcome = "done" if self.over else "interrupted"
            self._record(Ended(time.time(), outcome, self._why))

    def ask(self) -> AskedTrial | None:
        """The next trial to train; None if there is none now."""
        lost = next((t for t in self.history.running if t.state == "lost"), None)
        if lost is not None:
            why = say("{message}; begins anew", message=lost.message)
            again = Continued(time.time(), lost.number, lost.until, lost.attempt + 1, "", why)
            self._record(again)
            return self._asked(lost.number, start=0)
        event = self._next()
        if isinstance(event, str):
            self.over, self._why = not self.history.running, event
            return None
        self._record(event)
        if isinstance(event, Started):  # what lies there is of a study that is no more
            shutil.rmtree(self._folder / str(event.trial), ignore_errors=True)
        return self._asked(event.trial, self.history.trials[event.trial].epoch)

    def _next(self) -> Started | Continued | str:
        """The next trial to train, or why there is none."""
        space = self.history.spec.space
        while not (why := spent(self.history, time.time())):
            asides: list[Event] = []  # what takes no slot
            for decision in self._strategy.decide(space, self.history, 1):
                if isinstance(decision, Stop):
                    asides.append(Stopped(time.time(), decision.trial, decision.why))
                elif isinstance(decision, Note):
                    asides.append(Noted(time.time(), decision.entry))
                elif isinstance(decision, Finish):
                    self._record(*asides)
                    return decision.why
                else:
                    self._record(*asides)
                    return self._carried_out(decision)
            if not asides:
                return say("the strategy has nothing left to try")
            self._record(*asides)
        if not self.history.running:
            now = time.time()
            self._record(*(Noted(now, e) for e in last_lines(self._strategy, self.history)))
        return why

    def _carried_out(self, decision: Start | Continue) -> Started | Continued | str:
        now = time.time()
        if isinstance(decision, Start):
            return started(self.history, decision, now) or self._too_dear()
        return continued(self.history, decision, now) or self._too_dear()

    def _too_dear(self) -> str:
        return say("the budget of {budget} is spent", budget=self.history.spec.budget)

    def _asked(self, number: int, start: int) -> AskedTrial:
        folder = self._folder / str(number)
        return AskedTrial(self.history.trials[number], start, folder, self._record)

    def tell(self, trial: AskedTrial, value: float | None, failed: str | None) -> TrialRecord:
        """Close a trial; see `Study.tell`."""
        number = trial.number
        trial.told = True
        if self.history.trials[number].state == "stopped":
            return self.history.trials[number]  # by the search: there is nothing left to tell
        if self.history.trials[number].state != "running":
            raise StudyError(
                say("trial {number} was told already: ask for another one.", number=number)
            )
        if value is not None and self.history.trials[number].epoch < trial.until:
            trial.report(trial.until, {self.history.objective.metric: value})
        self._record(self._told(trial, failed))
        if found := judgement(self.history, self.history.trials[number]):
            self._record(*(Diagnosed(time.time(), number, f) for f in found))
        if self.history.version >= self._look_at:
            now = time.time()
            self._record(*(Diagnosed(now, None, f) for f in study_news(self.history)))
            self._look_at = next_look(self.history)
        return self.history.trials[number]

    def _told(self, trial: AskedTrial, failed: str | None) -> Event:
        """The closing event of a trial."""
        number, now, known = trial.number, time.time(), self.history.trials[trial.number]
        if failed is not None:
            return Failed(now, number, "told", failed)
        if trial.verdict is not None:
            code, why = trial.verdict.code, trial.verdict.message
            return (
                Failed(now, number, code, why)
                if ruins(trial.verdict)
                else (Stopped(now, number, why))
            )
        if known.value is None:
            message = say("it was told without {metric}", metric=self.history.objective.metric)
            return Failed(now, number, "no result", message)
        if known.until <= known.epoch < self.history.spec.epochs:
            return Paused(now, number)
        return Finished(now, number)

    def _record(self, *events: Event) -> History:
        self._store.append(self.history.spec.name, events)
        self.history = self.history.after(*events)
        return self.history
