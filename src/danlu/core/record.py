"""One trial as the history keeps it: its config, its curves and its fate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from danlu.core.decision import FULL, Proxy
from danlu.core.finding import Finding
from danlu.core.parameter import Value
from danlu.core.spec import Constraint, Objective

State: TypeAlias = Literal["running", "paused", "finished", "stopped", "failed", "lost"]
OPEN: frozenset[State] = frozenset({"running", "paused", "lost"})


class Report(NamedTuple):
    """One epoch's evaluation: metric name → value (may be NaN or infinite).

    A tuple, since studies have millions: it is made in half the time of a frozen dataclass.
    """

    epoch: int
    metrics: Mapping[str, float]
    at: float


@dataclass(frozen=True, slots=True)
class Launch:
    """One time that a trial was begun or went on.

    Attributes:
        after: The epoch it stood at.
        until: The epoch it was to train to.
        why: The reason, as the decision gave it.
    """

    after: int
    until: int
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One config being trained, and all that is known of it.

    Attributes:
        number: Counted from 1 in the order of their starts.
        until: Epoch to train to.
        attempt: Counted from 1; a retry after a lost worker is a new attempt.
        state: ``running``, ``paused``, ``lost`` (waits for its retry), or at its end
            ``finished``, ``stopped``, ``failed``.
        reports: In order of epochs.
        value: Best finite value of the objective at any epoch so far; None before the first.
        value_epoch: The epoch of that value.
        checkpoint: Last epoch that a checkpoint holds, 0 without one.
        losses: How often its worker was lost in a row without a new epoch between.
        lost_epoch: The last epoch at its last loss.
        starved: How often its worker was killed for want of memory.
        seconds: How long it was running, all attempts together.
        message: Why it failed or was stopped, how it was lost, or what is odd about its end.
        launches: Each time it was begun or went on, in their order.
    """

    number: int
    config: Mapping[str, Value]
    seed: int
    until: int
    proxy: Proxy = FULL
    stage: str = ""
    why: str = ""
    attempt: int = 1
    state: State = "running"
    reports: tuple[Report, ...] = ()
    value: float | None = None
    value_epoch: int = 0
    checkpoint: int = 0
    losses: int = 0
    lost_epoch: int = -1
    starved: int = 0
    seconds: float = 0.0
    launched_at: float = 0.0
    cause: str = ""
    message: str = ""
    log: str = ""
    findings: tuple[Finding, ...] = ()
    launches: tuple[Launch, ...] = ()

    @property
    def epoch(self) -> int:
        """The last reported epoch, 0 before the first."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def params(self) -> Mapping[str, Value]:
        """The config, under the name by which training code knows it."""
        return self.config

    @property
    def open(self) -> bool:
        """Whether it may still report: running, paused or waiting for its retry."""
        return self.state in OPEN

    @property
    def diagnosis(self) -> tuple[Finding, ...]:
        """The findings that hold now: those for good, and those of its last judgement."""
        last = max((f.epoch for f in self.findings if f.epoch is not None), default=None)
        return tuple(f for f in self.findings if f.epoch in (None, last))

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """(epoch, value) of a metric, where it was reported."""
        return [(r.epoch, r.metrics[metric]) for r in self.reports if metric in r.metrics]

    def last(self, metric: str) -> float | None:
        """The last reported value of a metric, None if it was never reported."""
        found = (r.metrics[metric] for r in reversed(self.reports) if metric in r.metrics)
        return next(found, None)

    def values(self, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
        """The values of several objectives, all of the last epoch at which all are finite.

        The best of each at an epoch of its own would be a model that never was.
        """
        for r in reversed(self.reports):
            values = tuple(r.metrics.get(o.metric, math.nan) for o in objectives)
            if all(map(math.isfinite, values)):
                return values
        return None

    def broken(self, constraints: Sequence[Constraint]) -> list[Constraint]:
        """The constraints that its last report of their metric breaks.

        What was not reported is not known, and breaks nothing.
        """
        known = ((c, self.last(c.metric)) for c in constraints)
        return [c for c, value in known if value is not None and not c.holds(value)]

    def metric_names(self) -> list[str]:
        """Names of all metrics it reported, in the order of their first appearance."""
        return list(dict.fromkeys(chain.from_iterable(r.metrics for r in self.reports)))
