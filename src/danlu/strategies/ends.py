"""The search by final values that most of the budget goes to, once curves have shown the way.

Short first slices find the good regions at a small price. Which config of a good region is best
they cannot tell: slices of good configs look alike, and what a curve model expects of their ends
is wrong by more than they differ. So from a few full trainings on most of the budget is a
search of its own, as `danlu.strategies.bayes` does it: the first configs of the study are
trained to their end, best first, and then those that a Gaussian process over final values chooses,
each trained whole. Where all of the first stand still while others learn, a config that is better
unfinished comes instead: curves or advice may find regions that the process does not know. The
rest of the budget goes on as before, so that a small budget and late surprises lose nothing.

The process rests on the configs of this search, and on others only if none of its first learned.
With all ends that freeze-thaw search reached, or with predicted ones, it was worse: they crowd
around one config. Where shares of the data are climbed, and nothing resumes, it brought nothing,
and is left out. T is the length of a full training.

Measured on the public curves: docs/why/search.md.
"""

import math
from statistics import median

import numpy as np

from danlu.core.history import History
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve
from danlu.strategies.trust import VISIBLE, trust

SINCE = 3.0  # full trainings that are spent by curves alone
LATE = 12.0  # … where too little is known of the parameters
SHARE = 0.9  # of what is spent after them, for the search by final values
FIRST = 5  # configs of the study that it begins with
KNOWN = 0.5  # share of the parameters of which something is known, times trust in it
LEAST = 4  # final values before they decide
EARLY = 64  # the first configs, hardly chosen yet, that tell how losses fall on this task


def owes(encoding: Encoding, history: History, curves: list[Curve]) -> bool:
    """Whether the search by final values has had less than its share.

    Never while too few configs were begun on all the data, nor where configs break constraints: a
    slice tells which do, for less. Later where nothing is known of the parameters, or what is
    known is contradicted: then the first configs are any configs, and dozens of slices find better
    ones for the price of one of them.
    """
    if len(curves) < FIRST or not all(c.feasible for c in curves):
        return False
    T = history.spec.epochs
    known = float(np.mean([a.centre is not None for a in encoding.axes])) * trust(encoding, curves)
    since = SINCE if known >= KNOWN else LATE
    spent = sum(max(c.epoch, c.until) for c in _its_own(T, curves)) / T
    return spent < SHARE * (history.trainings + history.committed - since)


def to_finish(T: int, curves: list[Curve]) -> Curve | None:
    """The config that has still to be trained to its end: the best of the first ones.

    Where all of these stand still while others learn, one that is better unfinished than what
    ended: curves, or advice, have found what the process does not know of.
    """
    able = curves[:FIRST]
    if _none_learned(curves):
        best = min((c.merit for c in _its_own(T, curves) if c.epoch >= T), default=math.inf)
        able = [c for c in curves if c.merit < best and not _stands_still(c, curves)]
    able = [c for c in able if c.paused and c.epoch < T]
    return min(able, key=lambda c: (c.merit, c.number), default=None)


def _none_learned(curves: list[Curve]) -> bool:
    """Whether all of the first configs stand still, or failed."""
    return all(c.failed or _stands_still(c, curves) for c in curves[:FIRST])


def _stands_still(curve: Curve, curves: list[Curve]) -> bool:
    """Whether it has not begun to learn, where another one had at its length."""
    early = [c for c in curves[:EARLY] if c.epochs and c.epochs[0] <= curve.epoch]
    if not early:
        return False
    start = median(c.losses[0] for c in early)
    learned = start - VISIBLE * abs(start)
    return curve.best >= learned > min(_until(c, curve.epoch) for c in early)


def _until(curve: Curve, epoch: int) -> float:
    """Its lowest loss up to an epoch."""
    return min(v for e, v in zip(curve.epochs, curve.losses, strict=True) if e <= epoch)


def final_values(T: int, curves: list[Curve]) -> list[Curve]:
    """The configs that the process rests on, those that run or failed with them.

    Empty while too few of them have ended.
    """
    own = _its_own(T, curves)
    return own if sum(c.epoch >= T for c in own) >= LEAST else []


def _its_own(T: int, curves: list[Curve]) -> list[Curve]:
    """The configs of this search.

    The first as far as they were trained to the end or failed, and all that were begun whole; also
    all others that ended where none of the first has learned.
    """
    first = [c for c in curves[:FIRST] if c.failed or max(c.epoch, c.until, c.aim) >= T]
    lost = _none_learned(curves)
    return [*first, *(c for c in curves[FIRST:] if c.aim >= T or (lost and c.epoch >= T))]
