"""The loop: the one module that knows strategies, executors and stores.

One turn: collect what the workers did, diagnose it, decide what comes next, record all of it in
one transaction, launch. Running the same study again goes on where the last run ended, however
it ended.
"""

import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from danlu.core.decision import Continue, Decision, Finish, Start, Stop
from danlu.core.event import (
    Began,
    Closing,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Paused,
    Reported,
    Started,
    Stopped,
)
from danlu.core.history import History, TrialRecord
from danlu.core.job import Job
from danlu.diagnosis.rules import RULES, Rule, new_findings, says_stop
from danlu.errors import LaunchError
from danlu.executors.base import Executor
from danlu.stores.base import Request, Store
from danlu.strategies.base import Strategy

TURN_S = 0.2  # so often the watcher is called, at least, and requests are read, at most
SAVE_S = 0.1  # reports wait at most so long to be recorded together: a commit waits for the disk
MAX_LOSSES = 3  # a trial that loses its worker so often without a new epoch fails
FAILED_STARTS = 3  # when the first trials all fail without a report, the study stops

Watch = Callable[[History], None]
Recover = Callable[[Job], Iterable[Event]]


class Tuner:
    """Runs a study until its budget is spent, its search is over or somebody stops it.

    Args:
        history: The study so far.
        strategy: What decides.
        executor: Where trials run.
        store: Where everything is recorded; this tuner holds the study's lock.
        folder: The study's folder; each trial gets one in it.
        watch: Called with the history at every turn.
        recover: Reads what a launch wrote that no tuner collected.
        rules: What looks at each trial's curves after each report.
    """

    def __init__(
        self,
        history: History,
        strategy: Strategy,
        executor: Executor,
        store: Store,
        folder: Path,
        watch: Watch = lambda _: None,
        recover: Recover = lambda _: (),
        rules: Sequence[Rule] = RULES,
    ) -> None:
        self.history = history
        self.strategy = strategy
        self.executor = executor
        self.store = store
        self.folder = folder
        self.watch = watch
        self.recover = recover
        self.rules = rules
        self.interrupts = 0  # 1: finish what runs; 2: end now
        self._unsaved: list[Event] = []
        self._endings: dict[int, Stopped | Failed] = {}
        self._over = ""
        self._outcome = "done"
        self._saved_at = self._obeyed_at = -math.inf  # on the monotonic clock
        self._heard = max((r.number for r in store.requests(history.spec.name)), default=0)

    # ---- the loop

    def run(self) -> History:
        """Run until the end; the history with everything that happened.

        Raises:
            LaunchError: If training cannot be started at all; recorded as the run's end.
        """
        self._begin()
        try:
            while self._turn():
                pass
        except LaunchError as error:
            self._finish("failed", str(error))
            raise
        finally:
            self.executor.close()
            self._end()
        return self.history

    def _turn(self) -> bool:
        """One turn of the loop; False when all is over."""
        self._obey()
        launches = self._decide() if not self._over else []
        if launches or time.monotonic() >= self._saved_at + SAVE_S:
            self._save()  # before launching: a crash between the two must leave a trace
        for job in launches:
            self.executor.launch(job)
        self.watch(self.history)
        if self.interrupts > 1 or (not launches and not self._working()):
            return False
        for event in self.executor.collect(SAVE_S if self._unsaved else TURN_S):
            self._take(event)
        return True

    def _working(self) -> bool:
        return any(t.state == "running" for t in self.history.running) or bool(
            self.history.running and not self._over
        )

    def _note(self, *events: Event) -> None:
        self.history = self.history.after(*events)
        self._unsaved += events

    def _save(self) -> None:
        if self._unsaved:
            self.store.append(self.history.spec.name, self._unsaved)
            self._unsaved = []
            self._saved_at = time.monotonic()

    # ---- beginning and end

    def _begin(self) -> None:
        """Take over from the run before: what it left running is lost until it is launched."""
        executor = self.executor
        for trial in self.history.running:
            if trial.state == "running":
                for event in self.recover(self._job(trial)):
                    self._note(event)
                self._note(self._left_over(self.history.trials[trial.number]))
        process = f"pid {os.getpid()} on {socket.gethostname()}"
        self._note(
            Began(time.time(), executor.workers, executor.can_pause, executor.takes_fraction,
                  executor.takes_classes, process)
        )  # fmt: skip

    def _left_over(self, trial: TrialRecord) -> Closing:
        now = self.history.last_at
        if trial.epoch >= self.history.spec.epochs:
            return Finished(now, trial.number)
        if trial.epoch >= trial.until and trial.checkpoint >= trial.until:
            return Paused(now, trial.number)
        return Lost(now, trial.number, INTERRUPTED)

    def _finish(self, outcome: str, why: str) -> None:
        """Begin no more trials; the first reason counts."""
        if not self._over:
            self._outcome, self._over = outcome, why

    def _end(self) -> None:
        for trial in self.history.running:
            if trial.state == "running":
                self._note(Lost(time.time(), trial.number, INTERRUPTED))
        self._note(Ended(time.time(), self._outcome, self._over))
        self._save()
        self.watch(self.history)

    # ---- a person's wishes

    def _obey(self) -> None:
        if time.monotonic() >= self._obeyed_at + TURN_S:
            self._obeyed_at = time.monotonic()
            self._fulfil(self.store.requests(self.history.spec.name, self._heard))
        if self.interrupts:
            self._finish("interrupted", "interrupted from the keyboard or by a signal")

    def _fulfil(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self._heard = request.number
            if request.verb == "stop trial" and request.trial is not None:
                self._stop(
                    request.trial, Stopped(time.time(), request.trial, "stopped by a person")
                )
            elif request.verb == "stop":
                self._finish("stopped", "a person asked to stop")
            elif request.verb == "stop now":
                self._finish("stopped", "a person asked to stop now")
                self.interrupts = 2

    # ---- decisions

    def _decide(self) -> list[Job]:
        """Retry what was lost, then ask the strategy; the jobs to launch."""
        jobs = self._retries()
        slots = self.executor.free_slots - len(jobs)
        if problem := self._spent():
            if not self.history.running:
                self._finish("done", problem)
            return jobs
        decisions = self.strategy.decide(self.history.spec.space, self.history, max(0, slots))
        for decision in decisions:
            job = self._carry_out(decision)
            jobs += [job] if job is not None else []
        if not decisions and not self.history.running:
            self._finish("done", "the strategy has nothing left to try")
        elif not jobs and not self.history.running:
            self._finish("done", f"the budget of {self.history.spec.budget} is spent")
        return jobs

    def _spent(self) -> str:
        """Why nothing more may be begun, or an empty string."""
        budget, history = self.history.spec.budget, self.history
        seconds = history.seconds + max(0.0, time.time() - history.last_at)
        if budget.seconds is not None and seconds >= budget.seconds:
            return f"the time of {budget.seconds:g} s is used up"
        if budget.trainings is not None and history.trainings >= budget.trainings - 1e-9:
            return f"the budget of {budget.trainings:g} full trainings is spent"
        return ""

    def _carry_out(self, decision: Decision) -> Job | None:
        if isinstance(decision, Finish):
            if not self.history.running:
                self._finish("done", decision.why)
            return None
        if isinstance(decision, Stop):
            trial = self.history.trials[decision.trial]
            self._stop(trial.number, Stopped(time.time(), trial.number, decision.why))
            return None
        if isinstance(decision, Continue):
            return self._continue(decision)
        return self._start(decision)

    def _start(self, decision: Start) -> Job | None:
        spec, number = self.history.spec, self.history.next_number
        if spec.budget.trials is not None and number > spec.budget.trials:
            return None
        until = min(decision.until, spec.epochs)
        affordable = self._affordable(decision.proxy.data_fraction)
        if affordable < until:
            if self.history.trials:
                return None
            until = max(1, affordable)  # a budget below one training: see at least its beginning
        seed = spec.trial_seed(number) if decision.seed is None else decision.seed
        config = spec.space.check(decision.config)
        self._note(
            Started(time.time(), number, config, until, seed, decision.proxy, decision.stage,
                    decision.why)
        )  # fmt: skip
        return self._job(self.history.trials[number])

    def _continue(self, decision: Continue) -> Job | None:
        trial = self.history.trials[decision.trial]
        until = min(decision.until, self.history.spec.epochs)
        until = min(until, trial.epoch + self._affordable(trial.proxy.data_fraction))
        if until <= trial.epoch:
            return None
        self._note(
            Continued(time.time(), trial.number, until, trial.attempt, decision.stage,
                      decision.why)
        )  # fmt: skip
        return self._job(self.history.trials[trial.number])

    def _affordable(self, data_fraction: float) -> int:
        """Epochs that the budget still allows beyond what running trials will take."""
        history = self.history
        budget = history.spec.budget.trainings
        if budget is None:
            return history.spec.epochs
        left = budget - history.trainings - history.committed
        return max(0, int(left * history.spec.epochs / data_fraction + 1e-6))

    def _retries(self) -> list[Job]:
        jobs: list[Job] = []
        for trial in self.history.running:
            if trial.state != "lost" or len(jobs) >= self.executor.free_slots:
                continue
            if trial.losses > MAX_LOSSES:
                message = f"its worker was lost {trial.losses} times in a row: {trial.message}"
                self._note(Failed(time.time(), trial.number, "lost", message))
                continue
            interrupted = trial.message == INTERRUPTED
            begin = f"epoch {trial.checkpoint}" if trial.checkpoint else "the beginning"
            why = f"{trial.message}; goes on from {begin}"
            attempt = trial.attempt + (not interrupted)
            self._note(Continued(time.time(), trial.number, trial.until, attempt, "", why))
            jobs.append(self._job(self.history.trials[trial.number]))
        return jobs

    def _job(self, trial: TrialRecord) -> Job:
        spec = self.history.spec
        return Job(
            spec.name, trial.number, trial.config, trial.seed, trial.until, spec.epochs,
            self.folder / str(trial.number), trial.proxy, trial.attempt,
        )  # fmt: skip

    # ---- what the workers did

    def _take(self, event: Event) -> None:
        if isinstance(event, Reported):
            self._note(event)
            self._diagnose(event.trial)
        elif isinstance(event, Closing):
            ending = self._endings.pop(event.trial, None)
            self._note(event if ending is None else replace(ending, at=event.at))
            self._check_starts()
        else:
            self._note(event)

    def _diagnose(self, number: int) -> None:
        for finding in new_findings(self.history.spec, self.history.trials[number], self.rules):
            self._note(Diagnosed(time.time(), number, finding))
            if says_stop(finding):
                self._stop(number, Failed(time.time(), number, finding.code, finding.message))

    def _stop(self, number: int, ending: Stopped | Failed) -> None:
        """End an open trial; a running one is closed when its processes are gone."""
        trial = self.history.trials.get(number)
        if trial is None or not trial.open or number in self._endings:
            return
        self.executor.stop(number)
        if trial.state == "running":
            self._endings[number] = ending
        else:
            self._note(ending)

    def _check_starts(self) -> None:
        """If the first trials all fail before their first report, more of them will."""
        first = [self.history.trials.get(n) for n in range(1, FAILED_STARTS + 1)]
        if all(t is not None and t.state == "failed" and not t.reports for t in first):
            trial = self.history.trials[1]
            self._finish(
                "failed",
                f"the first {FAILED_STARTS} trials all failed before their first report. "
                f"Trial 1: {trial.message}",
            )


INTERRUPTED = "the run was interrupted"
