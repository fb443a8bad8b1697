"""Candidate points: in the cube, even, and near what they came from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from danlu.surrogates.candidates import even_points, perturbed


@given(st.integers(1, 50), st.integers(1, 30), st.integers(0, 2**31))
def test_even_points_lie_in_the_cube(n: int, d: int, seed: int) -> None:
    W = even_points(n, d, np.random.default_rng(seed))
    assert W.shape == (n, d)
    assert np.all((W >= 0) & (W < 1))


def test_even_points_are_more_even_than_random_ones() -> None:
    W = even_points(64, 1, np.random.default_rng(0))[:, 0]
    gaps = np.diff(np.sort(W))
    assert gaps.max() < 3 / 64


@given(st.integers(1, 12), st.floats(1e-4, 0.5), st.integers(0, 2**31))
def test_neighbours_differ_and_stay_in_the_cube(d: int, sd: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    W = rng.random((5, d))
    near = perturbed(W, 4, sd, np.zeros(d), np.zeros(d, bool), rng)
    assert near.shape == (20, d)
    assert np.all((near >= 0) & (near < 1))
    assert np.all(np.any(near != np.repeat(W, 4, 0), axis=1))


def test_integers_move_at_least_near_the_next_cell() -> None:
    rng = np.random.default_rng(0)
    cell = np.array([0.25])
    near = perturbed(np.full((1, 1), 0.375), 200, 1e-6, cell, np.zeros(1, bool), rng)
    assert np.mean(np.floor(near / cell) != 1) > 0.2
