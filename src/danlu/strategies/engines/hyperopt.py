"""Hyperopt's tree of Parzen estimators as a strategy (Bergstra et al. 2011)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperopt import JOB_STATE_DONE, JOB_STATE_RUNNING, hp, tpe, trials_from_docs
from hyperopt.base import Domain

from danlu.core.decision import Decision
from danlu.core.history import History
from danlu.core.parameter import Choice, Float, Parameter, Value
from danlu.core.space import Config, Space
from danlu.strategies.engines.consult import Plan, check_keys, consult
from danlu.strategies.engines.lessons import Lesson

STARTUP = 20  # hyperopt's own


@dataclass(frozen=True)
class HyperoptEngine:
    """Hyperopt chooses the configs of full-length trials.

    Failed trials are told to it as failures, and running ones as running: its estimator counts
    both among the bad, which keeps new trials away from them.

    Attributes:
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        startup: How many trials are random before the estimator decides; by default 20.
        default_first: Whether the first trial is the default config.

    Raises:
        StudyError: If a value has the wrong type or range.
    """

    epochs: int | None = None
    startup: int | None = None
    default_first: bool = True

    def __post_init__(self) -> None:
        check_keys("hyperopt", self.epochs, self.startup, self.default_first)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        def teach(space: Space, seen: list[Lesson]) -> Estimator:
            return Estimator(space, seen, self.startup or STARTUP)

        plan = Plan("hyperopt's TPE", self.epochs, self.default_first)
        return consult(plan, teach, space, history, free_slots)


class Estimator:
    """Hyperopt with a study's trials.

    Conditional parameters need no nested space: each parameter has its own estimator, which
    learns from the trials that had it, and what the condition excludes is dropped.
    """

    def __init__(self, space: Space, seen: list[Lesson], startup: int) -> None:
        self._space = space
        self._startup = startup
        self._domain = Domain(None, {name: _expression(name, space[name]) for name in space.free})
        self._documents = [self._document(tid, lesson) for tid, lesson in enumerate(seen)]

    def suggest(self, seed: int) -> dict[str, Value]:
        trials = trials_from_docs(self._documents, validate=False)
        new = tpe.suggest(
            [len(self._documents)],
            self._domain,
            trials,
            seed,
            n_startup_jobs=self._startup,
            verbose=False,
        )
        drawn = new[0]["misc"]["vals"]
        config = {
            name: _value(p, drawn[name][0]) if name in drawn else p.middle()
            for name, p in self._space.parameters.items()
        }
        return self._space.pruned(config)

    def expect(self, config: Config) -> None:
        free = {name: config[name] for name in self._space.free if name in config}
        self._documents.append(self._document(len(self._documents), Lesson(free, None, True)))

    def _document(self, tid: int, lesson: Lesson) -> dict[str, Any]:
        """A trial in hyperopt's own form; an inactive parameter has no value."""
        held = {n: lesson.config[n] for n in self._space.free if n in lesson.config}
        result: dict[str, Any] = {"status": "new" if lesson.running else "fail"}
        if lesson.loss is not None:
            result = {"status": "ok", "loss": lesson.loss}
        return {
            "state": JOB_STATE_RUNNING if lesson.running else JOB_STATE_DONE,
            "tid": tid,
            "spec": None,
            "result": result,
            "misc": {
                "tid": tid,
                "cmd": None,
                "workdir": None,
                "idxs": {n: [tid] if n in held else [] for n in self._space.free},
                "vals": {
                    n: [_told(self._space[n], held[n])] if n in held else []
                    for n in self._space.free
                },
            },
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": None,
            "refresh_time": None,
        }


def _expression(name: str, p: Parameter) -> Any:
    """The parameter as hyperopt writes it; a whole number fills its cell, as in danlu."""
    if isinstance(p, Choice):
        return hp.choice(name, list(range(len(p.values))))
    half = 0.0 if isinstance(p, Float) else 0.5
    low, high = p.low - half, p.high + half
    if p.log:
        low, high = math.log(low), math.log(high)
    if isinstance(p, Float):
        return hp.loguniform(name, low, high) if p.log else hp.uniform(name, low, high)
    return hp.qloguniform(name, low, high, 1) if p.log else hp.quniform(name, low, high, 1)


def _value(p: Parameter, drawn: Any) -> Value:
    """What hyperopt drew, as a readable value within the range."""
    if isinstance(p, Choice):
        return p.values[int(drawn)]
    return p.from_unit(p.to_unit(min(p.high, max(p.low, float(drawn)))))


def _told(p: Parameter, value: Value) -> Value:
    return p.index(value) if isinstance(p, Choice) else value
