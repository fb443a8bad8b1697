"""Configs trained in full with several seeds: which of them to use, and how sure that is.

All are compared with the best one seed by seed, so that luck with a seed favours none of them.

Notation
    d_is   loss of config i minus that of the best config, with seed s
    k_i    seeds that config i shares with the best
    σ²     = Σ_i Σ_s (d_is − mean_i)² / ν,  ν = Σ_i (k_i − 1): pooled, since few seeds of one
           config say little about their spread
    SE_i   = σ / √k_i; mean_i / SE_i is compared with Student's t of ν degrees of freedom.
           (A bootstrap of three seeds has ten different resamples only.)

Sources: the 1-SE rule is Breiman et al. 1984's; that a winner is worth the name when it wins in
three of four comparisons is Bouthillier et al. 2021's.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from danlu.core.record import TrialRecord
from danlu.core.spec import Constraint, Objective

HUGE = 1e30  # what is larger is cut: its square would be infinite
SHARED = 2  # fewer seeds in common give no paired difference worth the name
SEPARABLE = 0.75  # probability that the winner is better than the runner-up
CHEAPER = 2 / 3  # of the best one's cost: times are noisy, so only what is clearly cheaper
SIZES = ("params", "parameters", "n_params", "num_params")  # metrics that tell a model's size
TIMES = frozenset({"seconds", "time"})  # metrics that no seed decides
STEPS = 200  # of the integration of Student's t; its error is below 1e-9


@dataclass(frozen=True, slots=True)
class Finalist:
    """One config that was trained in full with several seeds.

    Attributes:
        trials: One for each seed, in the order of their starts.
        losses: Seed → loss (lower is better) of every one of them.
        repeats: Those of them that were trained to confirm it; seeds are shared there.
        sound: Whether no repetition failed and no constraint was broken.
    """

    trials: tuple[TrialRecord, ...]
    losses: Mapping[int, float]
    repeats: frozenset[int] = field(default=frozenset())
    sound: bool = True

    @property
    def counted(self) -> int:
        """How many runs the mean is taken over."""
        return len(self.repeats) if len(self.repeats) >= SHARED else len(self.losses)

    @property
    def mean(self) -> float:
        """Mean loss: over the confirming seeds if there are enough, else over all."""
        fresh = [self.losses[s] for s in self.repeats]
        return statistics.fmean(fresh if len(fresh) >= SHARED else self.losses.values())

    @property
    def best(self) -> TrialRecord:
        """The trial with the lowest loss."""
        return min(self.trials, key=lambda t: (self.losses[t.seed], t.number))

    @property
    def unmoved(self) -> bool:
        """Whether several seeds gave one and the same curve, to the last digit of each metric."""
        curves = {
            tuple(v for r in t.reports for n, v in sorted(r.metrics.items()) if n not in TIMES)
            for t in self.trials
        }
        return len(self.trials) >= SHARED and len(curves) == 1

    @property
    def cost(self) -> float:
        """What using it takes: the size of the model if it is reported, else seconds an epoch."""
        sizes = [v for t in self.trials for name in SIZES if (v := t.last(name)) is not None]
        if sizes and all(math.isfinite(v) for v in sizes):
            return statistics.median(sizes)
        return statistics.median(t.seconds / max(1, len(t.reports)) for t in self.trials)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much worse a finalist is than another one, seed by seed.

    Attributes:
        mean: Of the differences of the losses; positive where it is worse.
        se: Standard error of that mean; None without repetitions to tell it from.
        seeds: How many seeds both have.
        freedom: Degrees of freedom of the standard error.
    """

    mean: float
    se: float | None
    seeds: int
    freedom: int

    @property
    def chance(self) -> float | None:
        """Probability that it is the better one all the same; None if nothing is known."""
        if self.se is None:
            return None
        if self.se <= 0.0:
            return 0.5 if self.mean == 0 else float(self.mean < 0)
        return student(-self.mean / self.se, self.freedom)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the repetitions say.

    Attributes:
        finalists: By their mean losses, those whose training failed last.
        comparisons: Of each of them with the first.
        winner: Which of them to use: the cheapest within one standard error of the first.
    """

    finalists: tuple[Finalist, ...]
    comparisons: tuple[Comparison, ...]
    winner: int

    @property
    def chosen(self) -> Finalist:
        return self.finalists[self.winner]

    @property
    def runner_up(self) -> int | None:
        """Place of the best of the others; None if there is none."""
        return next((i for i in range(len(self.finalists)) if i != self.winner), None)

    @property
    def chance(self) -> float | None:
        """Probability that the winner is better than the runner-up; None if nothing is known."""
        if self.runner_up is None:
            return None
        chance = self.comparisons[max(self.winner, self.runner_up)].chance
        if chance is None:
            return None
        return 1.0 - chance if self.winner < self.runner_up else chance

    @property
    def unseeded(self) -> bool:
        """Whether seeds change nothing, so that repetitions tell nothing."""
        repeated = [f for f in self.finalists if len(f.trials) >= SHARED]
        return bool(repeated) and all(f.unmoved for f in repeated)

    @property
    def separable(self) -> bool:
        """Whether the winner is clearly better than the runner-up."""
        return self.chance is not None and self.chance >= SEPARABLE


def confirmation(
    trials: Iterable[TrialRecord],
    objective: Objective,
    epochs: int,
    constraints: Sequence[Constraint] = (),
) -> Confirmation | None:
    """What the full trainings of configs with several seeds say; None if there are none."""
    found = finalists(trials, objective, epochs, constraints)
    if not found:
        return None
    most = min(found, key=lambda f: (not f.sound, -len(f.repeats), f.mean))
    first, _ = _ordered(found, most)[0]
    pairs = _ordered(found, first)
    comparisons = tuple(c for _, c in pairs)
    ordered = tuple(f for f, _ in pairs)
    return Confirmation(ordered, comparisons, _cheapest(ordered, comparisons))


def finalists(
    trials: Iterable[TrialRecord],
    objective: Objective,
    epochs: int,
    constraints: Sequence[Constraint] = (),
) -> list[Finalist]:
    """Configs with two full trainings or more, of different seeds, once any was confirmed."""
    groups: dict[tuple[object, ...], list[TrialRecord]] = {}
    known = [t for t in trials if t.proxy.full and (t.stage == "confirm" or _in_full(t, epochs))]
    if not any(t.stage == "confirm" for t in known):
        return []
    for t in known:
        groups.setdefault(tuple(sorted((n, repr(v)) for n, v in t.config.items())), []).append(t)
    made = (_finalist(group, objective, epochs, constraints) for group in groups.values())
    return [f for f in made if len(f.losses) > 1]


def _in_full(trial: TrialRecord, epochs: int) -> bool:
    return trial.value is not None and trial.state != "failed" and trial.epoch >= epochs


def _finalist(
    group: Sequence[TrialRecord],
    objective: Objective,
    epochs: int,
    constraints: Sequence[Constraint],
) -> Finalist:
    """One config's full trainings; of those with the same seed the first counts."""
    kept: dict[int, TrialRecord] = {}
    for t in group:
        if _in_full(t, epochs):
            kept.setdefault(t.seed, t)
    losses = {s: _cut(objective.loss(t.value)) for s, t in kept.items() if t.value is not None}
    again = frozenset(s for s, t in kept.items() if t.stage == "confirm")
    failed = any(t.stage == "confirm" and t.state == "failed" for t in group)
    broken = any(t.broken(constraints) for t in kept.values())
    return Finalist(tuple(kept.values()), losses, again, not (failed or broken))


