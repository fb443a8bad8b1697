"""The Gaussian process against finite differences and against the textbook formula."""

import numpy as np
import pytest

from danlu.surrogates.gp import (
    MEAN_VARIANCE,
    condition_gp,
    fit_gp,
    gp_prior,
    negative_log_posterior,
)
from danlu.surrogates.linalg import Array, Ints, lower_cholesky


def data(n: int, d: int) -> tuple[Array, Array, Ints]:
    rng = np.random.default_rng(n)
    X = rng.random((n, d))
    return X, np.sin(3 * X[:, 0]) + 0.1 * rng.normal(size=n), np.arange(d)


def central_differences(f, theta: Array, step: float = 1e-5) -> Array:  # type: ignore[no-untyped-def]
    return np.array(
        [(f(theta + e) - f(theta - e)) / (2 * step) for e in step * np.eye(len(theta))]
    )


def dense_kernel(A: Array, B: Array, theta: Array) -> Array:
    d = len(theta) - 2
    r = np.sqrt((((A[:, None] - B[None]) / np.exp(theta[:d])) ** 2).sum(-1))
    s = np.sqrt(5.0) * r
    M = (1 + s + s * s / 3) * np.exp(-s)
    return np.asarray(np.exp(2 * theta[d]) * M + MEAN_VARIANCE)


@pytest.mark.parametrize(("n", "d"), [(3, 1), (12, 4), (30, 7)])
def test_gradient_equals_finite_differences(n: int, d: int) -> None:
    X, z, group = data(n, d)
    prior = gp_prior(np.ones(d))
    theta = prior.centre + 0.3 * np.random.default_rng(0).normal(size=d + 2)
    _, gradient = negative_log_posterior(theta, X, z, group, prior)
    numeric = central_differences(
        lambda t: negative_log_posterior(t, X, z, group, prior)[0], theta
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-4)


def test_columns_of_one_choice_share_a_lengthscale() -> None:
    X, z, _ = data(10, 4)
    group = np.array([0, 1, 1, 1])
    prior = gp_prior(np.ones(2))
    theta = prior.centre + 0.1
    _, gradient = negative_log_posterior(theta, X, z, group, prior)
    numeric = central_differences(
        lambda t: negative_log_posterior(t, X, z, group, prior)[0], theta
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-4)


def choices(values: Ints, cells: int) -> tuple[Array, Ints]:
    """Choices as a kernel sees them, (n, d) -> (n, d·cells): one column per value."""
    columns = [(values[:, [j]] == np.arange(cells)) / np.sqrt(2.0) for j in range(values.shape[1])]
    return np.concatenate(columns, 1), np.repeat(np.arange(values.shape[1]), cells)


def test_values_of_choices_are_judged_from_configs_that_share_little_else() -> None:
    agreements = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        values, effect = rng.integers(0, 4, (40, 8)), rng.normal(size=(8, 4))
        z = effect[np.arange(8), values].sum(1)
        z = (z - z.mean()) / z.std()
        X, group = choices(values, 4)
        theta = fit_gp(X[:25], z[:25], group, gp_prior(np.ones(8)))
        mu, _ = condition_gp(X[:25], z[:25], group, theta).predict(X[25:])
        agreements.append(np.corrcoef(mu, z[25:])[0, 1])
    assert np.mean(agreements) > 0.85  # 0.77 by distances of whole configs alone


def test_what_is_known_has_no_variance_left() -> None:
    X, group = choices(np.array([[0, 1], [1, 1], [2, 0]]), 3)
    X[2, 3:] = 0.0  # inactive
    theta = gp_prior(np.ones(2)).centre
    mu, variance = condition_gp(X, z := np.array([0.5, -1.0, 1.2]), group, theta).predict(X)
    np.testing.assert_allclose(mu, z, atol=0.05)
    assert np.all(variance < 0.02)


def test_prediction_equals_the_dense_formula() -> None:
    X, z, group = data(15, 3)
    theta = gp_prior(np.ones(3)).centre
    X_new = np.random.default_rng(1).random((6, 3))
    mu, variance = condition_gp(X, z, group, theta).predict(X_new)
    C = dense_kernel(X, X, theta) + np.exp(theta[-1]) * np.eye(15)
    k = dense_kernel(X_new, X, theta)
    np.testing.assert_allclose(mu, k @ np.linalg.solve(C, z), rtol=1e-5)
    prior_variance = np.exp(2 * theta[-2]) + MEAN_VARIANCE
    expected = prior_variance - np.einsum("ij,ji->i", k, np.linalg.solve(C, k.T))
    np.testing.assert_allclose(variance, expected, rtol=1e-4, atol=1e-7)


def test_fitting_finds_the_parameter_that_matters() -> None:
    X, z, group = data(40, 3)
    theta = fit_gp(X, z, group, gp_prior(np.ones(3)))
    assert theta[0] < theta[1] - 0.5
    assert theta[0] < theta[2] - 0.5


def test_identical_configs_do_not_break_the_factorisation() -> None:
    X = np.ones((20, 2))
    fit_gp(X, np.zeros(20), np.arange(2), gp_prior(np.ones(2)))


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        lower_cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))
