"""danlu as the benchmark harness drives it: ask for an epoch to train to, report, tell.

The harness (named by DANLU_BENCH) loads this file and calls `bench_study`; see `search.py`.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import danlu
from danlu.asked import AskedTrial
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space
from danlu.strategies import encoding, portfolio
from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.experts import Expectation
from danlu.strategies.freeze_thaw import FreezeThaw

OPTIONS = json.loads(os.environ.get("DANLU_BENCH_OPTIONS", "{}"))
"""Strategies' options for experiments: ``{"freeze_thaw": {"growth": 2}, "bayes": {…}}``."""
KNOWLEDGE = os.environ.get("DANLU_BENCH_KNOWLEDGE", "")
"""What danlu is told: as it is, ``"none"`` (names are hidden), ``"wrong"`` (every numeric default
at the end of its range that is farther from what experts expect) or ``"mistaken"`` (it is the
experts who expect good numbers there)."""
PORTFOLIO = os.environ.get("DANLU_BENCH_PORTFOLIO", "")
"""File with the configs to try first, in place of the learned ones; see ``portfolio.py``."""
FAR = 0.03  # of the range: how near its end


def space_of(foreign: Any) -> Space:
    """The harness's space as danlu's."""
    names = {p.name: f"x{i}" if KNOWLEDGE == "none" else p.name for i, p in enumerate(foreign)}

    def parameter(p: Any) -> Choice | Float | Int:
        when = {} if p.parent is None else {names[p.parent]: tuple(p.parent_values)}
        if p.kind == "cat":
            return Choice(*p.choices, when=when)
        made = Int if p.kind == "int" else Float
        limits = (p.low, p.high)  # beyond them the harness knows nothing
        return made(p.low, p.high, log=p.log, limits=limits, when=when)

    space = Space({names[p.name]: parameter(p) for p in foreign})
    return misled(space) if KNOWLEDGE == "wrong" else space


def misled(space: Space) -> Space:
    """The space with every numeric default where experts would not look."""
    wrong = {}
    for axis in encoding.encode(space).axes:
        p = axis.parameter
        if not isinstance(p, Choice):
            far = FAR if (axis.centre or 0.5) >= 0.5 else 1.0 - FAR
            value = axis.value(float(axis.from_unit(np.array([far]))[0]))
            wrong[axis.name] = type(p)(p.low, p.high, log=p.log, default=value, when=p.when)  # type: ignore[arg-type]
    return Space({**space.parameters, **wrong})


def mistaken() -> None:
    """Make experts expect good numbers where they are not."""
    honest = encoding._axis

    def axis(name: str, p: Parameter, expected: Expectation) -> encoding.Axis:
        made = honest(name, p, expected)
        if made.centre is None or isinstance(p, Choice):
            return made
        return replace(made, centre=FAR if made.centre >= 0.5 else 1.0 - FAR)

    encoding._axis = axis


if KNOWLEDGE == "mistaken":
    mistaken()


class Job:
    """What the harness holds while a trial trains."""

    def __init__(
        self, trial: AskedTrial, params: dict[str, Any], epochs: int, levels: int
    ) -> None:
        self.trial, self.id, self.params = trial, trial.number, params
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
        self, foreign: Any, epochs: int, strategy: Strategy, seed: int, levels: int = 1
    ) -> None:
        self.levels = levels
        space = space_of(foreign)
        self.names = dict(zip(space, (p.name for p in foreign), strict=True))
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
        params = {self.names.get(name, name): value for name, value in trial.params.items()}
        return Job(trial, params, self.study.spec.epochs, self.levels)

    def tell(self, job: Job) -> None:
        self.study.tell(job.trial)


def bench_study(
    space: Any, max_epoch: int, levels: Sequence[int], resumable: bool, seed: int, budget: float
) -> Bench:
    """A study for the harness; danlu is good at any time and does not use the budget."""
    del budget
    if PORTFOLIO:
        entries = json.loads(Path(PORTFOLIO).read_text(encoding="utf-8"))
        found = tuple(portfolio.Entry.read(table) for table in entries)
        portfolio.learned = lambda: found
    if max_epoch == 1:
        return Bench(space, 1, Bayes(**OPTIONS.get("bayes", {})), seed)
    options = dict(OPTIONS.get("freeze_thaw", {}))
    if not resumable:
        options["fractions"] = tuple(r / max_epoch for r in levels)
    epochs = max_epoch if resumable else 1
    return Bench(space, epochs, FreezeThaw(**options), seed, max_epoch)
