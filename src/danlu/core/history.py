"""A study's history: the fold of its events, from which strategies decide and reports are made.

``history.after(*events)`` is the only way that things change; it gives a new value and leaves
the old one as it is.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from danlu.core.confirmation import Confirmation, confirmation
from danlu.core.decision import FULL, Proxy
from danlu.core.event import (
    Began,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Learned,
    Lost,
    Noted,
    Observed,
    Paused,
    Saved,
    Started,
    Stopped,
)
from danlu.core.finding import Finding
from danlu.core.growing import Evaluated, Fields, Growing
from danlu.core.logbook import Entry
from danlu.core.parameter import Value
from danlu.core.pareto import non_dominated
from danlu.core.record import Launch, State, TrialRecord
from danlu.core.spec import Objective, Spec
from danlu.core.task import UNKNOWN, Task

DIGITS = 1e-5  # relative: how exactly two configs agree


@dataclass(frozen=True)
class History:
    """All that happened in a study.

    Attributes:
        spec: What the study was set out to do.
        trials: Number → trial, in the order of their starts.
        version: How many events were folded; repeated reports of an epoch do not count.
        trainings: Full-training equivalents spent so far.
        seconds: Time during which it ran, over all runs.
        last_at: Time of the last event.
        active: Whether a run goes on (or was killed).
        can_pause: Whether trials can be continued later.
        takes_fraction: Whether training accepts a data fraction; None = not known yet.
        takes_classes: Whether training accepts a number of classes; None = not known yet.
        saves: Whether training was seen to save checkpoints.
        workers: How many trials train at once.
        process: Who runs it, or ran it last.
        outcome: How the last run ended; empty while one goes on or before the first.
        ended_why: The reason of that end.
        findings: Those about the study as a whole; `standing` gives those that still hold.
        task: What is known of data and model.
        logbook: Each stage and move of the plan, in their order.
    """

    spec: Spec
    trials: Mapping[int, TrialRecord] = field(default_factory=dict)
    version: int = 0
    trainings: float = 0.0
    seconds: float = 0.0
    last_at: float = 0.0
    can_pause: bool = True
    takes_fraction: bool | None = None
    takes_classes: bool | None = None
    saves: bool = False
    workers: int = 1
    process: str = ""
    active: bool = False
    outcome: str = ""
    ended_why: str = ""
    findings: tuple[Finding, ...] = ()
    task: Task = UNKNOWN
    logbook: tuple[Entry, ...] = ()

    def after(self, *events: Event) -> "History":
        """The history after some more events, in their order."""
        return fold(self, events)

    @property
    def objective(self) -> Objective:
        return self.spec.objective

    @property
    def next_number(self) -> int:
        """The number of the next trial."""
        return len(self.trials) + 1

    @cached_property
    def running(self) -> tuple[TrialRecord, ...]:
        """Trials that are training, and lost ones that wait for their retry."""
        return tuple(t for t in self.trials.values() if t.state in ("running", "lost"))

    @cached_property
    def paused(self) -> tuple[TrialRecord, ...]:
        return tuple(t for t in self.trials.values() if t.state == "paused")

    @cached_property
    def committed(self) -> float:
        """Full-training equivalents that running trials have still to spend."""
        return sum(self.cost(t.until - t.epoch, t.proxy) for t in self.running)

    def cost(self, epochs: int, proxy: Proxy = FULL) -> float:
        """Full-training equivalents of some epochs."""
        return max(0, epochs) * proxy.data_fraction / self.spec.epochs

    @cached_property
    def ranked(self) -> tuple[TrialRecord, ...]:
        """Trials of the real task that have a value, best first; failed ones are left out.

        Those that break a constraint come after all others.
        """
        known = [
            (*self._rank(t), t.number, t)
            for t in self.trials.values()
            if t.value is not None and t.proxy.full and t.state != "failed"
        ]
        return tuple(row[-1] for row in sorted(known, key=lambda row: row[:3]))

    def _rank(self, trial: TrialRecord) -> tuple[bool, float]:
        """What orders trials that have a value: constraints first, then the first objective."""
        return not self.feasible(trial), self.objective.loss(_value(trial))

    def feasible(self, trial: TrialRecord) -> bool:
        """Whether a trial breaks no constraint, as far as is known."""
        return not self.spec.constraints or not trial.broken(self.spec.constraints)

    @cached_property
    def pareto(self) -> tuple[TrialRecord, ...]:
        """The Pareto set: feasible trials of the real task that no other one dominates.

        One trial dominates another if it is no worse in any objective and better in one. Each
        is judged by its values at its last epoch (see `TrialRecord.values`). In the order of the
        first objective, best first.
        """
        objectives = self.spec.objectives
        known = [
            (tuple(o.loss(v) for o, v in zip(objectives, values, strict=True)), t)
            for t in self.ranked
            if self.feasible(t) and (values := t.values(objectives)) is not None
        ]
        return tuple(known[i][1] for i in non_dominated([losses for losses, _ in known]))

    @cached_property
    def best(self) -> TrialRecord | None:
        """The trial to use.

        Once configs were confirmed (trained to the end with several seeds), the best trial of the
        config that won there: the best of many single runs flatters itself. Before that, the
        trial with the best value. Without any on the real task, the best on a proxy. One that
        breaks a constraint only if all do; of several objectives the first one counts.
        """
        if self.confirmation is not None:
            return self.confirmation.chosen.best
        if self.ranked:
            return self.ranked[0]
        known = [t for t in self.trials.values() if t.value is not None and t.state != "failed"]
        return min(known, key=self._rank, default=None)

    @cached_property
    def confirmation(self) -> Confirmation | None:
        """What the trainings with several seeds say; None before there are any."""
        spec = self.spec
        trials = self.trials.values()
        return confirmation(trials, spec.objective, spec.epochs, spec.constraints)

    @cached_property
    def default(self) -> TrialRecord | None:
        """The trial of the default config: the first with a value, on the largest share.

        Where the space leaves a default open, the search may begin with what is usual instead:
        then it is the first trial, if that agrees with every default given.
        """
        space = self.spec.space
        first = self.trials.get(1)
        wanted: Mapping[str, Value] = space.default()
        given = {name for name, p in space.parameters.items() if p.default is not None}
        if first is not None and given and _agree(first.config, wanted, given):
            wanted = first.config
        same = (t for t in self.trials.values() if t.config == wanted)
        return max(same, key=_worth, default=None)


def _worth(trial: TrialRecord) -> tuple[bool, bool, float]:
    """What makes one of several trials of a config the one to look at."""
    return trial.value is not None, trial.proxy.full, trial.proxy.data_fraction


def _agree(config: Mapping[str, Value], wanted: Mapping[str, Value], names: set[str]) -> bool:
    """Whether two configs have the same of these parameters, with the same values.

    Values that are searched have six digits; a default may be given with more.
    """
    return all(_alike(config.get(n), wanted.get(n)) for n in names)


def _alike(a: Value, b: Value) -> bool:
    if type(a) is float and type(b) is float:
        return math.isclose(a, b, rel_tol=DIGITS)
    return a == b


def _value(trial: TrialRecord) -> float:
    assert trial.value is not None
    return trial.value


def fold(history: History, events: Iterable[Event | Evaluated]) -> History:
    """Fold events into a history; the same as one after another, but quick for many.

    A repeated report of an epoch is as if it never came: it moves neither version nor clock.
    """
    now: Fields = {f.name: getattr(history, f.name) for f in fields(history)}
    now["trials"] = dict(history.trials)
    growing, coming = Growing(now), iter(events)
    while (event := growing.until_other(coming)) is not None:
        growing.settle(getattr(event, "trial", None))
        if isinstance(event, Began):  # after a crash nobody ran it since the last event
            now["active"] = False
        _tick(now, event.at)
        FOLDS[type(event)](now, event)
    growing.settle(*growing.trials)
    return History(**now)


def _tick(now: Fields, at: float) -> None:
    now["version"] += 1
    if at > now["last_at"]:
        if now["active"]:  # the clock runs while a tuner does, and never backwards
            now["seconds"] += at - now["last_at"]
        now["last_at"] = at


def _began(now: Fields, e: Began) -> None:
    now.update(
        active=True, last_at=e.at, workers=e.workers, process=e.process, can_pause=e.can_pause,
        outcome="", ended_why="",
    )  # fmt: skip
    for name in ("takes_fraction", "takes_classes"):
        if getattr(e, name) is not None:
            now[name] = getattr(e, name)


def _ended(now: Fields, e: Ended) -> None:
    now.update(active=False, outcome=e.outcome, ended_why=e.why)


def _observed(now: Fields, e: Observed) -> None:
    names = {"data_fraction": "takes_fraction", "classes": "takes_classes", "checkpoint": "saves"}
    now[names[e.capability]] = True


def _started(now: Fields, e: Started) -> None:
    now["trials"][e.trial] = TrialRecord(
        e.trial, e.config, e.seed, e.until, e.proxy, e.stage, e.why, launched_at=e.at,
        launches=(Launch(0, e.until, e.why, e.at),),
    )  # fmt: skip


def _continued(now: Fields, e: Continued) -> None:
    t = now["trials"][e.trial]
    now["trials"][e.trial] = replace(
        t, until=e.until, attempt=e.attempt, stage=e.stage or t.stage, why=e.why or t.why,
        state="running", launched_at=e.at, message="",
        launches=(*t.launches, Launch(t.epoch, e.until, e.why, e.at)),
    )  # fmt: skip


def _saved(now: Fields, e: Saved) -> None:
    now["trials"][e.trial] = replace(now["trials"][e.trial], checkpoint=e.epoch)
    now["saves"] = True


def _diagnosed(now: Fields, e: Diagnosed) -> None:
    if e.trial is None:
        now["findings"] = (*now["findings"], e.finding)
    else:
        t = now["trials"][e.trial]
        now["trials"][e.trial] = replace(t, findings=(*t.findings, e.finding))


def _learned(now: Fields, e: Learned) -> None:
    now["task"] = e.task


def _noted(now: Fields, e: Noted) -> None:
    now["logbook"] = (*now["logbook"], e.entry)


CLOSED: Mapping[type[Any], State] = {
    Paused: "paused",
    Finished: "finished",
    Stopped: "stopped",
    Failed: "failed",
    Lost: "lost",
}


def _closed(now: Fields, e: Paused | Finished | Stopped | Failed | Lost) -> None:
    t = now["trials"][e.trial]
    ran = max(0.0, e.at - t.launched_at) if t.state == "running" else 0.0
    t = replace(t, state=CLOSED[type(e)], seconds=t.seconds + ran)
    if isinstance(e, Stopped | Finished):
        t = replace(t, message=e.why)
    elif isinstance(e, Lost) and e.interrupted:
        t = replace(t, message=e.message)
    elif isinstance(e, Lost):
        losses = t.losses + 1 if t.epoch == t.lost_epoch else 1
        starved = t.starved + (e.cause == "memory")
        t = replace(t, message=e.message, losses=losses, lost_epoch=t.epoch, starved=starved)
    elif isinstance(e, Failed):
        t = replace(t, cause=e.cause, message=e.message, log=e.log)
    now["trials"][e.trial] = t


FOLDS: Mapping[type[Any], Callable[[Fields, Any], None]] = {
    Began: _began, Ended: _ended, Observed: _observed, Started: _started, Continued: _continued,
    Saved: _saved, Diagnosed: _diagnosed, Learned: _learned, Noted: _noted,
    **dict.fromkeys(CLOSED, _closed),
}  # fmt: skip


def empty(spec: Spec, events: Sequence[Event] = ()) -> History:
    """A new history, with some events folded."""
    return fold(History(spec), events)
