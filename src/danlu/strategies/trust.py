"""How far the search believes what experts expect, given what was seen.

Expectations can be wrong: a default in another unit, a task unlike any other. They are therefore
tested on every trial: if they are right, configs where much is expected tend to have lower losses.

Notation
    p      log density of the expected distribution at a config
    y      loss of a config at the first epoch at which all were evaluated
    τ      Kendall's rank correlation of p and −y over n trials                              (1)
    z      = τ / √(2 (2n + 5) / (9 n (n − 1))), standard normal if p tells nothing about y   (2)
    trust  = Φ(BENEFIT (1 + z)): nearly 1 in advance, ½ at z = −1                            (3)

Ranks say nothing as long as no config learns: then all losses are those of a network that guesses,
and what experts expect of such a task is wrong, whatever their order. So trust is 0 once a few
configs were tried and no loss lies visibly below where they began.
"""

import math
from collections.abc import Sequence
from statistics import median

import numpy as np
from scipy.special import ndtr

from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve
from danlu.surrogates.linalg import Array

BENEFIT = 1.5  # of the doubt: eq. 3 without evidence is 0.93
LEAST_TRIED = 8  # configs after which nothing learned speaks against what was expected
VISIBLE = 0.02  # of the loss at which configs begin: a gain that shows that one learns
MOST_ASKED = 64  # trials that the test looks at, the first: they were spread widely


def trust(encoding: Encoding, curves: Sequence[Curve]) -> float:
    """How far to follow what experts expect: 1 wholly, 0 not at all (eq. 3)."""
    asked = [c for c in curves if c.epochs or c.failed][:MOST_ASKED]
    n = len(asked)
    if n < 2:
        return 1.0
    if n >= LEAST_TRIED and not learned(asked):
        return 0.0
    expected = encoding.log_prior(encoding.place([c.config for c in asked]))
    losses = _at_first_epoch(asked)
    agree = np.sign(expected[:, None] - expected[None, :]) * (
        (losses[:, None] < losses[None, :]).astype(float) - (losses[:, None] > losses[None, :])
    )
    tau = float(agree.sum()) / (n * (n - 1))
    z = tau / math.sqrt(2.0 * (2 * n + 5) / (9.0 * n * (n - 1)))
    return float(ndtr(BENEFIT * (1.0 + z)))


def learned(curves: Sequence[Curve]) -> bool:
    """Whether any loss lies visibly below where configs begin."""
    moved = [c for c in curves if c.losses]
    if not moved:
        return False
    start = median(c.losses[0] for c in moved)
    return min(c.best for c in moved) < start - VISIBLE * abs(start)


def _at_first_epoch(curves: Sequence[Curve]) -> Array:
    """Each loss where all curves can be compared; infinite for failures."""
    first = max((c.epochs[0] for c in curves if c.epochs), default=0)
    return np.array([math.inf if c.failed else _until(c, first) for c in curves])


def _until(curve: Curve, epoch: int) -> float:
    """The last loss up to an epoch that is not before the curve's first."""
    known = [loss for e, loss in zip(curve.epochs, curve.losses, strict=True) if e <= epoch]
    return known[-1] if known else curve.losses[0]
