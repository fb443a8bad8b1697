"""How a learning curve runs: a low-rank trend plus a residual, compressed to three statistics.

Notation
    T      horizon, the epochs of a full training
    e      epochs, 1..T;  τ(e) = ln e / ln T in [0, 1]
    g_a(e) = (e^−a − T^−a) / (1 − T^−a): falls from 1 at the first epoch to 0 at T
    φ(e)   = (1, g_½, g_2): its first weight is the value at T, the second the slow way there,
           the third the drop of the first epochs                                           (1)
    w      the curve's weights, (r,)
    D      covariance of the residual, in units of s²:
           D(e, e') = ρ exp(−|τ − τ'|/0.4) + (1 − ρ) [e = e']                              (2)
    z(e)   = φ(e)ᵀ w + residual                                                            (3)
    A, b   = Φᵀ D⁻¹ Φ, (r, r), and Φᵀ D⁻¹ z, (r,):  all that z says about w                (4)
    q, ld  = zᵀ D⁻¹ z and ln|D|

A, ld and the factors of D depend on the epochs only, so they are kept from one decision to the
next; a curve of any length costs what its three statistics cost.  The Ornstein–Uhlenbeck part of
D keeps a long curve from looking like that much independent evidence.

Power laws of the epoch are how losses usually fall (Kadra et al., Scaling Laws for Hyperparameter
Optimization, 2023). On ragged curves of 14 public tables they predict the last value with half
the error of a parabola in ln e, which bends upwards after a steep first epoch.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from danlu.surrogates.linalg import Array, log_det, lower_cholesky, solve_lower

RANK = 3
AUTOCORRELATED = 0.95  # ρ
CORRELATION_LENGTH = 0.4  # in units of τ
POWERS = (0.5, 2.0)
DENSE_EPOCHS = 10  # a curve is kept whole up to here …
KEPT_EPOCHS = 12  # … and beyond at this many geometric epochs and the last two


@dataclass(frozen=True)
class Horizon:
    """The length of a full training, and what follows from it."""

    epochs: int

    def tau(self, e: Array) -> Array:
        """Position on the logarithmic axis of time, 0 at the first epoch, 1 at the last."""
        if self.epochs == 1:
            return np.ones(np.shape(e))
        return np.asarray(np.log(np.asarray(e, float)) / math.log(self.epochs))

    def basis(self, e: Array) -> Array:
        """Eq. 1, (m,) -> (m, r)."""
        e, T = np.asarray(e, float), float(self.epochs)
        if self.epochs == 1:
            return np.stack([np.ones_like(e), *(np.zeros_like(e) for _ in POWERS)], -1)
        falls = [(e**-a - T**-a) / (1.0 - T**-a) for a in POWERS]
        return np.stack([np.ones_like(e), *falls], -1)

    def correlated(self, a: Array, b: Array) -> Array:
        """The autocorrelated part of eq. 2, (m,), (k,) -> (m, k)."""
        gap = np.abs(self.tau(a)[:, None] - self.tau(b)[None, :])
        return np.asarray(AUTOCORRELATED * np.exp(-gap / CORRELATION_LENGTH))


def thinned(epochs: tuple[int, ...]) -> tuple[int, ...]:
    """Indices of the epochs that are kept of a curve: all of a short one, about 14 of a long."""
    n = len(epochs)
    if n <= DENSE_EPOCHS:
        return tuple(range(n))
    geometric = np.round(np.geomspace(1, n, KEPT_EPOCHS)).astype(int) - 1
    return tuple(sorted({*geometric.tolist(), n - 2, n - 1}))


@dataclass(frozen=True)
class Observed:
    """What a set of observed epochs implies, whatever the values: parts of eq. 4."""

    epochs: Array  # the kept epochs, (k,)
    kept: tuple[int, ...]  # their places in the curve
    L: Array  # Cholesky factor of D, (k, k)
    whitening: Array  # L⁻¹, (k, k)
    U: Array  # L⁻¹ Φ, (k, r)
    A: Array  # (r, r)
    log_det: float


@lru_cache(maxsize=4096)
def observed(horizon: Horizon, epochs: tuple[int, ...]) -> Observed:
    """The value-free statistics of a curve seen at ``epochs`` (ascending)."""
    kept = thinned(epochs)
    e = np.array([epochs[i] for i in kept], float)
    D = horizon.correlated(e, e)
    D[np.diag_indices(len(e))] += 1.0 - AUTOCORRELATED
    L = lower_cholesky(D)
    whitening = solve_lower(L, np.eye(len(e)))
    U = whitening @ horizon.basis(e)
    return Observed(e, kept, L, whitening, U, U.T @ U, log_det(L))


@dataclass(frozen=True)
class Ahead:
    """How a curve seen at some epochs reaches another: z(e*) = trendᵀ w + carryᵀ z + noise."""

    trend: Array  # (r,)
    carry: Array  # (k,)
    variance: float  # of the noise, in units of s²


@lru_cache(maxsize=65536)
def ahead(horizon: Horizon, epochs: tuple[int, ...], target: int) -> Ahead:
    """The conditional of the residual at ``target`` given those at ``epochs``."""
    seen = observed(horizon, epochs)
    t = np.array([target], float)
    d = solve_lower(seen.L, horizon.correlated(seen.epochs, t)[:, 0])
    trend = horizon.basis(t)[0] - seen.U.T @ d
    variance = max(AUTOCORRELATED - float(d @ d), 1e-10)
    return Ahead(trend, solve_lower(seen.L, d, transposed=True), variance)


@dataclass(frozen=True)
class Statistics:
    """Eq. 4 for n curves."""

    A: Array  # (n, r, r)
    b: Array  # (n, r)
    q: float  # summed over curves
    log_det: float
    points: int


def statistics(horizon: Horizon, epochs: list[tuple[int, ...]], values: list[Array]) -> Statistics:
    """Compress curves; ``values`` are the whole curves, at the epochs given."""
    A, b = np.empty((len(epochs), RANK, RANK)), np.empty((len(epochs), RANK))
    q, ld, points = 0.0, 0.0, 0
    for i, (e, z) in enumerate(zip(epochs, values, strict=True)):
        seen = observed(horizon, e)
        v = seen.whitening @ z[list(seen.kept)]
        A[i], b[i] = seen.A, seen.U.T @ v
        q += float(v @ v)
        ld += seen.log_det
        points += len(v)
    return Statistics(A, b, q, ld, points)
