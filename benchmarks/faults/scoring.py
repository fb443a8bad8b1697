"""Which faults did harm, and how well verdicts and advice met them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from faults.case import Case
from faults.injections import FAULTS, HEALTHY
from faults.training import Curves

BENIGN = frozenset({"good", "still_improving", "plateau", "saturated_early"})
KILL_ERRORS = 2.0
KILL_SKILL, KILL_SLOWER = 0.9, 2.0


@dataclass(frozen=True)
class Judged:
    """One run and what was said of it.

    Attributes:
        case: The run.
        curves: What it reported.
        said: Codes, the primary first.
        killed: Whether the fault did harm.
        worse: Whether it did so to the metric, not only to the speed.
    """

    case: Case
    curves: Curves
    said: tuple[str, ...]
    killed: bool
    worse: bool

    @property
    def expected(self) -> tuple[str, ...]:
        """Codes of which one should be said; empty where curves cannot show the fault."""
        return FAULTS[self.case.fault].expected if self.killed else ()

    @property
    def named(self) -> tuple[str, ...]:
        """Codes that name the fault, whether it did harm or not."""
        return () if self.case.fault == HEALTHY else FAULTS[self.case.fault].expected

    @property
    def primary(self) -> str:
        return self.said[0] if self.said else "good"


def best(curves: Curves) -> float:
    """The best validation accuracy at any epoch."""
    return max(r["val_accuracy"] for r in curves.reports)


@dataclass(frozen=True)
class Twins:
    """The healthy runs of a part: what a fault is measured against."""

    curves: Sequence[Curves]

    @property
    def level(self) -> float:
        return mean(map(best, self.curves))

    @property
    def error(self) -> float:
        """The larger of the spread over seeds and the standard error of one validation."""
        n = self.curves[0].task.n_val or 1
        return max(stdev(map(best, self.curves)), math.sqrt(self.level * (1 - self.level) / n))

    def worse(self, curves: Curves) -> bool:
        """Whether a run's best metric is below theirs by more than two standard errors."""
        return best(curves) < self.level - KILL_ERRORS * self.error

    def slower(self, curves: Curves, twin: Curves) -> bool:
        """Whether it took more than twice as many epochs to 90 % of its twin's skill."""
        chance = twin.task.baseline_metric or 0.0
        wanted = chance + KILL_SKILL * (best(twin) - chance)
        return _reached(curves, wanted) > KILL_SLOWER * _reached(twin, wanted)


def _reached(curves: Curves, wanted: float) -> float:
    hits = (e for e, r in enumerate(curves.reports, 1) if r["val_accuracy"] >= wanted)
    return next(hits, math.inf)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / n
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)


def share(hits: int, n: int) -> str:
    """``87 % (75–94) of 60``."""
    low, high = wilson(hits, n)
    return f"{hits / n:.0%} ({100 * low:.0f}–{100 * high:.0f}) of {n}" if n else "–"


def any_of(runs: Iterable[Judged]) -> tuple[int, int, int]:
    """Harmful runs whose fault curves can show; those with the right primary, and any right."""
    shown = [r for r in runs if r.expected]
    return (
        len(shown),
        sum(r.primary in r.expected for r in shown),
        sum(bool(set(r.said) & set(r.expected)) for r in shown),
    )


def alarms(runs: Iterable[Judged]) -> list[Judged]:
    """Runs of which something bad was said that does not name their fault."""
    return [r for r in runs if set(r.said) - BENIGN - {"unclear"} - set(r.named)]


def healthy(runs: Iterable[Judged]) -> list[Judged]:
    return [r for r in runs if r.case.fault == HEALTHY]


def harmless(runs: Iterable[Judged]) -> list[Judged]:
    """Runs with a fault that did no harm."""
    return [r for r in runs if r.case.fault != HEALTHY and not r.killed]
