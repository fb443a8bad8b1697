"""Metrics agree with scikit-learn's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as known

from danlu.kit import metrics

pytestmark = pytest.mark.torch


@given(
    y=st.lists(st.integers(0, 4), min_size=2, max_size=60),
    seed=st.integers(0, 999),
)
def test_classification_agrees_with_scikit_learn(y: list[int], seed: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).normal(size=(len(y), 5)))
    told = scores.argmax(1).numpy()
    found = metrics.classification(scores[None], torch.tensor(y))[0]
    recalls = [np.mean(told[np.array(y) == c] == c) for c in set(y)]
    assert found["accuracy"] == pytest.approx(known.accuracy_score(y, told))
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert found["macro_f1"] == pytest.approx(known.f1_score(y, told, average="macro"))
    assert found["top_share"] == pytest.approx(np.bincount(told).max() / len(y))


def test_regression_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    told = y + rng.normal(size=50)
    found = metrics.regression(torch.from_numpy(told)[None], torch.from_numpy(y), scale=3.0)[0]
    assert found["r2"] == pytest.approx(known.r2_score(y, told))
    assert found["rmse"] == pytest.approx(3.0 * known.root_mean_squared_error(y, told))
