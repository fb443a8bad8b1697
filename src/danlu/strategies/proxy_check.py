"""Whether short trainings, or trainings on a part of the data, tell which config is better.

Configs known at both lengths are the doubles. With fewer than eight, or only winners of the
cheap training, a correlation says next to nothing: 0.8 is what five doubles give by chance once
in twenty times, and winners alone correlate far less than all do.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["proxy_ok", "proxy_weak", "proxy_broken", "proxy_unchecked"]
Double: TypeAlias = tuple[float, float]
"""(loss in the cheap training, loss in the dear one); an infinite loss is a failure."""

ENOUGH = 8
UPPER = 4  # doubles of the better half of the cheap ranking for each of the worse one, at most
GOOD_RHO, BAD_RHO = 0.5, 0.3
INTERVAL = 0.8
RESAMPLES = 200
MOST = 200  # doubles that the correlations rest on


@dataclass(frozen=True, slots=True)
class ProxyCheck:
    """What the doubles say.

    Attributes:
        doubles: How many there are.
        rho: Spearman's rank correlation; None if it cannot be told.
        low: Lower end of its bootstrap interval.
        high: Upper end.
        tau: Kendall's rank correlation, ties counted (τ_b).
        overlap: Share of the best third of the cheap ranking that is in the best third of the
            dear one.
        regret: How much worse the best promoted config is than the best of all doubles.
    """

    verdict: Verdict
    doubles: int
    rho: float | None = None
    low: float | None = None
    high: float | None = None
    tau: float | None = None
    overlap: float | None = None
    regret: float | None = None


def check(doubles: Sequence[Double], lower: int, eta: int, se: float, seed: int) -> ProxyCheck:
    """Judge a proxy by its doubles.

    Args:
        doubles: Losses of configs in the cheap and in the dear training.
        lower: How many of them come from the worse half of all cheap trainings.
        eta: One of how many is promoted.
        se: Difference of dear losses that means nothing.
        seed: Of the bootstrap.
    """
    n = len(doubles)
    some = _balanced(doubles, lower)
    if len(some) < ENOUGH:
        return ProxyCheck("proxy_unchecked", n)
    rho = spearman(some)
    if rho is None:
        return ProxyCheck("proxy_unchecked", n)
    low, high = _interval(some, seed)
    regret = _regret(doubles, eta)
    if rho < BAD_RHO or regret > 2 * se:
        verdict: Verdict = "proxy_broken"
    elif low > GOOD_RHO and regret <= se:
        verdict = "proxy_ok"
    else:
        verdict = "proxy_weak"
    return ProxyCheck(verdict, n, rho, low, high, kendall(some), _overlap(doubles), regret)


def _balanced(doubles: Sequence[Double], lower: int) -> list[Double]:
    """Those that the correlations rest on: not too many winners, and no more than tell more."""
    ordered = sorted(doubles)
    better, worse = ordered[: len(ordered) - lower], ordered[len(ordered) - lower :]
    return _spaced([*_spaced(better, UPPER * lower), *worse], MOST)


def _spaced(doubles: Sequence[Double], most: int) -> list[Double]:
    """At most so many of the doubles, evenly over their order."""
    count = min(most, len(doubles))
    return [doubles[i * len(doubles) // count] for i in range(count)]


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties at their middle."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in order[i : j + 1]:
            found[k] = (i + j) / 2 + 1
        i = j + 1
    return found


def spearman(pairs: Sequence[Double]) -> float | None:
    """Spearman's rank correlation; None where one side does not vary."""
    a, b = ranks([x for x, _ in pairs]), ranks([y for _, y in pairs])
    mean = (len(pairs) + 1) / 2
    top = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    below = math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))
    return top / below if below else None


def kendall(pairs: Sequence[Double]) -> float | None:
    """Kendall's rank correlation τ_b; None where one side does not vary."""
    agree, x_differ, y_differ = 0, 0, 0
    for i, (x, y) in enumerate(pairs):
        for u, v in pairs[:i]:
            a, b = (x > u) - (x < u), (y > v) - (y < v)
            agree += a * b
            x_differ += a != 0
            y_differ += b != 0
    below = math.sqrt(x_differ * y_differ)
    return agree / below if below else None


def _interval(doubles: Sequence[Double], seed: int) -> tuple[float, float]:
    """Of the rank correlation, by bootstrap."""
    rng = random.Random(f"proxy:{seed}")
    again = [spearman(rng.choices(doubles, k=len(doubles))) for _ in range(RESAMPLES)]
    found = sorted(r for r in again if r is not None)
    cut = int((1.0 - INTERVAL) / 2 * len(found))
    return found[cut], found[-1 - cut]


def _regret(doubles: Sequence[Double], eta: int) -> float:
    promoted = sorted(doubles)[: math.ceil(len(doubles) / eta)]
    best, reached = min(y for _, y in doubles), min(y for _, y in promoted)
    return 0.0 if best == reached else reached - best


def _overlap(doubles: Sequence[Double]) -> float:
    count = math.ceil(len(doubles) / 3)
    places = range(len(doubles))
    cheap = sorted(places, key=lambda i: doubles[i][0])[:count]
    dear = sorted(places, key=lambda i: doubles[i][1])[:count]
    return len(set(cheap) & set(dear)) / count
