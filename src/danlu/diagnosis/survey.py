"""What a study tried, side by side: the facts on which its diagnosis rests."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from danlu.catalogue.roles import role_of
from danlu.comparing import (
    BLAMELESS,
    ParameterImportance,
    importance,
    levelled,
    most_used,
)
from danlu.core.decision import FULL, Proxy
from danlu.core.history import History
from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.record import TrialRecord
from danlu.diagnosis.study_thresholds import (
    FEWEST_REAL,
    FLAT_MOST,
    FLAT_REPEATS,
    FLAT_TRIED,
    GOOD_NOISE,
)
from danlu.noise import Noise, noise_of

UNLIMITED = 20.0  # full trainings of a study without a budget
DIVERGED = frozenset({"not_finite", "not finite", "diverged"})


@dataclass(frozen=True, slots=True)
class Tried:
    """One config and what came of it.

    Attributes:
        trials: All trainings of it on the proxy that is looked at.
        loss: Mean of their losses, brought to one epoch with all others'.
    """

    trials: tuple[TrialRecord, ...]
    loss: float

    @property
    def config(self) -> Mapping[str, Value]:
        return self.trials[0].config

    @property
    def number(self) -> int:
        return self.trials[0].number

    @property
    def epoch(self) -> int:
        """The last epoch of its longest training."""
        return max(t.epoch for t in self.trials)


@dataclass(frozen=True)
class Survey:
    """A study as its rules see it; everything is computed when it is first asked for."""

    history: History

    @cached_property
    def proxy(self) -> Proxy:
        """The real task once enough was tried on it, else what most trials had."""
        real = {repr(t.config) for t in self.history.trials.values()
                if t.proxy.full and t.value is not None}  # fmt: skip
        return FULL if len(real) >= FEWEST_REAL else most_used(self.history)

    @cached_property
    def losses(self) -> Mapping[int, float]:
        """Trial → loss, all brought to one epoch; infinite if it failed."""
        return levelled(self.history, self.proxy)

    @cached_property
    def tried(self) -> tuple[Tried, ...]:
        """Configs that gave a value, best first; those that break a constraint are left out."""
        groups: dict[str, list[TrialRecord]] = {}
        for number, loss in self.losses.items():
            trial = self.history.trials[number]
            if math.isfinite(loss) and self.history.feasible(trial):
                groups.setdefault(repr(sorted(trial.config.items())), []).append(trial)
        made = (
            Tried(tuple(g), statistics.fmean(self.losses[t.number] for t in g))
            for g in groups.values()
        )
        return tuple(sorted(made, key=lambda c: (c.loss, c.number)))

    @cached_property
    def incumbent(self) -> Tried | None:
        """The config to use so far; of the proxy that is looked at."""
        best = self.history.best
        same = (c for c in self.tried if best is not None and c.config == best.config)
        return next(same, self.tried[0] if self.tried else None)

    @cached_property
    def noise(self) -> Noise:
        return noise_of(self.history, [c.trials for c in self.tried])

    @cached_property
    def good(self) -> tuple[Tried, ...]:
        """Configs that are as good as the best one, as far as noise lets tell."""
        if not self.tried:
            return ()
        limit = self.tried[0].loss + GOOD_NOISE * (self.noise.sd or 0.0)
        return tuple(c for c in self.tried if c.loss <= limit)

    @cached_property
    def importance(self) -> ParameterImportance | None:
        """How much each parameter matters; None below so many configs as it takes."""
        if len(self.tried) < FLAT_TRIED:
            return None
        return importance(self.history, repeats=FLAT_REPEATS, most=FLAT_MOST)

    @property
    def free(self) -> tuple[str, ...]:
        return self.history.spec.space.free

    def parameter(self, name: str) -> Parameter:
        return self.history.spec.space[name]

    def numeric(self) -> list[tuple[str, Float | Int]]:
        """Free parameters that are numbers."""
        space = self.history.spec.space
        pairs = ((name, space[name]) for name in space.free)
        return [(name, p) for name, p in pairs if not isinstance(p, Choice)]

    @cached_property
    def learning_rates(self) -> tuple[str, ...]:
        """Parameters that are learning rates."""
        return tuple(n for n, p in self.numeric() if role_of(n, p) == "lr")

    @cached_property
    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Each number's range on its scale: as given, or as far as the search went beyond it."""
        found = {}
        for name, p in self.numeric():
            x = [on_scale(p, p.low), on_scale(p, p.high)]
            x += [
                on_scale(p, t.config[name]) for t in self.history.trials.values()
                if name in t.config
            ]  # fmt: skip
            found[name] = (min(x), max(x))
        return found

    def place(self, name: str, config: Mapping[str, Value]) -> float | None:
        """Where a config lies in a parameter's range, from 0 to 1; None where it is inactive."""
        if name not in config:
            return None
        p = self.parameter(name)
        if isinstance(p, Choice):
            return p.to_unit(config[name])
        low, high = self.ranges[name]
        return (on_scale(p, config[name]) - low) / (high - low)

    def distance(self, a: Mapping[str, Value], b: Mapping[str, Value]) -> float:
        """Root mean square of the differences in place; infinite where choices differ."""
        squares = []
        for name in self.free:
            if (name in a) != (name in b):
                return math.inf
            if name not in a:
                continue
            if isinstance(self.parameter(name), Choice) and a[name] != b[name]:
                return math.inf
            x, y = self.place(name, a), self.place(name, b)
            assert x is not None
            assert y is not None
            squares.append((x - y) ** 2)
        return math.sqrt(statistics.fmean(squares)) if squares else 0.0


def on_scale(p: Float | Int, value: Value) -> float:
    """A value on its parameter's scale."""
    assert isinstance(value, int | float)
    return math.log(value) if p.log else float(value)


def off_scale(p: Float | Int, x: float) -> float:
    """The value at a place of its parameter's scale, as a person reads it."""
    value = math.exp(x) if p.log else x
    return round(value) if isinstance(p, Int) else float(f"{value:.3g}")


def broke(trial: TrialRecord) -> bool:
    """Whether a trial's config made its training fail or diverge."""
    if trial.state == "failed":
        return trial.cause not in BLAMELESS
    return any(f.code in DIVERGED for f in trial.findings)


def diverged(trial: TrialRecord) -> bool:
    """Whether a trial's training ran away."""
    return trial.cause in DIVERGED or any(f.code in DIVERGED for f in trial.findings)


def spent_share(history: History) -> float:
    """How much of the budget is used; of several limits the one nearest to its end counts."""
    budget, spent = history.spec.budget, []
    if budget.trainings is not None:
        spent.append(history.trainings / budget.trainings)
    if budget.trials is not None:
        spent.append(len(history.trials) / budget.trials)
    if budget.seconds is not None:
        spent.append(history.seconds / budget.seconds)
    return max(spent, default=history.trainings / UNLIMITED)


def widest_gap(survey: Survey, configs: Iterable[Mapping[str, Value]]) -> float:
    """The widest part of the learning rates' range in which none of some configs lies.

    0 where no learning rate is searched.
    """
    if not survey.learning_rates:
        return 0.0
    places = [
        x
        for c in configs
        for name in survey.learning_rates
        if (x := survey.place(name, c)) is not None
    ]
    return max(b - a for a, b in pairwise([0.0, *sorted(places), 1.0]))
