"""What a study of some data begins with."""

import numpy as np
import pytest

from danlu.catalogue.lint import lint
from danlu.core.parameter import Int
from danlu.kit.defaults import Defaults, defaults
from danlu.kit.settings import Settings


def of(n: int, classes: int = 2, **more: object) -> Defaults:
    x = np.random.default_rng(0).normal(size=(n, 2))
    return defaults(Settings.of({"data": (x, np.arange(n) % classes), **more}))


@pytest.mark.parametrize("n", [20, 100, 1000, 4000, 100_000])
def test_batches_hold_at_most_a_tenth_of_the_data(n: int) -> None:
    p = of(n).space["batch_size"]
    assert isinstance(p, Int)
    assert p.low < p.high <= max(8, n // 10)
    assert p.low < p.middle() < p.high
    if n >= 1000:
        assert p.middle() == (32 if n < 5000 else 128)


@pytest.mark.parametrize("n", [20, 40, 80, 178, 320, 1000, 4999, 5000, 100_000])
@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_lint_has_nothing_to_say_of_the_kits_own_space(n: int, kind: str) -> None:
    assert [f.message for f in lint(of(n, kind=kind).space)] == []


def test_large_data_need_fewer_epochs() -> None:
    assert [of(n).epochs for n in (100, 10_000, 20_000, 100_000)] == [30, 30, 13, 10]


def test_balanced_batches_are_tuned_only_where_they_hold_all_classes() -> None:
    x = np.random.default_rng(0).normal(size=(1000, 2))
    few, many = np.arange(1000) % 50 == 0, np.where(np.arange(1000) % 2, 0, np.arange(1000) % 90)
    assert "balanced_batches" in defaults(Settings.of({"data": (x, few)})).space
    space = defaults(Settings.of({"data": (x, many), "kind": "classification"})).space
    assert "oversample" in space
    assert "balanced_batches" not in space


def test_the_metric_follows_from_the_target_or_is_what_was_asked_for() -> None:
    assert of(100).objective == "max val_accuracy"
    assert of(100, metric="macro_f1").objective == "max val_macro_f1"
    assert of(100, metric="loss").objective == "min val_loss"
    assert of(100, kind="regression").objective == "max val_r2"
    assert of(100, kind="regression", metric="rmse").objective == "min val_rmse"
    rare = (np.zeros((100, 1)) + np.arange(100)[:, None], np.arange(100) < 5)
    assert defaults(Settings.of({"data": rare})).objective == "max val_balanced_accuracy"
