"""What a history says about configs, as curves of losses (lower is better)."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from danlu.core.decision import Continue, Decision, Note, Start
from danlu.core.event import Continued, Noted, Started
from danlu.core.history import History
from danlu.core.identity import Same
from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.space import Space
from danlu.surrogates.linalg import Array, one_thread
from danlu.surrogates.scalarising import scale_of

BLAMELESS = frozenset({"lost", "launch", "order", "timeout"})
"""Causes of failures that say nothing about the config."""

HUGE = 1e200  # larger losses are cut: sums and products of them would be no numbers any more


@dataclass(frozen=True, slots=True)
class Curve:
    """One config as the models see it: its finite losses up to the first that is not.

    Attributes:
        number: Its trial, the latest if there are several.
        epochs: Where it was evaluated, ascending.
        times: When each of them was reported.
        failed: Whether the config made training fail or diverge.
        paused: Whether it can be trained further.
        until: Where a running training leads; 0 if none runs.
        feasible: Whether it breaks no constraint, as far as is known.
        aim: Where its first training was to lead; 0 where shares of the data are climbed.
        share: Of the training data, in (0, 1].
        epoch: The last; 0 without any.
        best: Its lowest loss; infinite without any.
        spots: ``times`` and ``losses`` as arrays.
    """

    number: int
    config: Mapping[str, Value]
    epochs: tuple[int, ...]
    losses: tuple[float, ...]
    times: tuple[float, ...]
    failed: bool = False
    paused: bool = False
    until: int = 0
    feasible: bool = True
    aim: int = 0
    share: float = 1.0
    epoch: int = field(init=False, repr=False, compare=False)
    best: float = field(init=False, repr=False, compare=False)
    spots: tuple[Array, Array] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Each decision looks at them for every trial there is.
        object.__setattr__(self, "epoch", self.epochs[-1] if self.epochs else 0)
        object.__setattr__(self, "best", min(self.losses, default=math.inf))
        object.__setattr__(self, "spots", (np.array(self.times), np.array(self.losses)))

    @property
    def last(self) -> float:
        return self.losses[-1]

    @property
    def merit(self) -> float:
        """Its best loss, infinite if it breaks a constraint."""
        return self.best if self.feasible else math.inf

    @property
    def awaited(self) -> bool:
        """Whether training runs towards an epoch that is not reported yet."""
        return self.until > self.epoch and not self.failed

    @property
    def ended(self) -> bool:
        """Whether its best loss is that of a training that went as far as it was asked to."""
        return bool(self.epochs) and not self.failed and not self.awaited

    def before(self, time: float) -> "Curve":
        """The curve as it stood at a time."""
        if not self.times or self.times[-1] <= time:
            return self
        k = bisect_right(self.times, time)
        seen = self.epochs[:k], self.losses[:k], self.times[:k]
        return Curve(self.number, self.config, *seen, share=self.share)


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
        losses.append(max(-HUGE, min(HUGE, sign * value)))
        times.append(r.at)
    return Curve(
        trial.number, trial.config, tuple(epochs), tuple(losses), tuple(times), failed,
        trial.state == "paused" and not failed,
        trial.until if trial.state in ("running", "lost") else 0,
        aim=trial.launches[0].until if trial.launches else trial.until,
        share=trial.proxy.data_fraction,
    )  # fmt: skip


@lru_cache(maxsize=32768)
def _kept(same: Same[TrialRecord], metric: str, sign: float) -> Curve:
    """`curve_of`, kept from one decision to the next: most trials have not changed."""
    return curve_of(same.value, metric, sign)


def gather(history: History) -> list[Curve]:
    """The curves of all trials on the real task, in the order of their starts.

    Of several objectives they are the losses that count for this decision (`weights`). Trials
    that break a constraint are not worth continuing.
    """
    return read(history, [t for t in history.trials.values() if t.proxy.full])


def read(history: History, trials: Sequence[TrialRecord]) -> list[Curve]:
    """The curves of some trials, as `gather` reads them."""
    objectives = history.spec.objectives
    parts = [[_kept(Same(t), o.metric, o.loss(1.0)) for t in trials] for o in objectives]
    if len(parts) == 1 and not history.spec.constraints:
        return parts[0]
    fit = [history.feasible(t) for t in trials]
    curves = parts[0] if len(parts) == 1 else _weighed(history, parts, fit)
    return [
        c if well else replace(c, feasible=False, paused=False)
        for c, well in zip(curves, fit, strict=True)
    ]


def _weighed(history: History, parts: list[list[Curve]], fit: list[bool]) -> list[Curve]:
    """The curves of several objectives as one curve of each trial."""
    together = [_aligned(curves) for curves in zip(*parts, strict=True)]
    ends = [losses[-1] for (_, losses), well in zip(together, fit, strict=True)
            if well and len(losses)]  # fmt: skip
    if not ends:
        return [curve for curve, _ in together]
    scale, w = scale_of(np.array(ends)), weights(history)
    return [
        replace(curve, losses=tuple(scale.scalarised(losses, w).tolist()))
        for curve, losses in together
    ]


def _aligned(curves: Sequence[Curve]) -> tuple[Curve, Array]:
    """A trial at the epochs where all objectives are known, and its losses there, (n, k)."""
    first = curves[0]
    known = [dict(zip(c.epochs, c.losses, strict=True)) for c in curves]
    rows = [i for i, e in enumerate(first.epochs) if all(e in k for k in known)]
    epochs = tuple(first.epochs[i] for i in rows)
    times = tuple(first.times[i] for i in rows)
    losses = np.array([[k[e] for k in known] for e in epochs]).reshape(-1, len(curves))
    failed = any(c.failed for c in curves)
    paused = first.paused and not failed
    aligned = replace(
        first, epochs=epochs, losses=tuple(losses[:, 0].tolist()), times=times, failed=failed,
        paused=paused,
    )  # fmt: skip
    return aligned, losses


def weights(history: History) -> Array:
    """How much each of several objectives counts for the next decision; the sum is 1.

    Drawn anew for each decision, evenly over all mixtures, so that the decisions together look
    for the whole Pareto set.
    """
    return stream(history, 3).dirichlet(np.ones(len(history.spec.objectives)))


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
    """Fill the free slots one after the other, each decision as if the former were recorded.

    Lines of the log-book take no slot.
    """
    decisions: list[Decision] = []
    begun = 0
    while begun < free_slots:
        with one_thread():
            decision = decide(space, history)
        if decision is None:
            break
        decisions.append(decision)
        if not isinstance(decision, Start | Continue | Note):
            break
        begun += not isinstance(decision, Note)
        history = recorded(history, decision)
    return decisions


def recorded(history: History, d: Start | Continue | Note) -> History:
    """The history as it will be once the decision is recorded."""
    now = history.last_at
    if isinstance(d, Note):
        return history.after(Noted(now, d.entry))
    if isinstance(d, Start):
        number = history.next_number
        seed = history.spec.trial_seed(number) if d.seed is None else d.seed
        return history.after(
            Started(now, number, d.config, d.until, seed, d.proxy, d.stage, d.why)
        )
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
    times = _joined_spots(curves, 0)
    n, step = len(times), 1
    while (following := max(step + 1, math.floor(step * growth))) <= n:
        step = following
    return float(np.partition(times, step - 1)[step - 1])


def _joined_spots(curves: Sequence[Curve], which: int) -> Array:
    """The times (0) or losses (1) of all curves, one after the other."""
    return np.concatenate([c.spots[which] for c in curves]) if curves else np.zeros(0)


def fingerprint(history: History, curves: Sequence[Curve]) -> tuple[object, ...]:
    """What tells one set of curves from another without comparing them whole."""
    losses = _joined_spots(curves, 1)
    weights = np.cos(np.arange(len(losses)))
    return (
        repr(history.spec.space), history.spec.epochs, len(curves), len(losses),
        float(losses.sum()), float(weights @ losses),
    )  # fmt: skip
