"""Matérn 5/2 kernel with one lengthscale per parameter, and main effects of choices.

Notation
    X      encoded configs, (n, p): one column per number, C columns per choice among C values
    group  the parameter that each column belongs to, (p,), values 0..d-1
    ell    lengthscales, (d,)
    r²     = Σ_k (x_k − x'_k)² / ell²_group(k)
    k(r)   = (1 + √5 r + 5/3 r²) exp(−√5 r)                                            (1)
    ∂k/∂ln ell_j = 5/3 (1 + √5 r) exp(−√5 r) · Σ_{k in j} (x_k − x'_k)² / ell_j²        (2)
    f(x, x') = share of the parameters that are choices of the same value               (3)

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eq. 4.17.
"""

import math

import numpy as np

from danlu.surrogates.linalg import Array, Bools, Ints

SQRT5 = math.sqrt(5.0)


def scaled(X: Array, ell: Array, group: Ints) -> Array:
    """The configs in units of their lengthscales, (n, p)."""
    return np.asarray(X / ell[group])


def squared_distances(A: Array, B: Array) -> Array:
    """Squared Euclidean distances between rows, (n, p), (m, p) -> (n, m); never negative."""
    squares = (A * A).sum(1)[:, None] + (B * B).sum(1)[None, :] - 2.0 * A @ B.T
    return np.asarray(np.maximum(squares, 0.0))


def matern52(S: Array) -> Array:
    """Eq. 1 as a function of S = √5 r."""
    return np.asarray((1.0 + S + S * S / 3.0) * np.exp(-S))


def matern52_between(A: Array, B: Array) -> Array:
    """Kernel matrix between scaled configs, (n, p), (m, p) -> (n, m)."""
    return matern52(SQRT5 * np.sqrt(squared_distances(A, B)))


def equal_choices(X: Array, Y: Array, group: Ints) -> Array:
    """Main effects of choices (eq. 3), (n, p), (m, p) -> (n, m).

    Eq. 1 compares whole configs: it learns little from those that share but some values. That
    one value is better than another whatever the rest (a convolution, say, than nothing) is known
    after a few configs by this.
    """
    chosen, d = _choices(group)
    return np.asarray(2.0 * X[:, chosen] @ Y[:, chosen].T / d)


def own_choices(X: Array, group: Ints) -> Array:
    """The diagonal of `equal_choices` of X with itself, (n,): inactive choices equal nothing."""
    chosen, d = _choices(group)
    return np.asarray(2.0 * (X[:, chosen] ** 2).sum(1) / d)


def _choices(group: Ints) -> tuple[Bools, int]:
    """Columns of choices, which have one for each value (1/√2 where it holds), and d."""
    counts = np.bincount(group)
    return counts[group] > 1, len(counts)


def weighted_lengthscale_gradient(H: Array, S: Array, A: Array, group: Ints, d: int) -> Array:
    """Σ_ij H_ij ∂k(r_ij)/∂ln ell_j for every parameter j (eq. 2), without forming (n, n, d).

    Args:
        H: Symmetric weights, (n, n).
        S: √5 r between the configs, (n, n).
        A: The configs in units of their lengthscales, (n, p).
        group: Parameter of each column, (p,).
        d: Number of parameters.

    Returns:
        One number per parameter, (d,).
    """
    W = H * (5.0 / 3.0) * (1.0 + S) * np.exp(-S)
    # Σ_ij W_ij (a_i − a_j)² = 2 Σ_i a_i² Σ_j W_ij − 2 aᵀ W a, column by column.
    columns = 2.0 * (W.sum(1) @ (A * A) - (A * (W @ A)).sum(0))
    return np.bincount(group, weights=columns, minlength=d).astype(float)
