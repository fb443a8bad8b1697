"""Rank correlations are what SciPy says, and verdicts follow from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from danlu.strategies.proxy_check import Double, check, kendall, ranks, spearman

few = st.integers(0, 6).map(float)
pairs = st.lists(st.tuples(few, few), min_size=3, max_size=25)


@given(pairs)
def test_rank_correlations_are_those_of_scipy(doubles: list[Double]) -> None:
    x, y = zip(*doubles, strict=True)
    found, tau = spearman(doubles), kendall(doubles)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
        assert tau is None
    else:
        assert found == pytest.approx(float(spearmanr(x, y).statistic))
        assert tau == pytest.approx(float(kendalltau(x, y).statistic))


def test_ties_share_the_middle_of_their_ranks() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]


ALIKE = [(i / 10, 1 + i / 10) for i in range(12)]


@pytest.mark.parametrize(
    ("doubles", "lower", "verdict"),
    [
        (ALIKE, 6, "proxy_ok"),
        (ALIKE[:7], 3, "proxy_unchecked"),
        (ALIKE, 1, "proxy_unchecked"),
        ([(x, -y) for x, y in ALIKE], 6, "proxy_broken"),
        ([(x, 1.0) for x, _ in ALIKE], 6, "proxy_unchecked"),
        ([(0.0, 3.0), (0.1, 2.5), (0.2, 1.0), (0.3, 1.5), *((1.0 + i, 4.0 + i) for i in range(8))],
         6, "proxy_ok"),
        # Ranks agree, but what is promoted misses the best by far.
        ([*((i / 10, 5.0 + i / 10) for i in range(11)), (2.0, 0.0)], 6, "proxy_broken"),
    ],
)  # fmt: skip
def test_the_verdict_on_a_proxy(doubles: list[Double], lower: int, verdict: str) -> None:
    found = check(doubles, lower, 3, 0.1, 0)
    assert found.verdict == verdict
    assert found.doubles == len(doubles)


def test_the_interval_holds_the_correlation_and_is_the_same_each_time() -> None:
    doubles = [(float(i), float((i * 7) % 11)) for i in range(11)]
    first, again = check(doubles, 5, 3, 0.1, 4), check(doubles, 5, 3, 0.1, 4)
    assert first == again
    assert first.rho is not None
    assert first.low is not None
    assert first.high is not None
    assert first.low <= first.rho <= first.high


def test_a_config_that_failed_counts_as_the_worst() -> None:
    failed = [*ALIKE[:8], (0.9, float("inf")), (float("inf"), float("inf"))]
    assert check(failed, 4, 3, 0.1, 0).verdict == "proxy_ok"
