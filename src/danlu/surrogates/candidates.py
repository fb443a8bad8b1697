"""Points of the unit cube to choose from: spread evenly, and near good ones.

Notation
    W    points, (n, d), in [0, 1)
    cell width of each coordinate's cells, 0 for real numbers, (d,)
"""

import numpy as np

from danlu.surrogates.linalg import Array, Bools

JUST_BELOW_ONE = 1.0 - 1e-9
MOVED_AT_LEAST = 0.3  # probability that a coordinate moves; 2/d where that is more
CELLS_PER_STEP = 0.7  # a step's least standard deviation in cells, so that integers can move


def even_points(n: int, d: int, rng: np.random.Generator) -> Array:
    """The first n points of a randomly shifted additive recurrence, (n, d).

    Source: Roberts, The Unreasonable Effectiveness of Quasirandom Sequences, 2018: the steps are
    powers of 1/g with g the positive root of g^(d+1) = g + 1.
    """
    g = 2.0
    for _ in range(60):
        g = (1.0 + g) ** (1.0 / (d + 1))
    steps = g ** -np.arange(1.0, d + 1.0)
    return (rng.random(d) + np.outer(np.arange(n), steps)) % 1.0


def perturbed(
    W: Array, each: int, sd: float, cell: Array, unordered: Bools, rng: np.random.Generator
) -> Array:
    """``each`` neighbours of every point: some coordinates moved, at least one.

    Numbers take a normal step, reflected at the borders; unordered choices a fresh value.
    """
    W = np.repeat(W, each, 0)
    n, d = W.shape
    moved = rng.random((n, d)) < max(MOVED_AT_LEAST, 2.0 / d)
    moved[np.arange(n), rng.integers(0, d, n)] = True
    step = rng.normal(size=(n, d)) * np.maximum(sd, CELLS_PER_STEP * cell)
    near = np.abs(W + moved * step)
    near = np.where(near > 1.0, 2.0 - near, near)
    fresh = moved & unordered
    near[fresh] = rng.random(int(fresh.sum()))
    return np.asarray(np.clip(near, 0.0, JUST_BELOW_ONE))
