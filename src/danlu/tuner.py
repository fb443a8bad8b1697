"""The loop: the one module that knows strategies, executors and stores.

One turn: collect what the workers did, diagnose it, decide what comes next, record all of it in
one transaction, launch. Running the same study again goes on where the last run ended, however
it ended.
"""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from danlu.core.decision import Continue, Decision, Finish, Note, Stop
from danlu.core.event import (
    Began,
    Closing,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Lost,
    Noted,
    Reported,
    Started,
    Stopped,
)
from danlu.core.history import History
from danlu.core.interruption import INTERRUPTED, interrupted, left_over, retried
from danlu.core.job import Job
from danlu.core.limits import DEFAULT, Limits, Overdue
from danlu.core.logbook import Entry
from danlu.core.record import TrialRecord
from danlu.core.request import (
    FOR_TUNER,
    Request,
    answer,
    granted_budget,
    on_hold,
    resumed_by_running,
    tried,
)
from danlu.core.sentence import say
from danlu.core.spending import continued, failed_starts, out_of_time, spent, started
from danlu.diagnosis.rules import RULES, Rule, judgement, new_findings, ruins, says_stop
from danlu.diagnosis.study import STUDY_RULES, StudyRule, ends_study, next_look, study_news
from danlu.errors import DanluError
from danlu.executors.base import Executor
from danlu.stores.base import Store
from danlu.stores.inbox import Inbox
from danlu.stores.waiting import patiently
from danlu.strategies.base import Strategy, last_lines

