"""Hyperparameters of highest posterior: maximum a posteriori with analytic gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from danlu.surrogates.linalg import Array

Objective = Callable[..., tuple[float, Array]]
"""Negative log posterior of theta and its gradient."""


@dataclass(frozen=True)
class GPPrior:
    """Normal priors over theta: centre and width of every entry, (t,) each."""

    centre: Array
    width: Array


def fit_theta(
    objective: Objective,
    given: tuple[object, ...],
    prior: GPPrior,
    bounds: list[tuple[float, float]],
    steps: int,
) -> Array:
    """Theta of highest posterior, from the prior's centre; the centre itself if that fails.

    Args:
        objective: Called with theta and what is given.
        given: Its further arguments.
        prior: Where the search begins.
        bounds: Least and largest value of each entry of theta.
        steps: Most steps of L-BFGS-B (Byrd et al. 1995).

    Returns:
        As many numbers as the prior's centre has, (t,).
    """
    try:
        found = minimize(
            objective, prior.centre, args=given, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": steps},
        )  # fmt: skip
    except np.linalg.LinAlgError:
        return prior.centre
    return np.asarray(found.x) if np.all(np.isfinite(found.x)) else prior.centre
