"""What unfinished trials would come to if their losses fell as those of others did."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from danlu.strategies.evidence import Curve
from danlu.surrogates.linalg import Array

LEAST = 3  # trials that tell how losses fall from one epoch to the next


def levelled(curves: Sequence[Curve], best: float) -> Array:
    """The last value of each trial, carried on to the longest common epoch, (n,).

    What losses are above the best falls from one epoch to the next by the median factor of those
    trials that saw both.
    """
    steps: dict[tuple[int, int], list[float]] = defaultdict(list)
    for c in curves:
        for (a, y), (b, z) in pairwise(zip(c.epochs, c.losses, strict=True)):
            if y > best:
                steps[a, b].append((z - best) / (y - best))
    falls: dict[int, tuple[int, float]] = {}
    for (a, b), kept in steps.items():
        if len(kept) >= LEAST and (a not in falls or b < falls[a][0]):
            falls[a] = (b, float(np.median(kept)))
    left: dict[int, float] = {}
    for a in sorted(falls, reverse=True):
        b, kept_share = falls[a]
        left[a] = kept_share * left.get(b, 1.0)
    return np.array([best + (c.last - best) * left.get(c.epoch, 1.0) for c in curves])
