"""Racing at equal epochs, for trainings whose losses fall far more than configs differ.

Where a schedule lowers the learning rate to the end, or all configs of a narrowed range are good,
a loss falls by many times what the ends of configs differ by. A model of whole curves cannot tell
the ends of such from their beginnings: it sees the fall. What compares configs then are losses at
equal epochs: the best third of a rung goes on to the next, as in successive halving, and new
configs are chosen by a Gaussian process over the losses at the highest rung that enough have
reached.

Sources: Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020 (asynchronous
successive halving); Klein et al., Model-based Asynchronous Hyperparameter and Neural Architecture
Search, 2020 (with a model).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from danlu.strategies.evidence import Curve
from danlu.surrogates.linalg import Array

TO_SD = 1.4826  # a median absolute deviation as a standard deviation
STEEP = 2.2  # spreads of all trials at the first slice that losses of long trials fell
CLOSE = 4.0  # times that losses are farther from the best than where they will come to
LONG = 3  # trials, the longest, that tell how far losses fall
ETA = 3  # of those at a rung, one in so many goes on


def fall_alike(curves: Sequence[Curve]) -> bool:
    """Whether losses fall far more than configs differ, by what was seen so far.

    They do if the longest trials fell by more than configs differed at the first slice, and what
    is left between the ends, as far as can be told, is little of what is to come.
    """
    seen = [c for c in curves if c.epochs and not c.failed]
    if len(seen) <= LONG:
        return False
    first = min(c.epoch for c in seen)
    at_first = np.array([_lowest(c, first) for c in seen])
    spread = TO_SD * float(np.median(np.abs(at_first - np.median(at_first))))
    longest = sorted(seen, key=lambda c: -c.epoch)[:LONG]
    fell = float(np.median([_lowest(c, first) - c.best for c in longest]))
    return fell > STEEP * spread and _ends_are_close(seen)


def _lowest(curve: Curve, epoch: int) -> float:
    """The lowest loss up to an epoch; infinite where the first report came later."""
    known = zip(curve.epochs, curve.losses, strict=True)
    return min((y for e, y in known if e <= epoch), default=math.inf)


def _ends_are_close(curves: Sequence[Curve]) -> bool:
    best = min(c.best for c in curves)
    now = float(np.median([c.last for c in curves])) - best
    return now > CLOSE * (float(np.median(_levelled(curves, best))) - best)


def _levelled(curves: Sequence[Curve], best: float) -> Array:
    """The last value of each trial, carried on to the longest common epoch, (n,).

    What losses are above the best shrinks from one epoch to the next by the median factor of those
    trials that saw both.
    """
    steps: dict[tuple[int, int], list[float]] = defaultdict(list)
    for c in curves:
        for (a, y), (b, z) in pairwise(zip(c.epochs, c.losses, strict=True)):
            if y > best:
                steps[a, b].append((z - best) / (y - best))
    left: dict[int, float] = {}
    for (a, b), kept in sorted(steps.items(), reverse=True):
        if len(kept) >= LONG:
            left[a] = float(np.median(kept)) * left.get(b, 1.0)
    return np.array([best + (c.last - best) * left.get(c.epoch, 1.0) for c in curves])


def at_highest(rungs: Sequence[int], curves: Sequence[Curve], least: int) -> list[Curve]:
    """The curves up to the highest rung that ``least`` of them have reached."""
    for rung in reversed(rungs):
        reached = [_until(c, rung) for c in curves if c.failed or max(c.epoch, c.until) >= rung]
        if sum(c.ended for c in reached) >= least:
            return reached
    return []


def _until(curve: Curve, rung: int) -> Curve:
    """A curve as it was at a rung; one that is on its way there has no value yet."""
    if curve.failed:
        return curve
    if curve.epoch < rung:
        return replace(curve, epochs=(), losses=(), times=())
    k = sum(e <= rung for e in curve.epochs)
    return replace(
        curve, epochs=curve.epochs[:k], losses=curve.losses[:k], times=curve.times[:k], until=0
    )
