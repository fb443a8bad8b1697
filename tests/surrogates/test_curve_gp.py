"""The low-rank curve model against the same model written out over all points."""

import numpy as np
import pytest

from danlu.surrogates.curve_gp import (
    EXTRA,
    TRIANGLE,
    condition_curve_gp,
    curve_prior,
    fit_curve_gp,
    negative_log_posterior,
)
from danlu.surrogates.curves import AUTOCORRELATED, Horizon, statistics, thinned
from danlu.surrogates.gp import MEAN_VARIANCE
from danlu.surrogates.kernels import SQRT5, matern52
from danlu.surrogates.linalg import Array

HORIZON = Horizon(30)
D = 3
GROUP = np.arange(D)


def curves(n: int) -> tuple[Array, list[tuple[int, ...]], list[Array]]:
    rng = np.random.default_rng(n)
    X = rng.random((n, D))
    epochs = [tuple(range(1, int(k) + 1)) for k in rng.integers(1, 10, n)]
    values = [X[i, 0] + 1 / np.sqrt(np.array(e)) for i, e in enumerate(epochs)]
    return X, epochs, [v + 0.05 * rng.normal(size=len(v)) for v in values]


def dense(X: Array, epochs: list[tuple[int, ...]], theta: Array) -> tuple[Array, Array, Array]:
    """Prior covariance over all points (curve by curve), with each point's curve and epoch."""
    lam = np.zeros((3, 3))
    lam[TRIANGLE] = theta[-EXTRA:-2]
    B = lam @ lam.T + 1e-8 * np.eye(3)
    kappa, s2 = np.exp(theta[-2:])
    A = X / np.exp(theta[:D])
    K = matern52(SQRT5 * np.sqrt(((A[:, None] - A[None]) ** 2).sum(-1))) + MEAN_VARIANCE
    K += kappa * np.eye(len(X))
    which = np.concatenate([np.full(len(e), i) for i, e in enumerate(epochs)])
    e = np.concatenate([np.array(e, float) for e in epochs])
    phi = HORIZON.basis(e)
    C = K[np.ix_(which, which)] * (phi @ B @ phi.T)
    same = which[:, None] == which[None, :]
    residual = HORIZON.correlated(e, e)
    equal = same & (e[:, None] == e[None, :])
    return C + s2 * same * residual, s2 * equal * (1 - AUTOCORRELATED), which


@pytest.fixture
def theta() -> Array:
    return curve_prior(np.ones(D)).centre + 0.1 * np.random.default_rng(2).normal(size=D + EXTRA)


def test_gradient_equals_finite_differences(theta: Array) -> None:
    X, epochs, values = curves(12)
    stats, prior = statistics(HORIZON, epochs, values), curve_prior(np.ones(D))

    def value(t: Array) -> float:
        return negative_log_posterior(t, X, GROUP, stats, prior)[0]

    _, gradient = negative_log_posterior(theta, X, GROUP, stats, prior)
    numeric = [(value(theta + e) - value(theta - e)) / 2e-5 for e in 1e-5 * np.eye(len(theta))]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-3)


def test_likelihood_equals_that_of_all_points(theta: Array) -> None:
    X, epochs, values = curves(7)
    stats, prior = statistics(HORIZON, epochs, values), curve_prior(np.ones(D))
    got, _ = negative_log_posterior(theta, X, GROUP, stats, prior)
    off = (theta - prior.centre) / prior.width
    smooth, white, _ = dense(X, epochs, theta)
    C, z = smooth + white, np.concatenate(values)
    want = 0.5 * z @ np.linalg.solve(C, z) + 0.5 * np.linalg.slogdet(C)[1] + 0.5 * off @ off
    assert got == pytest.approx(want, rel=1e-5)


def test_predictions_equal_those_from_all_points(theta: Array) -> None:
    X, epochs, values = curves(7)
    model = condition_curve_gp(HORIZON, X, GROUP, epochs, values, theta)
    X_new = np.random.default_rng(5).random((4, D))
    everything = [*epochs, *[(20,)] * 4]
    smooth, white, which = dense(np.r_[X, X_new], everything, theta)
    known = which < 7
    C, z = (smooth + white)[np.ix_(known, known)], np.concatenate(values)
    k = smooth[np.ix_(~known, known)]
    mu, variance = model.predict_new(X_new, 20)
    np.testing.assert_allclose(mu, k @ np.linalg.solve(C, z), rtol=1e-4, atol=1e-6)
    want = np.diag(smooth)[~known] - np.einsum("ij,ji->i", k, np.linalg.solve(C, k.T))
    np.testing.assert_allclose(variance, want, rtol=1e-3, atol=1e-6)


def test_predictions_of_seen_curves_equal_those_from_all_points(theta: Array) -> None:
    X, epochs, values = curves(7)
    model = condition_curve_gp(HORIZON, X, GROUP, epochs, values, theta)
    mu, variance = model.predict_seen(np.arange(7), np.full(7, 25))
    longer = [(*e, 25) for e in epochs]
    smooth, white, _ = dense(X, longer, theta)
    last = np.cumsum([len(e) for e in longer]) - 1
    known = np.ones(len(smooth), bool)
    known[last] = False
    C, z = (smooth + white)[np.ix_(known, known)], np.concatenate(values)
    k = smooth[np.ix_(last, np.flatnonzero(known))]
    np.testing.assert_allclose(mu, k @ np.linalg.solve(C, z), rtol=1e-4, atol=1e-6)
    want = np.diag(smooth)[last] - np.einsum("ij,ji->i", k, np.linalg.solve(C, k.T))
    np.testing.assert_allclose(variance, want, rtol=1e-3, atol=1e-6)


def test_curves_that_start_alike_keep_different_ends_possible() -> None:
    """Flat first epochs must not convince the model that every config ends alike."""
    rng = np.random.default_rng(0)
    X = rng.random((20, D))
    epochs: list[tuple[int, ...]] = [(1, 2)] * 20
    values = [0.01 * rng.normal(size=2) for _ in epochs]
    theta = fit_curve_gp(X, GROUP, statistics(HORIZON, epochs, values), curve_prior(np.ones(D)))
    model = condition_curve_gp(HORIZON, X, GROUP, epochs, values, theta)
    _, variance = model.predict_new(rng.random((5, D)), 30)
    assert np.all(np.sqrt(variance) > 0.1)


@pytest.mark.parametrize("n", [1, 5, 10, 11, 50, 1000])
def test_long_curves_are_thinned_to_about_a_dozen_points(n: int) -> None:
    kept = thinned(tuple(range(1, n + 1)))
    assert kept[0] == 0
    assert kept[-1] == n - 1
    assert len(kept) <= 14
    assert list(kept) == sorted(set(kept))


def test_without_its_own_part_the_variance_at_a_known_config_is_what_its_neighbours_leave(
    theta: Array,
) -> None:
    X, epochs, values = curves(12)
    model = condition_curve_gp(HORIZON, X, GROUP, epochs, values, theta)
    mu, whole = model.predict_new(X, 30)
    same, shared = model.predict_new(X, 30, own=False)
    kappa, s2 = np.exp(theta[-2:])
    loading = model.B[0, 0]
    np.testing.assert_array_equal(mu, same)
    np.testing.assert_allclose(whole - shared, kappa * loading + AUTOCORRELATED * s2, rtol=1e-6)
