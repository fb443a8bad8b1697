"""The Chebyshev scalarisation finds every point of a front."""

import numpy as np
import pytest

from danlu.surrogates.scalarising import scale_of

ANGLES = np.linspace(0.0, np.pi / 2, 9)
CONCAVE = 1.0 - np.c_[np.cos(ANGLES), np.sin(ANGLES)] ** 0.5  # no weighted sum finds its middle


def test_each_point_of_a_front_is_the_best_of_some_mixture() -> None:
    scale = scale_of(CONCAVE)
    shares = np.linspace(0.0, 1.0, 400)
    best = {int(np.argmin(scale.scalarised(CONCAVE, np.array([s, 1 - s])))) for s in shares}
    assert best == set(range(len(CONCAVE)))


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    Y, w = rng.random((20, 3)), np.array([0.2, 0.5, 0.3])
    factor, shift = np.array([1e6, 1e-3, 7.0]), np.array([0.0, 5.0, -1e3])
    other = Y * factor + shift
    assert scale_of(other).scalarised(other, w) == pytest.approx(scale_of(Y).scalarised(Y, w))


def test_points_far_off_the_front_do_not_change_what_counts() -> None:
    w = np.array([0.5, 0.5])
    far = np.r_[CONCAVE, [[1e9, 1e12]]]
    expected = scale_of(CONCAVE).scalarised(CONCAVE, w)
    assert scale_of(far).scalarised(CONCAVE, w) == pytest.approx(expected)


@pytest.mark.parametrize("Y", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 3.0]], [[0.0, 0.0]] * 4])
def test_a_single_value_or_equal_ones_are_fine(Y: list[list[float]]) -> None:
    values = np.array(Y)
    assert np.isfinite(scale_of(values).scalarised(values, np.array([0.5, 0.5]))).all()
    assert len(scale_of(values).scalarised(np.empty((0, 2)), np.array([0.5, 0.5]))) == 0
