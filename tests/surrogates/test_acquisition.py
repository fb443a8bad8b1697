"""Expected improvement against values of high precision."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.surrogates.acquisition import log_ei, log_h

getcontext().prec = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def exact_log_h(z: float) -> float:
    """ln(φ(z) + z Φ(z)) from the series of Φ in 60 digits (for |z| ≤ 8)."""
    x = Decimal(z)
    phi = (-x * x / 2).exp() / (2 * PI).sqrt()
    term = total = x
    for k in range(1, 600):
        term *= x * x / (2 * k + 1)
        total += term
    return float((phi + x * (Decimal("0.5") + phi * total)).ln())


@pytest.mark.parametrize("z", [-8.0, -5.0, -2.5, -1.01, -1.0, -0.99, -0.1, 0.0, 0.7, 3.0, 8.0])
def test_log_h_equals_sixty_digits(z: float) -> None:
    assert log_h(np.array([z]))[0] == pytest.approx(exact_log_h(z), rel=1e-11)


@given(st.floats(-1e8, 30.0))
def test_log_h_is_finite_and_grows(z: float) -> None:
    low, high = log_h(np.array([z, z + max(1e-3, abs(z) * 1e-6)]))
    assert np.isfinite(low)
    assert low < high


def test_the_branches_meet() -> None:
    for edge in (-1.0, -1e3):
        below, above = log_h(np.array([edge * (1 + 1e-9), edge * (1 - 1e-9)]))
        assert below == pytest.approx(above, rel=1e-6)


def test_expected_improvement_of_a_sure_thing_is_the_difference() -> None:
    got = np.exp(log_ei(np.array([0.2]), np.array([1e-9]), 0.5))
    assert got[0] == pytest.approx(0.3)
