"""Output warping: what the models see instead of raw losses.

Notation
    y      raw values, lower is better
    y*     best value seen
    s      scale: median of the trials' last values minus y*
    z      = (ln(1 + κ max(y − y*, 0)/s) − m) / v                                        (1)

The logarithm magnifies the neighbourhood of the best and makes exploding losses harmless; it
depends on ratios of differences only, so that z is the same for every positive affine map of y.
"""

from dataclasses import dataclass

import numpy as np

from danlu.surrogates.linalg import Array

DIGITS = 5  # of z: without rounding, the last bits of another unit change a search in the end
HIGHEST = 50.0  # logarithm beyond which a prediction need not be told
CEILING = 1e6  # ratio at which the loss of a diverged run is cut


@dataclass(frozen=True)
class Warp:
    """The map of eq. 1; made by `fit_warp`."""

    best: float
    scale: float
    steepness: float
    mean: float = 0.0
    sd: float = 1.0

    def __call__(self, y: Array) -> Array:
        with np.errstate(over="ignore"):  # the ceiling takes care of it
            ratio = self.steepness * np.maximum(np.asarray(y, float) - self.best, 0.0) / self.scale
        warped = np.log1p(np.minimum(ratio, CEILING))
        return np.round((warped - self.mean) / self.sd, DIGITS)

    def inverse(self, z: Array) -> Array:
        """Raw values of warped ones; an improvement comes back as at most a share of the scale."""
        ratio = np.expm1(np.minimum(np.asarray(z, float) * self.sd + self.mean, HIGHEST))
        return self.best + ratio * self.scale / self.steepness


def fit_warp(last: Array, best: float, steepness: float) -> Warp:
    """The warp that makes the trials' last values standardised.

    Args:
        last: Last finite value of each trial, (n,), n ≥ 1.
        best: Best value of all, at any epoch.
        steepness: κ; larger values magnify the neighbourhood of the best more.
    """
    scale = float(np.median(last)) - best
    if not scale > 0:
        scale = float(np.subtract(*np.percentile(last, [75, 25])))
    if not scale > 0:
        scale = float(np.max(last)) - best
    raw = Warp(best, scale if scale > 0 else 1.0, steepness)
    z = raw(last)
    sd = float(z.std())
    return Warp(best, raw.scale, steepness, float(z.mean()), sd if sd > 1e-9 else 1.0)
