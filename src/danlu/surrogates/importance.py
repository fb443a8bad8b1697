"""How much of the values' variance each parameter explains, alone and in pairs.

A Gaussian process whose kernel is itself an analysis of variance: the shares are read off its
coefficients, and parameters that explain nothing are switched off by the likelihood. On three
functions with known shares the mean error of the variance between bins was 1.8 to 6.3 times as
large from 30 to 60 rows, and alike or larger with 15 and 20, so bins are not used at all.

Notation
    X      configs in the unit cube, (n, d); NaN where a parameter is inactive
    y      losses, (n,)
    φ_k    = √2 cos(πk·), k = 1..K: orthonormal on [0, 1], and over the centres of k < C cells
    λ_k    ∝ k⁻², Σ λ_k = 1: what a function with a kink has
    A_j    = s_j Σ_k λ_k φ_k(x_j) φ_k(x'_j), (n, n); zero where x_j is inactive
    P      = ½ ((Σ_j A_j)² − Σ_j A_j²) = Σ_{j<l} A_j A_l                                 (1)
    C      = Σ_j A_j + w P + c 11ᵀ + σ² I;  alpha = C⁻¹ y                                 (2)
    c_jk   = s_j λ_k φ_k(x_j)ᵀ alpha,  Var_j = Σ_k c²_jk; pairs likewise                  (3)
    theta  = (ln s_1 … ln s_d, ln w, ln σ²), (d + 2,)

Sources: Sobol' 1993 (shares of variance); Durrande et al. 2013 (kernels made of zero-mean
parts); Hutter, Hoos and Leyton-Brown 2014 (importance of hyperparameters); Shao and Wu 1989
(half-samples: their spread is the spread of the estimate from all rows).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import minimize

from danlu.surrogates.linalg import Array, Ints, lower_cholesky, one_thread, solve_lower

ENOUGH = 15  # rows; with fewer, only what experts expect is known
MOST_ROWS = 256  # rows that the model rests on; more cost time and change the shares little
WAVES = 6  # K: cosines for each parameter
REPEATS = 24  # half-samples
LOW, HIGH = 0.1, 0.9  # ends of the interval
STEPS, STEPS_AGAIN = 40, 8  # of the fit to all rows, and to each half-sample
MEAN_VARIANCE = 4.0  # c: y is standardised
PRIOR_S, PRIOR_W, PRIOR_NOISE = (-3.0, 2.0), (-1.0, 1.0), (-3.0, 1.5)  # centre and width of each
BOUNDS = (-12.0, 4.0)
FENCE = (
    3.0  # times as far from the median as the best loss: what is worse counts as if it lay there
)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the variance.

    Attributes:
        value: From 0 to 1.
        low: Lower end of the interval that holds four fifths of what resampled rows give.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Importance:
    """Shares of the variance that a model of the values explains.

    They sum to 1 over parameters and pairs; where ``explained`` is small they say little.

    Attributes:
        rows: How many rows they rest on.
        single: The share of each parameter alone, in the order of the columns.
        pairs: The share of each two parameters beyond what they explain alone.
        explained: Share of the whole variance that the model explains on rows it has not seen.
        sd: Standard deviation of the losses, those far off cut.
    """

    rows: int
    single: tuple[Share, ...]
    pairs: Mapping[tuple[int, int], Share]
    explained: float
    sd: float

    def total(self, j: int) -> float:
        """What a parameter explains alone and in all its pairs together."""
        return self.single[j].value + sum(s.value for pair, s in self.pairs.items() if j in pair)


def importance(
    X: Array, y: Array, seed: int, *, repeats: int = REPEATS, most: int = MOST_ROWS
) -> Importance | None:
    """How much of the variance of ``y`` each column of ``X`` explains.

    Args:
        X: Configs in the unit cube, (n, d); NaN where a parameter is inactive.
        y: Losses at one and the same epoch, (n,); what is not finite counts as the worst.
        seed: Of the resampling: the same rows and seed give the same shares.
        repeats: From how many half-samples the intervals are taken.
        most: Rows that the model rests on, drawn from all.

    Returns:
        None if there is too little to tell: fewer than 15 rows, or nothing that varies.
    """
    n, d = X.shape
    y = fenced(np.asarray(y, float))
    if n < ENOUGH or d == 0 or np.ptp(y) == 0:
        return None
    with one_thread():
        rng = np.random.default_rng(seed & 0xFFFFFFFF)
        return _by_anova(X, y, rng, repeats, most)


def fenced(y: Array) -> Array:
    """The losses with those cut that would drown all others: not finite, or far off."""
    fine = np.isfinite(y)
    if not fine.any():
        return np.zeros(len(y))
    low, middle = float(y[fine].min()), float(np.median(y[fine]))
    worst = float(y[fine].max())
    fence = middle + FENCE * (middle - low) if middle > low else worst
    return np.minimum(np.where(fine, y, worst), min(worst, fence))


@dataclass(frozen=True)
class _Basis:
    """The cosines of each parameter at some configs.

    Attributes:
        waves: √λ_k φ_k(x_j), one array (n, K_j) for each parameter.
    """

    waves: tuple[Array, ...]

    def rows(self, rows: Ints) -> "_Basis":
        return _Basis(tuple(B[rows] for B in self.waves))

    def kernels(self) -> Array:
        """The parameters' kernels at scale 1, (d, n, n)."""
        return np.stack([B @ B.T for B in self.waves])


def _basis(X: Array) -> _Basis:
    return _Basis(tuple(_waves(x) for x in X.T))


