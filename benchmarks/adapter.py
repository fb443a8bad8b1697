"""danlu as the benchmark harness drives it: ask for an epoch to train to, report, tell.

The harness (named by DANLU_BENCH) loads this file and calls `bench_study`; see `search.py`.
"""

import json
import os
from collections.abc import Sequence
from typing import Any

import danlu
from danlu.asked import AskedTrial
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
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

    def __init__(self, trial: AskedTrial, epochs: int, levels: int) -> None:
        self.trial, self.id, self.params = trial, trial.number, dict(trial.params)
        self.epochs = epochs
        # The harness's level: epochs, or the share of the data in units of the largest level.
        shares = max(1, round(trial.data_fraction * levels))
        self.target_epoch = shares if epochs == 1 else trial.until

    def report(self, epoch: int, loss: float) -> bool:
        """Record a loss; with shares of the data each trial has one epoch."""
        return self.trial.report(min(epoch, self.epochs), loss=loss)


class Bench:
    """A study in memory, asked and told as anybody can."""

    def __init__(
        self, space: danlu.Space, epochs: int, strategy: Strategy, seed: int, levels: int = 1
    ) -> None:
        self.levels = levels
        self.study = danlu.Study(
            "bench", space=space, objective="min loss", epochs=epochs, seed=seed,
            strategy=strategy, store=None,
        )  # fmt: skip

    def ask(self) -> Job:
        trial = self.study.ask()
        if trial is None:
            raise RuntimeError("the benchmark goes on, but the search is over")
        if os.environ.get("DANLU_BENCH_TALK"):
            print(trial.why)
        return Job(trial, self.study.spec.epochs, self.levels)

    def tell(self, job: Job) -> None:
        self.study.tell(job.trial)


def bench_study(
    space: Any, max_epoch: int, levels: Sequence[int], resumable: bool, seed: int, budget: float
) -> Bench:
    """A study for the harness; danlu is good at any time and does not use the budget."""
    del budget
    if max_epoch == 1:
        return Bench(space_of(space), 1, Bayes(**OPTIONS.get("bayes", {})), seed)
    options = dict(OPTIONS.get("freeze_thaw", {}))
    if not resumable:
        options["fractions"] = tuple(r / max_epoch for r in levels)
    epochs = max_epoch if resumable else 1
    return Bench(space_of(space), epochs, FreezeThaw(**options), seed, max_epoch)
