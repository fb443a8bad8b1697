"""Freeze-thaw Gaussian process: the curves of all configs in one exact low-rank model.

Notation (with that of `curves`)
    X      encoded configs, (n, p);  K̃ = M(X, X) + κ I + c 11ᵀ: similar configs have similar
           curves, each has its own deviation κ, and c integrates the common curve out
    B      = Λ Λᵀ, (r, r): how the weights vary together over configs
    w      all weights, (n r,);  prior covariance K = K̃ ⊗ B = Lc Lcᵀ                        (1)
    A, b   block-diagonal statistics over s², (n r, n r), and stacked ones, (n r,)
    N      = I + Lcᵀ A Lc = Ln Lnᵀ                                                         (2)
    mean   = Lc N⁻¹ Lcᵀ b;   alpha = b − A mean;   P = A − A Lc N⁻¹ Lcᵀ A                   (3)
    NLL    = ½ (q/s² − bᵀ mean) + ½ (Σ ld + n_obs ln s²) + ½ ln|N|                          (4)
    theta  = (ln ell, lower triangle of Λ, ln κ, ln s²), (d + 8,)

Gradients, with G = alpha alphaᵀ − P as (n, r, n, r), H_ij = Σ_ab B_ab G_iajb,
S_ab = Σ_ij K̃_ij G_iajb:
    ∂/∂ln ell_k = −½ Σ_ij H_ij ∂M_ij/∂ln ell_k;   ∂/∂Λ = −½ (S + Sᵀ) Λ, lower part;
    ∂/∂ln κ = −½ κ tr H;   ∂/∂ln s² = ½ (n_obs − RSS/s² − tr(A Lc N⁻¹ Lcᵀ))                 (5)

Prediction at e*: a new config has mean (k* ⊗ φᵀB) alpha and variance
(1 + κ + c) φᵀBφ − (k* ⊗ φᵀB) P (…)ᵀ + ρ s²; a seen one takes the trend, carry and variance of
`ahead` in place of φ, 0 and ρ.                                                             (6)

Sources: Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization, 2014, for curves that are
independent given their asymptotes; Lin et al., 2024, for kernels over configs times epochs.
"""

import json
import math
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from danlu.surrogates.curves import (
    AUTOCORRELATED,
    RANK,
    Horizon,
    Statistics,
    ahead,
    observed,
    statistics,
)
from danlu.surrogates.gp import BOUNDS_ELL, MEAN_VARIANCE
from danlu.surrogates.kernels import (
    SQRT5,
    matern52,
    matern52_between,
    scaled,
    squared_distances,
    weighted_lengthscale_gradient,
)
from danlu.surrogates.linalg import Array, Ints, lower_cholesky, solve_lower
from danlu.surrogates.posterior import GPPrior, fit_theta

LEARNED = json.loads(
    files("danlu.surrogates").joinpath("learned.json").read_text(encoding="utf-8")
)
# Centres and widths of Λ (row by row), ln κ and ln s²: medians and deviations of fits to sets of
# ragged curves from public tables. Centred at zero the model decides that all curves end alike.
CURVE_CENTRE = np.array(LEARNED["centre"])
CURVE_WIDTH = np.array(LEARNED["width"])
INTERVAL = float(LEARNED["interval"])  # by which predicted intervals have to be wider
MEDIAN_ELL = 1.22  # at seven parameters
TRIANGLE = np.tril_indices(RANK)
EXTRA = len(CURVE_CENTRE)
BOUNDS_EXTRA = [(-4.0, 4.0)] * len(TRIANGLE[0]) + [(-7.0, 1.0), (-9.0, 0.0)]


def curve_prior(factor: Array, *, ell_width: float = 0.5) -> GPPrior:
    """Prior over theta for d parameters; ``factor`` as in `gp_prior`."""
    ell = math.log(MEDIAN_ELL * math.sqrt(max(len(factor), 1) / 7.0)) + np.log(factor)
    width = np.r_[np.full(len(factor), ell_width), CURVE_WIDTH]
    return GPPrior(np.r_[ell, CURVE_CENTRE], width)


@dataclass(frozen=True)
class _Parts:
    """Everything that eqs. 3 to 5 share."""

    value: float  # eq. 4
    A: Array
    S: Array
    lam: Array
    B: Array
    K: Array
    kappa: float
    s2: float
    Lc: Array
    Ln: Array
    V: Array
    mean: Array
    alpha: Array
    P: Array


def _parts(theta: Array, X: Array, group: Ints, stats: Statistics) -> _Parts:
    n, r, d = len(X), RANK, len(theta) - EXTRA
    lam = np.zeros((r, r))
    lam[TRIANGLE] = theta[d:-2]
    kappa, s2 = math.exp(theta[-2]), math.exp(theta[-1])
    B: Array = lam @ lam.T + 1e-8 * np.eye(r)
    A = scaled(X, np.exp(theta[:d]), group)
    S = SQRT5 * np.sqrt(squared_distances(A, A))
    K = matern52(S) + MEAN_VARIANCE
    K[np.diag_indices(n)] += kappa
    # The factor of a Kronecker product is the product of the factors.
    Lc = np.asarray(np.kron(lower_cholesky(K), lower_cholesky(B)), float)
    As, b = stats.A / s2, stats.b.ravel() / s2
    AL = np.matmul(As, Lc.reshape(n, r, n * r)).reshape(n * r, n * r)
    N = Lc.T @ AL
    N[np.diag_indices(n * r)] += 1.0
    Ln = lower_cholesky(N)
    u = solve_lower(Ln, Lc.T @ b)
    mean = Lc @ solve_lower(Ln, u, transposed=True)
    V = solve_lower(Ln, AL.T)
    P = -(V.T @ V)
    blocks = P.reshape(n, r, n, r)
    i = np.arange(n)
    blocks[i, :, i, :] += As
    alpha = b - np.einsum("nij,nj->ni", As, mean.reshape(n, r)).ravel()
    value = (
        0.5 * (stats.q / s2 - float(u @ u))
        + 0.5 * (stats.log_det + stats.points * theta[-1])
        + float(np.log(np.diagonal(Ln)).sum())
    )
    return _Parts(float(value), A, S, lam, B, K, kappa, s2, Lc, Ln, V, mean, alpha, P)