def _waves(x: Array) -> Array:
    """Weighted cosines at the values of one parameter, (n,) -> (n, K_j)."""
    cells = len(np.unique(x[~np.isnan(x)]))
    k = np.arange(1, 1 + max(1, min(WAVES, cells - 1)))
    weight = k**-2.0 / (k**-2.0).sum()
    B = np.sqrt(2.0 * weight) * np.cos(np.pi * k * x[:, None])
    return np.where(np.isnan(B), 0.0, B)


def _by_anova(X: Array, y: Array, rng: np.random.Generator, repeats: int, most: int) -> Importance:
    n = len(y)
    rows = np.sort(rng.choice(n, min(n, most), replace=False))
    basis, z, sd = _basis(X).rows(rows), y[rows], float(y[rows].std())
    z = (z - z.mean()) / max(sd, 1e-300)
    d = len(basis.waves)
    centre = np.r_[np.full(d, PRIOR_S[0]), PRIOR_W[0], PRIOR_NOISE[0]]
    theta = _fit(basis, z, centre, STEPS)
    whole, explained = _shares(basis, z, theta)
    again = []
    for _ in range(repeats):
        half = rng.permutation(len(z))[: len(z) // 2]
        part = basis.rows(half)
        again.append(_shares(part, z[half], _fit(part, z[half], theta, STEPS_AGAIN))[0])
    shares = _with_intervals(whole, np.array(again).reshape(-1, len(whole)))
    pairs = dict(zip(combinations(range(d), 2), shares[d:], strict=True))
    return Importance(n, shares[:d], pairs, explained, sd)


def _fit(basis: _Basis, z: Array, start: Array, steps: int) -> Array:
    """Theta of highest posterior near ``start``; the start itself if that fails."""
    d = len(basis.waves)
    K = basis.kernels()
    spread = [PRIOR_S] * d + [PRIOR_W, PRIOR_NOISE]
    centre, width = (np.array([p[i] for p in spread]) for i in (0, 1))

    def objective(theta: Array) -> tuple[float, Array]:
        value, gradient = _negative_log_likelihood(theta, K, z)
        off = (theta - centre) / width
        return value + 0.5 * float(off @ off), gradient + off / width

    try:
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=[BOUNDS] * (d + 2),
            options={"maxiter": steps},
        )  # fmt: skip
    except np.linalg.LinAlgError:
        return start
    return np.asarray(found.x) if np.all(np.isfinite(found.x)) else start


def _negative_log_likelihood(theta: Array, K: Array, z: Array) -> tuple[float, Array]:
    """Of eq. 2, with its gradient, which costs no more than d products (eq. 1)."""
    d, n = len(K), len(z)
    s, w, noise = np.exp(theta[:d]), np.exp(theta[d]), np.exp(theta[d + 1])
    A = s[:, None, None] * K
    once = A.sum(0)
    P = 0.5 * (once * once - (A * A).sum(0))
    L = lower_cholesky(once + w * P + MEAN_VARIANCE + noise * np.eye(n))
    alpha = solve_lower(L, solve_lower(L, z), transposed=True)
    Linv = solve_lower(L, np.eye(n))
    G = 0.5 * (Linv.T @ Linv - np.outer(alpha, alpha))
    H = G * (1.0 + w * once)
    gradient = np.empty_like(theta)
    gradient[:d] = np.einsum("jab,ab->j", A, H) - w * np.einsum("jab,jab,ab->j", A, A, G)
    gradient[d] = w * float((G * P).sum())
    gradient[d + 1] = noise * float(np.trace(G))
    value = 0.5 * float(z @ alpha) + float(np.log(np.diagonal(L)).sum())
    return value, gradient


def _shares(basis: _Basis, z: Array, theta: Array) -> tuple[Array, float]:
    """Shares of parameters, then of pairs (eq. 3), and what is explained of unseen rows."""
    d = len(basis.waves)
    s, w, noise = np.exp(theta[:d]), np.exp(theta[d]), np.exp(theta[d + 1])
    A = s[:, None, None] * basis.kernels()
    once = A.sum(0)
    C = once + 0.5 * w * (once * once - (A * A).sum(0)) + MEAN_VARIANCE + noise * np.eye(len(z))
    L = lower_cholesky(C)
    alpha = solve_lower(L, solve_lower(L, z), transposed=True)
    Linv = solve_lower(L, np.eye(len(z)))
    missed = alpha / (Linv * Linv).sum(0)  # leave-one-out residuals: Rasmussen eq. 5.12
    explained = float(np.clip(1.0 - (missed @ missed) / (z @ z), 0.0, 1.0))
    B, weight = basis.waves, [(b * b).mean(0) for b in basis.waves]
    # A coefficient of √λφ is √λ times that of φ, whose variance is 1: taken as seen in the rows.
    alone = [float((s[j] * (B[j].T @ alpha)) ** 2 @ weight[j]) for j in range(d)]
    both = [
        float(weight[j] @ (w * s[j] * s[k] * ((B[j] * alpha[:, None]).T @ B[k])) ** 2 @ weight[k])
        for j, k in combinations(range(d), 2)
    ]
    variances = np.array([*alone, *both])
    return variances / max(float(variances.sum()), 1e-300), explained


# ---- intervals


def _with_intervals(whole: Array, again: Array) -> tuple[Share, ...]:
    """Each share with the quantiles of its resamples, which always enclose it."""
    if not len(again):
        return tuple(Share(float(v), float(v), float(v)) for v in whole)
    low = np.minimum(whole, np.quantile(again, LOW, axis=0))
    high = np.maximum(whole, np.quantile(again, HIGH, axis=0))
    rows = zip(whole, low, high, strict=True)
    return tuple(Share(float(v), float(a), float(b)) for v, a, b in rows)
