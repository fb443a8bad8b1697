"""What a history says about configs, as curves of losses (lower is better)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from danlu.core.decision import Continue, Decision, Start
from danlu.core.event import Continued, Started
from danlu.core.history import History, TrialRecord
from danlu.core.space import Space
from danlu.surrogates.linalg import Array

BLAMELESS = frozenset({"lost", "launch", "order"})  # failures that say nothing about the config


@dataclass(frozen=True, slots=True)
class Curve:
    """One trial as the models see it: its finite losses up to the first that is not.

    Attributes:
        times: When each epoch was reported.
        failed: Whether the config made training fail or diverge.
    """

    trial: TrialRecord
    epochs: tuple[int, ...]
    losses: Array
    times: Array
    failed: bool

    @property
    def epoch(self) -> int:
        return self.epochs[-1] if self.epochs else 0

    @property
    def best(self) -> float:
        return float(self.losses.min())

    @property
    def last(self) -> float:
        return float(self.losses[-1])

    def before(self, time: float) -> "Curve":
        """The curve as it stood at a time."""
        k = int(np.searchsorted(self.times, time, side="right"))
        if k == len(self.epochs):
            return self
        return Curve(self.trial, self.epochs[:k], self.losses[:k], self.times[:k], False)


def curve_of(trial: TrialRecord, metric: str, sign: float) -> Curve:
    """A trial's curve of the metric times ``sign``."""
    epochs, losses, times = [], [], []
    failed = trial.state == "failed" and trial.cause not in BLAMELESS
    for r in trial.reports:
        value = r.metrics.get(metric)
        if value is None:
            continue
        if not math.isfinite(value):
            failed = True
            break
        epochs.append(r.epoch)
        losses.append(sign * value)
        times.append(r.at)
    return Curve(trial, tuple(epochs), np.array(losses), np.array(times), failed)


def gather(history: History) -> list[Curve]:
    """The curves of all trials on the real task, in the order of their starts."""
    metric, sign = history.objective.metric, history.objective.loss(1.0)
    return [curve_of(t, metric, sign) for t in history.trials.values() if t.proxy.full]


def stream(history: History, salt: int = 0) -> np.random.Generator:
    """The random numbers of the next decision: the same for the same history."""
    reports = sum(len(t.reports) for t in history.trials.values())
    parts = [history.spec.seed & 0xFFFFFFFF, len(history.trials), reports, len(history.running)]
    return np.random.default_rng([*parts, salt])


def one_by_one(
    decide: Callable[[Space, History], Decision | None],
    space: Space,
    history: History,
    free_slots: int,
) -> list[Decision]:
    """Fill the free slots one after the other, each decision as if the former were recorded."""
    decisions: list[Decision] = []
    while len(decisions) < free_slots:
        decision = decide(space, history)
        if decision is None:
            break
        decisions.append(decision)
        if not isinstance(decision, Start | Continue):
            break
        history = _recorded(history, decision)
    return decisions


def _recorded(history: History, d: Start | Continue) -> History:
    now = history.last_at
    if isinstance(d, Start):
        number = history.next_number
        seed = history.spec.trial_seed(number) if d.seed is None else d.seed
        return history.after(Started(now, number, d.config, d.until, seed, d.proxy, d.stage, d.why))
    attempt = history.trials[d.trial].attempt
    return history.after(Continued(now, d.trial, d.until, attempt, d.stage, d.why))


@dataclass(frozen=True)
class Fit:
    """A request to fit hyperparameters; equal fingerprints mean equal data."""

    fingerprint: tuple[object, ...]
    make: Callable[[], Array] = field(compare=False)


@lru_cache(maxsize=256)
def fitted(fit: Fit) -> Array:
    """The fitted hyperparameters; kept, since most decisions share those of a milestone."""
    return fit.make()


def milestone(curves: Sequence[Curve], growth: float) -> float:
    """The time at which hyperparameters were fitted last, as any reader of the history finds it.

    Fits happen whenever the number of reports has grown by ``growth``, and at each of the first.
    """
    times = np.concatenate([c.times for c in curves])
    n, step = len(times), 1
    while (following := max(step + 1, math.floor(step * growth))) <= n:
        step = following
    return float(np.partition(times, step - 1)[step - 1])


def fingerprint(history: History, curves: Sequence[Curve]) -> tuple[object, ...]:
    """What tells one set of curves from another without comparing them whole."""
    losses = np.concatenate([c.losses for c in curves])
    weights = np.cos(np.arange(len(losses)))
    return (
        repr(history.spec.space), history.spec.epochs, len(curves), len(losses),
        float(losses.sum()), float(weights @ losses),
    )  # fmt: skip
