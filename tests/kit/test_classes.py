"""Fewer classes that are as hard to tell apart as all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.kit.classes import (
    EASIER,
    TOLERANCE,
    class_subset,
    confusability,
    flat_features,
    hard_subset,
)


def pairs(confusion: np.ndarray, classes: tuple[int, ...]) -> float:
    part = confusion[np.ix_(classes, classes)]
    return float(part.sum() / (len(classes) * (len(classes) - 1)))


def test_what_a_linear_model_confuses_is_found() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    centres = np.array([[0, 0], [0.5, 0], [8, 8], [-8, 8]])  # the first two overlap
    confusion = confusability(centres[y] + rng.normal(size=(400, 2)), y, 4)
    assert confusion.argmax() in (1, 4)
    assert confusion[0, 1] == confusion[1, 0] > 0.2
    assert confusion[2, 3] == 0
    assert np.all(confusion.diagonal() == 0)


@given(st.integers(3, 12), st.integers(2, 12), st.integers(0, 99))
def test_the_subset_has_the_asked_size_and_the_most_confusable_pair(
    classes: int, k: int, seed: int
) -> None:
    rates = np.random.default_rng(seed).random((classes, classes)) ** 3
    confusion = rates + rates.T
    np.fill_diagonal(confusion, 0)
    chosen = class_subset(confusion, k)
    assert len(chosen) == len(set(chosen)) == min(k, classes)
    assert set(np.unravel_index(confusion.argmax(), confusion.shape)) <= set(chosen)


def test_the_mean_confusability_is_that_of_the_full_problem() -> None:
    rng = np.random.default_rng(1)
    rates = rng.random((20, 20)) ** 4
    confusion = rates + rates.T
    np.fill_diagonal(confusion, 0)
    full = pairs(confusion, tuple(range(20)))
    for k in (7, 10, 15):
        assert abs(pairs(confusion, class_subset(confusion, k)) / full - 1) <= TOLERANCE


def error(confusion: np.ndarray, classes: tuple[int, ...]) -> float:
    """Of a model that takes one of some classes for another by these rates."""
    return float(confusion[np.ix_(classes, classes)].sum()) / len(classes)


@given(st.integers(3, 12), st.integers(2, 12), st.integers(0, 99))
def test_a_part_of_the_classes_is_never_much_easier(classes: int, k: int, seed: int) -> None:
    rates = np.random.default_rng(seed).random((classes, classes)) / classes
    confusion = (rates + rates.T) / 2
    np.fill_diagonal(confusion, 0)
    chosen = hard_subset(confusion, k)
    assert len(chosen) >= min(k, classes)
    assert error(confusion, chosen) >= error(confusion, tuple(range(classes))) - EASIER


def test_easy_classes_are_as_few_as_was_asked_for() -> None:
    confusion = np.full((20, 20), 0.001)
    np.fill_diagonal(confusion, 0)
    assert len(hard_subset(confusion, 4)) == 4


@pytest.mark.parametrize(
    ("part", "width"),
    [
        (np.ones((4, 3), np.float32), 3),
        (np.ones((4, 1, 5, 5), np.float32), 25),
        (np.ones((4, 7, 2), np.float32), 2),
        (np.array([[1, 2, 0], [3, 0, 0], [1, 1, 1], [4, 4, 0]]), 5),
    ],
)
def test_inputs_of_every_kind_become_rows_of_features(part: np.ndarray, width: int) -> None:
    assert flat_features((part,)).shape == (4, width)
