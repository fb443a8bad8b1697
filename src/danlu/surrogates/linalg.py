"""Small helpers of linear algebra shared by the surrogates."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtrs
from threadpoolctl import ThreadpoolController

Array: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]

JITTER = 1e-9  # relative to the mean diagonal; smaller fails for near-duplicate configs
JITTER_TRIES = 6


def lower_cholesky(K: Array) -> Array:
    """Lower Cholesky factor of a symmetric matrix, with as little jitter as it needs.

    Args:
        K: Symmetric, positive semi-definite up to rounding, (n, n); not changed.

    Raises:
        numpy.linalg.LinAlgError: If it stays indefinite with a jitter of 1e-4 of its diagonal.
    """
    if K.size == 0:
        return K
    scale = max(float(np.mean(np.diagonal(K))), 1e-300)
    for attempt in range(JITTER_TRIES):
        shifted = K.copy(order="F")
        shifted[np.diag_indices(len(K))] += scale * JITTER * 10.0**attempt
        # LAPACK itself: scipy's wrappers cost more than the factor of a short curve.
        L, failed = dpotrf(shifted, lower=1, clean=1, overwrite_a=1)
        if not failed:
            return np.asarray(L)
    raise np.linalg.LinAlgError("the covariance matrix is not positive definite")


def solve_lower(L: Array, B: Array, *, transposed: bool = False) -> Array:
    """L⁻¹ B, or L⁻ᵀ B if ``transposed``, for lower-triangular L."""
    if L.size == 0:
        return B
    X, failed = dtrtrs(L, B, lower=1, trans=1 if transposed else 0)
    assert not failed, "a Cholesky factor has no zero on its diagonal"
    return np.asarray(X).reshape(B.shape)


def log_det(L: Array) -> float:
    """ln|L Lᵀ| of a Cholesky factor."""
    return 2.0 * float(np.log(np.diagonal(L)).sum())


def one_thread() -> AbstractContextManager[Any]:
    """Keep the linear algebra in one thread.

    At the sizes here more threads are slower by up to ten times, take cores from the trials that
    train meanwhile, and change the last digits of the results.
    """
    limits: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limits


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