def _cut(loss: float) -> float:
    return min(HUGE, max(-HUGE, loss))


def _ordered(found: Sequence[Finalist], first: Finalist) -> list[tuple[Finalist, Comparison]]:
    """Finalists with their comparison with ``first``, best first."""
    gaps = {id(f): _gaps(f, first) for f in found if f is not first}
    paired = [g for g in gaps.values() if len(g) >= SHARED]
    freedom = sum(len(g) - 1 for g in paired)
    squares = sum(sum((x - statistics.fmean(g)) ** 2 for x in g) for g in paired)
    sigma = math.sqrt(squares / freedom) if freedom else None

    def compared(f: Finalist) -> Comparison:
        g = gaps.get(id(f), [])
        if len(g) < SHARED or sigma is None:
            return Comparison(0.0 if f is first else f.mean - first.mean, None, len(g), 0)
        return Comparison(statistics.fmean(g), sigma / math.sqrt(len(g)), len(g), freedom)

    pairs = [(f, compared(f)) for f in found]
    return sorted(pairs, key=lambda pair: (not pair[0].sound, pair[1].mean, pair[0] is not first))


def _gaps(a: Finalist, b: Finalist) -> list[float]:
    """How much worse ``a`` is than ``b``, at each confirming seed that both have."""
    return [a.losses[s] - b.losses[s] for s in sorted(a.repeats & b.repeats)]


def _cheapest(ordered: Sequence[Finalist], comparisons: Sequence[Comparison]) -> int:
    """The 1-SE rule: the cheapest of those that are no worse than the first beyond noise."""
    alike = [
        i for i, (f, c) in enumerate(zip(ordered, comparisons, strict=True))
        if i and f.sound and c.se is not None and c.mean <= c.se
        and f.cost < CHEAPER * ordered[0].cost
    ]  # fmt: skip
    return min(alike, key=lambda i: (ordered[i].cost, i), default=0)


def student(t: float, freedom: int) -> float:
    """Distribution function of Student's t, by Simpson's rule."""
    if not math.isfinite(t):
        return float(t > 0)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    scale /= math.sqrt(freedom * math.pi)
    # With x = √ν tan θ the density becomes a power of the cosine on a finite range.
    end = math.atan(abs(t) / math.sqrt(freedom))
    step = end / STEPS
    weights = (1 if i in (0, STEPS) else 4 if i % 2 else 2 for i in range(STEPS + 1))
    area = sum(w * math.cos(i * step) ** (freedom - 1) for i, w in enumerate(weights))
    half = min(0.5, scale * math.sqrt(freedom) * area * step / 3)
    return 0.5 + math.copysign(half, t)
