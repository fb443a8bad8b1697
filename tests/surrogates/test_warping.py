"""Output warping: standardised, ordered, and blind to the metric's units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.surrogates.warping import fit_warp

measured = st.floats(-1e3, 1e3).map(lambda y: round(y, 3))
losses = st.lists(measured, min_size=2, max_size=30).map(np.array)


@given(losses, st.sampled_from([1e-6, 0.5, 2.0, 1e6]), st.floats(-10, 10))
def test_positive_affine_maps_change_nothing(y, scale: float, shift: float) -> None:  # type: ignore[no-untyped-def]
    if np.ptp(y) < 1e-2:
        return
    mapped = scale * y + scale * shift
    z = fit_warp(y, y.min(), 4.0)(y)
    z_mapped = fit_warp(mapped, mapped.min(), 4.0)(mapped)
    np.testing.assert_allclose(z, z_mapped, rtol=1e-6, atol=3e-5)


@given(losses)
def test_order_is_kept_and_values_are_standardised(y) -> None:  # type: ignore[no-untyped-def]
    z = fit_warp(y, y.min(), 4.0)(y)
    assert np.all(np.isfinite(z))
    assert np.all(np.diff(z[np.argsort(y)]) >= 0)
    assert abs(z.mean()) < 1e-4


def test_inverse_undoes_the_warp() -> None:
    y = np.array([0.2, 0.5, 0.9, 3.0])
    warp = fit_warp(y, 0.2, 4.0)
    np.testing.assert_allclose(warp.inverse(warp(y)), y, rtol=1e-4)


def test_an_exploding_loss_does_not_flatten_the_others() -> None:
    y = np.array([0.1, 0.2, 0.3, 1e30])
    z = fit_warp(y, 0.1, 4.0)(y)
    assert z[1] - z[0] > 0.1


@pytest.mark.parametrize("y", [[0.3], [0.3, 0.3, 0.3]])
def test_constant_losses_are_all_zero(y: list[float]) -> None:
    np.testing.assert_array_equal(fit_warp(np.array(y), 0.3, 4.0)(np.array(y)), 0.0)


def test_differences_too_small_for_the_computer_are_survived() -> None:
    y = np.array([0.0, 1.0, 2.2e-309])
    assert np.all(np.isfinite(fit_warp(y, 0.0, 4.0)(y)))
