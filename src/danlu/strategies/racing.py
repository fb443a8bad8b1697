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

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from danlu.strategies.ends import EARLY
from danlu.strategies.evidence import Curve
from danlu.strategies.tracks import grown
from danlu.surrogates.linalg import Array

LONG = 3  # trials, the longest of the early ones, that tell how far losses fall
TO_SD = 1.4826  # a median absolute deviation as a standard deviation
STEEP = 2.2  # spreads of the trials at the first slice that losses of long ones fell
CLOSE = 4.0  # times that losses are farther from the best than where they will come to
STEP = 1.5  # factor between the epochs at which falls are looked at
ENOUGH = 6  # trials at a rung, so that they tell which new configs to try
ETA = 3  # of those at a rung, one in so many goes on


def fall_alike(curves: Sequence[Curve]) -> bool:
    """Whether losses fall far more than configs differ, by what was seen so far.

    They do if the longest trials fell by more than configs differed at the first slice, and what
    is left between the ends, as far as can be told, is little of what is to come. Where most have
    the same loss at first, they may not have begun to learn: that says nothing.
    """
    seen = [c for c in curves[:EARLY] if c.epochs and not c.failed]
    if len(seen) <= LONG:
        return False
    first = min(c.epoch for c in seen)
    early = np.array([_loss_at(c, first) for c in seen])
    spread = TO_SD * float(np.median(np.abs(early - np.median(early))))
    longest = sorted(seen, key=lambda c: -c.epoch)[:LONG]
    fell = float(np.median([_loss_at(c, first) - c.best for c in longest]))
    return 0.0 < STEEP * spread < fell and _ends_are_close(seen, first)


def _loss_at(curve: Curve, epoch: int) -> float:
    """The last loss up to an epoch, or the first that there is."""
    return curve.losses[max(bisect_right(curve.epochs, epoch) - 1, 0)]


def _ends_are_close(curves: Sequence[Curve], first: int) -> bool:
    """Whether trials, carried on as the losses of others fell, would come close to each other.

    What losses are above the best shrinks from one epoch of a ladder to the next by the median
    factor of those trials that saw both, if these are enough.
    """
    best = min(c.best for c in curves)
    ladder = _ladder(first, max(c.epoch for c in curves))
    above = [[_loss_at(c, e) - best for e in ladder if e <= c.epoch] for c in curves]
    left = _shrinking(above, len(ladder))
    now = float(np.median([known[-1] for known in above]))
    ends = float(np.median([known[-1] * left[len(known) - 1] for known in above]))
    return now > CLOSE * ends


def _ladder(first: int, last: int) -> list[int]:
    epochs = [first]
    while (following := grown(epochs[-1], STEP)) <= last:
        epochs.append(following)
    return epochs


def _shrinking(above: Sequence[Sequence[float]], steps: int) -> Array:
    """By what factor losses above the best shrink from each step to the last that is known."""
    left = np.ones(steps)
    for k in range(steps - 2, -1, -1):
        factors = [
            known[k + 1] / known[k] for known in above if len(known) > k + 1 and known[k] > 0
        ]
        if len(factors) >= LONG:
            left[k] = float(np.median(factors)) * left[k + 1]
    return left


def at_highest(rungs: Sequence[int], curves: Sequence[Curve]) -> tuple[int, list[Curve]]:
    """The highest rung that enough trials have reached, and their curves up to it.

    Failed trials and those on their way there are among them; of no rung it is (0, []).
    """
    for rung in reversed(rungs):
        reached = [_until(c, rung) for c in curves if c.failed or max(c.epoch, c.until) >= rung]
        if sum(c.ended for c in reached) >= ENOUGH:
            return rung, reached
    return 0, []


def _until(curve: Curve, rung: int) -> Curve:
    """A curve as it was at a rung; one that is on its way there has no value yet."""
    if curve.failed:
        return curve
    if curve.epoch < rung:
        return replace(curve, epochs=(), losses=(), times=())
    k = bisect_right(curve.epochs, rung)
    return replace(
        curve, epochs=curve.epochs[:k], losses=curve.losses[:k], times=curve.times[:k], until=0
    )
