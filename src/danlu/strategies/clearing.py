"""Leaving a local optimum: some decisions look away from the best configs and their surroundings.

Expected improvement is greedy. Beside a good config there is always a little to gain, so that a
search can spend all it has on near copies of it. When the best has hardly moved for a while, each
decision therefore draws how many of the best regions it clears away: none half of the time, the
best one a quarter of the time, the two best an eighth, and so on. What is left is searched as if
the cleared regions did not exist, by short slices as everywhere, so that the second and third best
regions are refined until they overtake the first or are exhausted too.

Source: Pétrowski, A Clearing Procedure as a Niching Method for Genetic Algorithms, 1996.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve
from danlu.strategies.outlook import Outlook
from danlu.strategies.search import rows_of
from danlu.surrogates.gp import expected_lengthscales
from danlu.surrogates.kernels import scaled, squared_distances
from danlu.surrogates.linalg import Array, Bools

RADIUS = 0.7  # of a cleared region, in expected lengthscales; 0.7 correlation at its border
PATIENCE = 2.0  # full trainings without progress before regions are cleared
PROGRESS = 0.05  # of the distance from the median trial to the best; less is none
CLEARED_AGAIN = 0.5  # probability that one more region is cleared
LEAST_LEFT = 3  # trials outside the cleared regions, else the last one stays


@dataclass(frozen=True)
class View:
    """What one decision looks at.

    Attributes:
        rows: Which curves of the outlook count, (n,).
        best: The best value among them, warped: what is to be improved on.
        centres: Centres of the cleared regions in expected lengthscales, (k, p).
        still: Whether the best stands still.
    """

    encoding: Encoding
    rows: Bools
    best: float
    centres: Array
    still: bool = False

    def hides(self, X: Array) -> Bools:
        """Which encoded configs lie in a cleared region, (n, p) -> (n,)."""
        if not len(self.centres):
            return np.zeros(len(X), bool)
        near = squared_distances(_in_lengthscales(X, self.encoding), self.centres)
        return np.asarray((near <= RADIUS**2).any(1))


def everything(outlook: Outlook) -> View:
    """The view that clears nothing."""
    everywhere = np.ones(len(outlook.curves), bool)
    return View(outlook.encoding, everywhere, outlook.best, np.empty((0, 0)))


def view(outlook: Outlook, curves: Sequence[Curve], rng: np.random.Generator) -> View:
    """What the next decision looks at, given all curves of the study."""
    whole = everything(outlook)
    if _since_progress(outlook, curves) < PATIENCE:
        return whole
    whole = replace(whole, still=True)
    wanted = int(rng.geometric(1.0 - CLEARED_AGAIN)) - 1
    A = _in_lengthscales(rows_of(outlook.encoding, outlook.curves), outlook.encoding)
    merits = np.array([c.merit if c.epochs and not c.failed else np.inf for c in outlook.curves])
    rows, centres = whole.rows, []
    for _ in range(wanted):
        best = int(np.argmin(np.where(rows, merits, np.inf)))
        outside = rows & (squared_distances(A, A[[best]])[:, 0] > RADIUS**2)
        if int(np.isfinite(merits[outside]).sum()) < LEAST_LEFT:
            break
        rows = outside
        centres.append(best)
    if not centres:
        return whole
    goal = float(outlook.warp(np.array([merits[rows].min()]))[0])
    return View(outlook.encoding, rows, goal, A[centres], still=True)


def _since_progress(outlook: Outlook, curves: Sequence[Curve]) -> float:
    """Full trainings since the best was clearly worse than it is now."""
    near = outlook.warp.best + PROGRESS * outlook.warp.scale
    reached = [
        next(t for t, loss in zip(c.times, c.losses, strict=True) if loss <= near)
        for c in curves
        if c.epochs and c.merit <= near
    ]
    if not reached:
        return 0.0
    since = min(reached)
    return sum(_trained(c, since) for c in curves) / outlook.horizon.epochs


def _trained(curve: Curve, since: float) -> int:
    """Epochs of a curve that were trained after a time."""
    k = bisect_right(curve.times, since)
    return curve.epoch - curve.epochs[k - 1] if k else curve.epoch


def _in_lengthscales(X: Array, encoding: Encoding) -> Array:
    return scaled(X, expected_lengthscales(encoding.ell), encoding.group)
