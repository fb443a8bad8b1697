"""Several losses as one: the augmented Chebyshev scalarisation.

Notation
    Y     losses of k objectives, (n, k)
    Z     = (Y − ideal) / span, (n, k): 0 at the best of each objective, 1 at the front's worst
    w     weights of the objectives, (k,), sum 1
    g     = max_j w_j Z_j + ρ Σ_j w_j Z_j                                                 (1)

Each point of the Pareto set minimises g for some w, also where the front is not convex, which no
weighted sum achieves; the small sum keeps points off the front that are worse in one objective
and equal in the others.
Source: Knowles, ParEGO, 2006, eq. 2.
"""

from dataclasses import dataclass

import numpy as np

from danlu.core.pareto import non_dominated
from danlu.surrogates.linalg import Array

RHO = 0.05  # as in the source
LEAST_FRONT = 3  # points of the front from which its own ranges are trusted
TYPICAL = 0.75  # quantile of all that was seen, which stands for the front's worst before that


@dataclass(frozen=True)
class Scale:
    """What makes losses of different units comparable.

    Attributes:
        ideal: The best value of each objective, (k,).
        span: From there to the worst value on the front, (k,); positive.
    """

    ideal: Array
    span: Array

    def scalarised(self, Y: Array, w: Array) -> Array:
        """The scalarised losses (eq. 1), (n,)."""
        Z = w * (Y - self.ideal) / self.span
        return np.asarray(Z.max(1) + RHO * Z.sum(1)) if len(Z) else np.empty(0)


def scale_of(Y: Array) -> Scale:
    """The scale of what was seen: at least one row of losses.

    It is the box around the front: points far off it, however bad, do not change what counts.
    """
    front = Y[non_dominated([tuple(row) for row in Y.tolist()])]
    ideal = Y.min(0)
    worst = np.quantile(Y, TYPICAL, axis=0)
    if len(front) >= LEAST_FRONT:
        worst = front.max(0)
    span = np.where(worst > ideal, worst - ideal, np.ptp(Y, 0))
    return Scale(ideal, np.where(span > 0, span, 1.0))