TURN_S = 0.2  # so often the watcher is called, at least, and requests are read, at most
SAVE_S = 0.1  # reports wait at most so long to be recorded together: a commit waits for the disk
MAX_LOSSES = 3  # a trial that loses its worker so often without a new epoch fails

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
        study_rules: What looks at the study as a whole when trials close, ever less often.
        heed: Whether the study ends when these say that nothing learns.
        limits: Time limits of trials.
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
        study_rules: Sequence[StudyRule] = STUDY_RULES,
        heed: bool = True,
        limits: Limits = DEFAULT,
    ) -> None:
        self.history = history
        self.strategy = strategy
        self.executor = executor
        self.store = store
        self.folder = folder
        self.watch = watch
        self.recover = recover
        self.rules = rules
        self.study_rules = study_rules
        self.heed = heed
        self.interrupts = 0  # 1: finish what runs; 2: end now
        self._unsaved: list[Event] = []
        self._overdue = Overdue(limits)
        self._endings: dict[int, Stopped | Failed | Lost] = {}
        self._outcome, self._over = "done", ""
        self._cut_off = False  # what runs is ended at once; it goes on in a later run
        self._look_at = 0  # version of the history from which on the study is looked at again
        self._saved_at = 0.0  # on the monotonic clock
        self._inbox = Inbox(store, history, TURN_S)

    # ---- the loop

    def run(self) -> History:
        """Run until the end; the history with everything that happened.

        Raises:
            LaunchError: If training cannot be started at all; recorded as the run's end.
        """
        try:
            self._begin()
            while self._turn():
                pass
        except DanluError as error:
            self._finish("failed", str(error))
            raise
        except KeyboardInterrupt:
            self._finish("interrupted", INTERRUPTED)
            raise
        except BaseException as error:
            self._finish("failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            try:
                self.executor.close()
            finally:
                self._end()
        return self.history

    def _turn(self) -> bool:
        """One turn of the loop; False when all is over."""
        interrupts = self.interrupts  # a signal that comes later in the turn counts in the next
        self._obey()
        launches = self._decide() if not self._over else []
        if launches or time.monotonic() >= self._saved_at + SAVE_S:
            self._save()  # before launching: a crash between the two must leave a trace
        for job in launches:
            self._patiently(partial(self.executor.launch, job))
        self.watch(self.history)
        training = any(t.state == "running" for t in self.history.running)
        if interrupts > 1 or self._cut_off or (self._over and not training):
            return False
        self._take_all(self.executor.collect(SAVE_S if self._unsaved else TURN_S))
        for ending in self._overdue.found(self.history):
            self._stop(ending.trial, ending)
        return True

    def _note(self, *events: Event) -> None:
        self.history = self.history.after(*events)
        self._unsaved += events

    def _save(self) -> None:
        if self._unsaved:
            self._patiently(self._append)
            self._saved_at = time.monotonic()

    def _patiently(self, writes: Callable[[], None]) -> None:
        patiently(writes, self._tell, lambda: self.interrupts)

    def _append(self) -> None:
        self.store.append(self.history.spec.name, self._unsaved)
        self._unsaved = []

    def _tell(self, entry: Entry) -> None:
        self._note(Noted(time.time(), entry))
        self.watch(self.history)

    # ---- beginning and end

    def _begin(self) -> None:
        """Take over from the run before: what it left running is lost until it is launched."""
        executor = self.executor
        for trial in self.history.running:
            if trial.state == "running":
                self._note(*self.recover(self._job(trial)))
                self._note(
                    left_over(self.history, interrupted(self.history.last_at, trial.number))
                )
        process = say("pid {pid} on {host}", pid=os.getpid(), host=socket.gethostname())
        self._note(
            Began(time.time(), executor.workers, executor.can_pause, executor.takes_fraction,
                  executor.takes_classes, process)
        )  # fmt: skip
        if on_hold(self.history):
            self._note(Noted(time.time(), resumed_by_running()))
        if self.history.trials:
            self._look()

    def _finish(self, outcome: str, why: str) -> None:
        """Begin no more trials; the first reason counts."""
        if not self._over:
            self._outcome, self._over = outcome, why

    def _end(self) -> None:
        self._take_all(  # what was reported before the very end
            interrupted(e.at, e.trial) if isinstance(e, Lost) else e
            for e in self.executor.collect(0.0)
        )
        for trial in self.history.running:
            if trial.state == "running":
                self._note(interrupted(time.time(), trial.number))
        self._look()
        self._note(Ended(time.time(), self._outcome, self._over))
        self._save()
        self.watch(self.history)

    # ---- a person's wishes

    def _obey(self) -> None:
        for request in self._inbox.new():
            if done := self._granted(request):
                self._note(Noted(time.time(), answer(request, done)))
        if self.interrupts:
            self._finish("interrupted", say("interrupted from the keyboard or by a signal"))

    def _granted(self, request: Request) -> str:
        """Do what a person asked for; what was done, empty if there is nothing to tell yet."""
        match request.verb:
            case "stop trial":
                return self._stop_asked(request.trial)
            case "stop" | "stop now":
                self._finish("stopped", say("a person asked to {verb}", verb=request.verb))
                self._cut_off = self._cut_off or request.verb == "stop now"
                return FOR_TUNER[request.verb]
            case "pause" | "resume":
                return FOR_TUNER[request.verb]
            case "add budget":
                self._save()
                self.history, done = granted_budget(request, self.history)
                self._patiently(partial(self.store.respecify, self.history.spec))
                return done
        return ""

    def _stop_asked(self, number: int | None) -> str:
        trial = self.history.trials.get(number or 0)
        if trial is None or not trial.open:
            return say("nothing: it is not open")
        self._stop(trial.number, Stopped(time.time(), trial.number, say("stopped by a person")))
        return say("stopped at epoch {epoch}", epoch=trial.epoch)

    def _asked_for(self, slots: int) -> list[Job]:
        """Launch configs that people chose; one that cannot be is answered with the reason."""
        jobs: list[Job] = []
        while self._inbox.configs and len(jobs) < slots:
            event, entry = tried(self._inbox.configs.pop(0), self.history, time.time())
            jobs += [job] if (job := self._launching(event)) is not None else []
            self._note(Noted(time.time(), entry))
        return jobs

    # ---- decisions

    def _decide(self) -> list[Job]:
        """Retry what was lost, then ask the strategy; the jobs to launch."""
        now = time.time()
        if problem := spent(self.history, now):
            if out_of_time(self.history, now):
                self._finish("done", problem)
                self._cut_off = True
                return []
            if not self.history.running:
                self._note(*(Noted(now, e) for e in last_lines(self.strategy, self.history)))
                self._finish("done", problem)
            return self._retries()
        if on_hold(self.history):
            return []
        jobs = self._retries()
        jobs += self._asked_for(max(0, self.executor.free_slots - len(jobs)))
        before = self.history.version
        slots = max(0, self.executor.free_slots - len(jobs))
        decisions = self.strategy.decide(self.history.spec.space, self.history, slots)
        carried_out = [self._carry_out(decision) for decision in decisions]
        jobs += [job for job in carried_out if job is not None]
        if not jobs and not self.history.running:
            if not decisions:
                self._finish("done", say("the strategy has nothing left to try"))
            elif self.history.version == before:  # nothing came of what it decided
                budget = self.history.spec.budget
                self._finish("done", say("the budget of {budget} is spent", budget=budget))
        return jobs

    def _carry_out(self, decision: Decision) -> Job | None:
        if isinstance(decision, Finish):
            if not self.history.running:
                self._finish("done", decision.why)
            return None
        if isinstance(decision, Note):
            self._note(Noted(time.time(), decision.entry))
            return None
        if isinstance(decision, Stop):
            self._stop(decision.trial, Stopped(time.time(), decision.trial, decision.why))
            return None
        if isinstance(decision, Continue):
            return self._launching(continued(self.history, decision, time.time()))
        return self._launching(started(self.history, decision, time.time()))

    def _launching(self, event: Started | Continued | None) -> Job | None:
        """Note that a trial will be launched, unless the budget forbids it."""
        if event is None:
            return None
        self._note(event)
        job = self._job(self.history.trials[event.trial])
        if isinstance(event, Started):  # what lies there is of a study that is no more
            shutil.rmtree(job.folder, ignore_errors=True)
        return job

    def _retries(self) -> list[Job]:
        jobs: list[Job] = []
        for trial in self.history.running:
            if trial.state != "lost" or len(jobs) >= self.executor.free_slots:
                continue
            self._note(event := retried(trial, MAX_LOSSES, time.time()))
            if isinstance(event, Continued):
                jobs.append(self._job(self.history.trials[trial.number]))
        return jobs

    def _job(self, trial: TrialRecord) -> Job:
        spec = self.history.spec
        return Job(
            spec.name, trial.number, trial.config, trial.seed, trial.until, spec.epochs,
            self.folder / str(trial.number), trial.proxy, trial.attempt, trial.epoch,
            2**trial.starved, trial.stage == "confirm",
        )  # fmt: skip

    # ---- what the workers did

    def _take_all(self, events: Iterable[Event]) -> None:
        """Take events in their order; reports in a row at once, as training may flood us."""
        for reports, group in groupby(events, key=lambda e: isinstance(e, Reported)):
            if reports:
                self._take_reports(list(group))
            else:
                for event in group:
                    self._take(event)

    def _take_reports(self, reports: Sequence[Event]) -> None:
        self._note(*reports)
        for trial in dict.fromkeys(r.trial for r in reports if isinstance(r, Reported)):
            self._diagnose(trial)

    def _take(self, event: Event) -> None:
        if isinstance(event, Closing):
            ending = self._endings.pop(event.trial, None)
            if ending is not None:
                event = replace(ending, at=event.at)
            self._note(left_over(self.history, event) if isinstance(event, Lost) else event)
            self._judge(event.trial)
            if problem := failed_starts(self.history):
                self._finish("failed", problem)
            if self.history.version >= self._look_at:
                self._look()
        else:
            self._note(event)

    def _look(self) -> None:
        """Record what is to be said about the study as a whole; end it if nothing learns."""
        for finding in study_news(self.history, self.study_rules):
            self._note(Diagnosed(time.time(), None, finding))
        self._look_at = next_look(self.history)
        if self.heed and (verdict := ends_study(self.history)) is not None:
            self._finish("hopeless", verdict.message)

    def _diagnose(self, number: int) -> None:
        for finding in new_findings(self.history, self.history.trials[number], self.rules):
            self._note(Diagnosed(time.time(), number, finding))
            if says_stop(finding):
                now, why = time.time(), finding.message
                ending = Failed(now, number, finding.code, why) if ruins(finding) else None
                self._stop(number, ending or Stopped(now, number, why))

    def _judge(self, number: int) -> None:
        """Record what the curves of a trial that pauses or ended say."""
        found = judgement(self.history, self.history.trials[number])
        self._note(*(Diagnosed(time.time(), number, f) for f in found))

    def _stop(self, number: int, ending: Stopped | Failed | Lost) -> None:
        """End an open trial; a running one is closed when its processes are gone."""
        trial = self.history.trials.get(number)
        if trial is None or not trial.open or number in self._endings:
            return
        self.executor.stop(number)
        if trial.state == "running":
            self._endings[number] = ending
        else:
            self._note(ending)
