import numpy as np
import pytest

from danlu.surrogates.importance import ENOUGH, fenced, importance
from danlu.surrogates.linalg import Array

TRUE = (0.571, 0.376, 0.0, 0.0)  # of `known`, by two hundred thousand draws; the pair has 0.05


def known(X: Array) -> Array:
    """Two parameters matter alone, two only together, the others not at all."""
    alone = 12.0 * (X[:, 0] - 0.6) ** 2 + np.where(X[:, 1] > 0.7, 2.0, 0.0)
    return np.asarray(alone + 4.0 * (X[:, 2] - 0.5) * (X[:, 3] - 0.5))


def rows(n: int, d: int = 6, seed: int = 0, noise: float = 0.2) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, d))
    return X, known(X) + noise * rng.standard_normal(n)


@pytest.mark.parametrize("n", [40, 150, 600])
def test_the_shares_of_a_known_function_are_found(n: int) -> None:
    found = importance(*rows(n), 0)
    assert found is not None
    for share, true in zip(found.single, TRUE, strict=False):
        assert share.value == pytest.approx(true, abs=0.12 if n < 100 else 0.06)
    assert all(share.value < 0.05 for share in found.single[4:])
    assert found.explained > 0.7


def test_what_matters_only_together_is_found_as_a_pair() -> None:
    rng = np.random.default_rng(1)
    X = rng.random((120, 3))
    y = 4.0 * (X[:, 0] - 0.5) * (X[:, 1] - 0.5) + 0.05 * rng.standard_normal(120)
    found = importance(X, y, 0)
    assert found is not None
    assert found.pairs[0, 1].value > 0.8
    assert found.total(0) == pytest.approx(found.single[0].value + sum(
        s.value for pair, s in found.pairs.items() if 0 in pair))  # fmt: skip


def test_shares_sum_to_one_and_lie_in_their_intervals() -> None:
    found = importance(*rows(60), 3)
    assert found is not None
    shares = [*found.single, *found.pairs.values()]
    assert sum(s.value for s in shares) == pytest.approx(1.0)
    assert all(0.0 <= s.low <= s.value <= s.high <= 1.0 for s in shares)


def test_noise_alone_explains_nothing_of_what_was_not_seen() -> None:
    rng = np.random.default_rng(2)
    found = importance(rng.random((80, 5)), rng.standard_normal(80), 0)
    assert found is not None
    assert found.explained < 0.1


def test_too_few_rows_give_no_shares() -> None:
    X, y = rows(ENOUGH - 1)
    assert importance(X, y, 0) is None
    assert importance(*rows(ENOUGH), 0) is not None


def test_values_that_are_all_equal_give_no_shares() -> None:
    assert importance(np.random.default_rng(0).random((30, 2)), np.ones(30), 0) is None


def test_the_same_rows_and_seed_give_the_same_shares() -> None:
    assert importance(*rows(50), 7) == importance(*rows(50), 7)


def test_an_exploding_loss_counts_as_bad_and_drowns_nothing() -> None:
    X, y = rows(80)
    y[X[:, 0] > 0.9] = np.inf
    y[0] = 1e12
    found = importance(X, y, 0)
    assert found is not None
    assert found.single[0].value > 0.4
    assert found.single[1].value > 0.05  # the second of all
    assert fenced(y).max() < 100


def test_an_inactive_parameter_is_judged_where_it_is_active() -> None:
    rng = np.random.default_rng(4)
    X = rng.random((150, 3))
    on = X[:, 0] > 0.5
    y = np.where(on, 3.0 * X[:, 1], 1.5) + 0.1 * rng.standard_normal(150)
    X[~on, 1] = np.nan
    found = importance(X, y, 0)
    assert found is not None
    assert found.single[1].value > 0.6
    assert found.single[2].value < 0.02


def test_a_choice_of_few_values_is_told_from_a_number() -> None:
    rng = np.random.default_rng(5)
    X = np.stack([(rng.integers(3, size=90) + 0.5) / 3, rng.random(90)], 1)
    y = np.array([0.0, 2.0, 0.5])[(X[:, 0] * 3).astype(int)] + 0.1 * rng.standard_normal(90)
    found = importance(X, y, 0)
    assert found is not None
    assert found.single[0].value > 0.95
