"""danlu as the benchmark harness drives it: ask for an epoch to train to, report, tell.

The harness (named by DANLU_BENCH) loads this file and calls `bench_study`; see `search.py`.
"""

import json
import os
from collections.abc import Sequence
from typing import Any

from danlu.core.decision import Continue, Start
from danlu.core.event import Began, Continued, Finished, Paused, Reported, Started
from danlu.core.history import History, TrialRecord, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Objective, Spec
from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.freeze_thaw import FreezeThaw

OPTIONS = json.loads(os.environ.get("DANLU_BENCH_OPTIONS", "{}"))
"""Strategies' options for experiments: ``{"freeze_thaw": {"growth": 2}, "bayes": {…}}``."""


def space_of(foreign: Any) -> Space:
    """The harness's space as danlu's."""

    def when(p: Any) -> dict[str, Any]:
        return {} if p.parent is None else {p.parent: tuple(p.parent_values)}

    return Space(
        {
            p.name: Choice(*p.choices, when=when(p))
            if p.kind == "cat"
            else (Int if p.kind == "int" else Float)(p.low, p.high, log=p.log, when=when(p))
            for p in foreign
        }
    )


class Job:
    """What the harness holds while a trial trains."""

    def __init__(self, study: "Study", trial: TrialRecord) -> None:
        self.study, self.id = study, trial.number
        self.params = dict(trial.config)
        self.target_epoch = study.place(trial)

    def report(self, epoch: int, loss: float) -> bool:
        epoch = min(epoch, self.study.history.spec.epochs)  # with shares of data: 1
        self.study.record(Reported(self.study.tick(), self.id, epoch, {"loss": loss}))
        return False


class Study:
    """A study in memory: decisions become events at once, one worker."""

    def __init__(
        self, space: Space, epochs: int, strategy: Strategy, seed: int, levels: int = 1
    ) -> None:
        self.levels = levels
        spec = Spec("bench", space, Objective("loss", "min"), epochs, seed)
        self.space, self.strategy = space, strategy
        self.history: History = empty(spec, [Began(0.0)])

    def place(self, trial: TrialRecord) -> int:
        """The harness's level: epochs, or the share of the data in units of the largest level."""
        if self.history.spec.epochs == 1:
            return max(1, round(trial.proxy.data_fraction * self.levels))
        return trial.until

    def tick(self) -> float:
        return self.history.last_at + 1.0

    def record(self, event: Any) -> None:
        self.history = self.history.after(event)

    def ask(self) -> Job:
        (d,) = self.strategy.decide(self.space, self.history, 1)
        if isinstance(d, Start):
            n = self.history.next_number
            seed = self.history.spec.trial_seed(n)
            self.record(Started(self.tick(), n, d.config, d.until, seed, d.proxy, why=d.why))
        elif isinstance(d, Continue):
            n = d.trial
            attempt = self.history.trials[n].attempt
            self.record(Continued(self.tick(), n, d.until, attempt, why=d.why))
        else:
            raise RuntimeError(f"the benchmark goes on, but the strategy said {d}")
        if os.environ.get("DANLU_BENCH_TALK"):
            print(d.why)
        return Job(self, self.history.trials[n])

    def tell(self, job: Job) -> None:
        done = self.history.trials[job.id].until >= self.history.spec.epochs
        self.record((Finished if done else Paused)(self.tick(), job.id))


def bench_study(
    space: Any, max_epoch: int, levels: Sequence[int], resumable: bool, seed: int, budget: float
) -> Study:
    """A study for the harness; danlu is good at any time and does not use the budget."""
    del budget
    if max_epoch == 1:
        return Study(space_of(space), 1, Bayes(**OPTIONS.get("bayes", {})), seed)
    options = dict(OPTIONS.get("freeze_thaw", {}))
    if not resumable:
        options["fractions"] = tuple(r / max_epoch for r in levels)
    epochs = max_epoch if resumable else 1
    return Study(space_of(space), epochs, FreezeThaw(**options), seed, max_epoch)