def negative_log_posterior(
    theta: Array, X: Array, group: Ints, stats: Statistics, prior: GPPrior
) -> tuple[float, Array]:
    """Eq. 4 plus the negative log prior, and its gradient (eq. 5)."""
    p = _parts(theta, X, group, stats)
    n, r, d = len(X), RANK, len(theta) - EXTRA
    G = (np.outer(p.alpha, p.alpha) - p.P).reshape(n, r, n, r)
    H = np.tensordot(G, p.B, axes=([1, 3], [0, 1]))
    T = np.tensordot(G, p.K, axes=([0, 2], [0, 1]))
    w = p.mean.reshape(n, r)
    rss = stats.q - 2.0 * float((stats.b * w).sum())
    rss += float(np.einsum("ni,nij,nj->", w, stats.A, w))
    trace = float((p.V * solve_lower(p.Ln, p.Lc.T)).sum())
    gradient = np.empty_like(theta)
    gradient[:d] = -0.5 * weighted_lengthscale_gradient(H, p.S, p.A, group, d)
    gradient[d:-2] = (-0.5 * (T + T.T) @ p.lam)[TRIANGLE]
    gradient[-2] = -0.5 * p.kappa * float(np.trace(H))
    gradient[-1] = 0.5 * (stats.points - rss / p.s2 - trace)
    off = (theta - prior.centre) / prior.width
    return p.value + 0.5 * float(off @ off), gradient + off / prior.width


def fit_curve_gp(
    X: Array, group: Ints, stats: Statistics, prior: GPPrior, *, steps: int = 25
) -> Array:
    """Theta of highest posterior, from the prior's centre; the centre itself if that fails."""
    bounds = [BOUNDS_ELL] * (len(prior.centre) - EXTRA) + BOUNDS_EXTRA
    return fit_theta(negative_log_posterior, (X, group, stats, prior), prior, bounds, steps)


@dataclass(frozen=True)
class CurveGP:
    """The process conditioned on curves; made by `condition_curve_gp`."""

    horizon: Horizon
    epochs: list[tuple[int, ...]]
    values: list[Array]
    theta: Array
    group: Ints
    A: Array  # configs in units of their lengthscales, (n, p)
    B: Array
    K: Array  # K̃, (n, n)
    kappa: float
    s2: float
    alpha: Array
    P: Array

    def predict_new(self, X: Array, epoch: int, *, own: bool = True) -> tuple[Array, Array]:
        """Mean and variance at an epoch of configs never trained, (m, p) -> (m,), (m,).

        Without ``own`` the variance leaves out what nearby configs cannot tell: each config's
        own deviation and noise.

        One epoch for all, so that P is contracted once to (n, n) and the rest costs what a
        plain Gaussian process costs.
        """
        n, r = self.K.shape[0], RANK
        e = np.array([epoch], float)
        phi = self.horizon.basis(e)[0]
        loading = self.B @ phi
        scaled_new = scaled(X, np.exp(self.theta[: len(self.theta) - EXTRA]), self.group)
        k = matern52_between(scaled_new, self.A) + MEAN_VARIANCE
        Pe = (loading @ self.P.reshape(n, r, n * r)).reshape(n, n, r) @ loading
        mu = k @ (self.alpha.reshape(n, r) @ loading)
        kappa, noise = (self.kappa, AUTOCORRELATED * self.s2) if own else (0.0, 0.0)
        prior = (1.0 + kappa + MEAN_VARIANCE) * float(loading @ phi)
        variance = np.maximum(prior - ((k @ Pe) * k).sum(1), 1e-6)
        return mu, variance + noise

    def predict_seen(self, index: Ints, epochs: Ints) -> tuple[Array, Array]:
        """Mean and variance of seen curves, each at an epoch of its own, (m,) -> (m,), (m,)."""
        ways = [
            ahead(self.horizon, self.epochs[i], int(e)) for i, e in zip(index, epochs, strict=True)
        ]
        trend = np.array([way.trend for way in ways])
        carried = [
            way.carry @ self.values[i][list(observed(self.horizon, self.epochs[i]).kept)]
            for i, way in zip(index, ways, strict=True)
        ]
        loading = trend @ self.B
        f = (self.K[index][:, :, None] * loading[:, None, :]).reshape(len(index), -1)
        mu = np.array(carried) + f @ self.alpha
        prior = (1.0 + self.kappa + MEAN_VARIANCE) * (loading * trend).sum(1)
        noise = self.s2 * np.array([way.variance for way in ways])
        return mu, np.maximum(prior - ((f @ self.P) * f).sum(1), 1e-10) + noise


def condition_curve_gp(
    horizon: Horizon,
    X: Array,
    group: Ints,
    epochs: list[tuple[int, ...]],
    values: list[Array],
    theta: Array,
) -> CurveGP:
    """The process with hyperparameters ``theta`` given curves of the configs X."""
    p = _parts(theta, X, group, statistics(horizon, epochs, values))
    return CurveGP(
        horizon, epochs, values, theta, group, p.A, p.B, p.K, p.kappa, p.s2, p.alpha, p.P
    )
