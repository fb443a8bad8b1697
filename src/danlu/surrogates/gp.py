"""Gaussian process on full trainings: one value per config.

Notation
    X      encoded configs, (n, p); group: parameter of each column, (p,)
    z      standardised values, lower is better, (n,)
    theta  = (ln ell_1 … ln ell_d, ln s_f, ln σ²), (d + 2,)
    M      Matérn 5/2 matrix of X
    F      share of equal choices between rows of X, times MAIN
    C      = s_f² (M + F) + c 11ᵀ + σ² I;  c integrates an unknown mean out                (1)
    L      Cholesky factor of C;  alpha = C⁻¹ z
    NLL    = ½ zᵀ alpha + ½ ln|C|  (+ priors)                                             (2)
    ∂NLL/∂θ = −½ Σ_ij G_ij ∂C_ij/∂θ,  G = alpha alphaᵀ − C⁻¹                               (3)

Source: Rasmussen and Williams 2006, algorithm 2.1 and eq. 5.9.  The lengthscale prior grows with
√d (Hvarfner et al. 2024), here with the median 0.46 √d measured on tables of network trainings.
"""

import math
from dataclasses import dataclass

import numpy as np

from danlu.surrogates.kernels import (
    SQRT5,
    equal_choices,
    matern52,
    matern52_between,
    own_choices,
    scaled,
    squared_distances,
    weighted_lengthscale_gradient,
)
from danlu.surrogates.linalg import Array, Ints, log_det, lower_cholesky, solve_lower
from danlu.surrogates.posterior import GPPrior, fit_theta

MEDIAN_ELL = 0.46  # lengthscale in a space of one parameter; it grows with √d
MAIN = 3.0  # variance of the main effects if all parameters are choices, as a multiple of s_f²
MEAN_VARIANCE = 4.0  # c: the values are standardised, so a mean of ±2 sd is allowed
BOUNDS_ELL = (-3.0, 4.0)
BOUNDS_SCALE = (-3.0, 3.0)
BOUNDS_NOISE = (-13.0, 1.0)


def expected_lengthscales(factor: Array) -> Array:
    """Median lengthscales of d parameters before anything is known, (d,); as in `gp_prior`."""
    return np.asarray(MEDIAN_ELL * math.sqrt(len(factor)) * factor)


def gp_prior(factor: Array, *, width: float = 0.8, noise: float = -5.0) -> GPPrior:
    """Prior over theta for d parameters.

    Args:
        factor: Expected lengthscale of each parameter relative to the common one, (d,):
            below one for parameters that matter much.
        width: Standard deviation of ln ell.
        noise: Centre of ln σ².
    """
    d = len(factor)
    ell = np.log(expected_lengthscales(factor))
    return GPPrior(np.r_[ell, 0.2, noise], np.r_[np.full(d, width), 0.4, 1.2])


def negative_log_posterior(
    theta: Array, X: Array, z: Array, group: Ints, prior: GPPrior
) -> tuple[float, Array]:
    """Eq. 2 plus the negative log prior, and its gradient (eq. 3)."""
    d = len(theta) - 2
    A = scaled(X, np.exp(theta[:d]), group)
    S = SQRT5 * np.sqrt(squared_distances(A, A))
    scale, noise = math.exp(2.0 * theta[d]), math.exp(theta[d + 1])
    M = matern52(S) + MAIN * equal_choices(X, X, group)
    L = lower_cholesky(_covariance(M, scale, noise))
    alpha = solve_lower(L, solve_lower(L, z), transposed=True)
    Linv = solve_lower(L, np.eye(len(z)))
    G = np.outer(alpha, alpha) - Linv.T @ Linv
    gradient = np.empty_like(theta)
    gradient[:d] = -0.5 * scale * weighted_lengthscale_gradient(G, S, A, group, d)
    gradient[d] = -scale * float((G * M).sum())
    gradient[d + 1] = -0.5 * noise * float(np.trace(G))
    off = (theta - prior.centre) / prior.width
    value = 0.5 * float(z @ alpha) + 0.5 * log_det(L) + 0.5 * float(off @ off)
    return value, gradient + off / prior.width


def fit_gp(X: Array, z: Array, group: Ints, prior: GPPrior, *, steps: int = 25) -> Array:
    """Theta of highest posterior, from the prior's centre; the centre itself if that fails."""
    bounds = [BOUNDS_ELL] * (len(prior.centre) - 2) + [BOUNDS_SCALE, BOUNDS_NOISE]
    return fit_theta(negative_log_posterior, (X, z, group, prior), prior, bounds, steps)


@dataclass(frozen=True)
class GP:
    """A Gaussian process conditioned on values; made by `condition_gp`."""

    X: Array
    A: Array  # configs in units of their lengthscales, (n, p)
    L: Array
    alpha: Array
    theta: Array
    group: Ints

    def predict(self, X: Array) -> tuple[Array, Array]:
        """Mean and variance of the noise-free value at new configs, (m, p) -> (m,), (m,)."""
        d = len(self.theta) - 2
        scale = math.exp(2.0 * self.theta[d])
        B = scaled(X, np.exp(self.theta[:d]), self.group)
        F = MAIN * equal_choices(X, self.X, self.group)
        K = scale * (matern52_between(B, self.A) + F) + MEAN_VARIANCE
        V = solve_lower(self.L, K.T)
        own = 1.0 + MAIN * own_choices(X, self.group)
        variance = scale * own + MEAN_VARIANCE - (V * V).sum(0)
        return K @ self.alpha, np.maximum(variance, 1e-10)


def condition_gp(X: Array, z: Array, group: Ints, theta: Array) -> GP:
    """The process with hyperparameters ``theta`` given values z at X."""
    d = len(theta) - 2
    A = scaled(X, np.exp(theta[:d]), group)
    scale, noise = math.exp(2.0 * theta[d]), math.exp(theta[d + 1])
    M = matern52_between(A, A) + MAIN * equal_choices(X, X, group)
    L = lower_cholesky(_covariance(M, scale, noise))
    return GP(X, A, L, solve_lower(L, solve_lower(L, z), transposed=True), theta, group)


def _covariance(M: Array, scale: float, noise: float) -> Array:
    """Eq. 1."""
    C = scale * M + MEAN_VARIANCE
    C[np.diag_indices(len(C))] += noise
    return C
