"""Splits and fractions: nested, stratified, by hash, groups in whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from danlu.kit.subsets import FEWEST_OF_CLASS, fraction, hashes, split, strata

LABELS = st.lists(st.integers(0, 3), min_size=8, max_size=300).map(np.array)
SHARES = st.floats(0.01, 1.0)


@given(stratum=LABELS, a=SHARES, b=SHARES, seed=st.integers(0, 2**63), batch=st.integers(1, 64))
def test_a_smaller_fraction_is_part_of_a_larger_one(
    stratum: np.ndarray, a: float, b: float, seed: int, batch: int
) -> None:
    small, large = (set(fraction(stratum, s, seed, batch)) for s in sorted((a, b)))
    assert small <= large


@given(stratum=LABELS, share=SHARES, seed=st.integers(0, 99), batch=st.integers(1, 256))
def test_a_fraction_keeps_its_share_of_every_class(
    stratum: np.ndarray, share: float, seed: int, batch: int
) -> None:
    kept = stratum[fraction(stratum, share, seed, batch)]
    classes = np.unique(stratum)
    for c in classes:
        n = int((stratum == c).sum())
        floor = min(n, max(FEWEST_OF_CLASS, int(np.ceil(2 * batch / len(classes)))))
        assert (kept == c).sum() == (n if share >= 1 else max(floor, int(np.ceil(share * n))))


@given(stratum=LABELS, a=SHARES, b=SHARES, seed=st.integers(0, 99), groups=st.integers(1, 20))
def test_fractions_of_groups_hold_whole_groups_and_are_nested(
    stratum: np.ndarray, a: float, b: float, seed: int, groups: int
) -> None:
    group = np.arange(len(stratum)) % groups
    small, large = (fraction(stratum, s, seed, groups=group) for s in sorted((a, b)))
    assert set(small) <= set(large)
    for chosen in (small, large):
        inside = np.zeros(len(stratum), dtype=bool)
        inside[chosen] = True
        assert all(len(set(inside[group == g])) == 1 for g in range(groups) if any(group == g))


@given(stratum=LABELS, share=st.floats(0.05, 0.6), seed=st.integers(0, 99))
def test_a_split_has_each_sample_once_and_each_class_on_both_sides(
    stratum: np.ndarray, share: float, seed: int
) -> None:
    train, val = split(stratum, share, seed)
    assert sorted([*train, *val]) == list(range(len(stratum)))
    for c in np.unique(stratum):
        n, own = int((stratum == c).sum()), int((stratum[val] == c).sum())
        assert own == (0 if n == 1 else min(n - 1, max(1, round(share * n))))


@given(
    stratum=LABELS, share=st.floats(0.1, 0.5), seed=st.integers(0, 99), groups=st.integers(3, 30)
)
def test_a_split_keeps_groups_together(
    stratum: np.ndarray, share: float, seed: int, groups: int
) -> None:
    group = np.arange(len(stratum)) % groups
    train, val = split(stratum, share, seed, group)
    assert len(val) > 0
    assert not set(group[train]) & set(group[val])


def test_splits_by_many_groups_are_near_the_share_in_every_class() -> None:
    rng = np.random.default_rng(0)
    stratum, group = rng.integers(0, 3, 2000), rng.integers(0, 200, 2000)
    _, val = split(stratum, 0.25, 0, group)
    assert np.all(np.abs(np.bincount(stratum[val]) / np.bincount(stratum) - 0.25) < 0.03)


def test_hashes_are_spread_evenly_and_differ_between_seeds() -> None:
    a, b = (hashes(np.arange(10_000), seed) / 2.0**64 for seed in (0, 1))
    assert abs(a.mean() - 0.5) < 0.01
    assert np.abs(np.histogram(a, 10, (0, 1))[0] - 1000).max() < 120
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03


def test_numbers_are_stratified_by_their_deciles() -> None:
    y = np.random.default_rng(0).normal(size=1000)
    stratum = strata(y, regression=True)
    assert np.all(np.abs(np.bincount(stratum) - 100) <= 1)
    kept = y[fraction(stratum, 0.2, 0)]
    assert len(kept) == 200
    assert abs(kept.mean() - y.mean()) < 0.05
