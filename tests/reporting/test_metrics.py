import math

import pytest
from tests.reporting import histories

from danlu.core.metric import split_of
from danlu.core.spec import Objective
from danlu.reporting.metrics import MetricPair, metric_names, pair_metrics
from danlu.reporting.ranges import curve_range, value_range
from danlu.reporting.result import leaders

LOSS = Objective.parse("min val_loss")


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("train_loss", "val_loss"),
        ("loss", "val_loss"),
        ("train/loss", "val/loss"),
        ("train.loss", "valid.loss"),
        ("loss_train", "loss_valid"),
        ("Train Loss", "Validation Loss"),
        ("training-loss", "dev-loss"),
        ("train_loss", "test_loss"),
    ],
)
def test_training_and_validation_of_one_quantity_are_paired(train: str, val: str) -> None:
    for names in ([train, val], [val, train]):
        [pair] = pair_metrics(names, Objective(val, "min"))
        assert (pair.train, pair.val) == (train, val)


def test_metrics_without_a_partner_stand_alone() -> None:
    pairs = pair_metrics(["lr", "train_loss", "val_accuracy"], LOSS)
    assert [(p.train, p.val) for p in pairs] == [
        (None, "lr"),
        ("train_loss", None),
        (None, "val_accuracy"),
    ]


def test_every_metric_is_on_exactly_one_chart() -> None:
    names = ["loss", "train_loss", "val_loss", "test_loss", "lr", "val_accuracy", "accuracy_train"]
    shown = [n for p in pair_metrics(names, LOSS) for n in p.names]
    assert sorted(shown) == sorted(names)


def test_the_objective_comes_first_with_its_direction() -> None:
    pairs = pair_metrics(
        ["train_loss", "val_loss", "train_acc", "val_acc"], Objective("val_acc", "max")
    )
    assert pairs[0] == MetricPair("acc", "train_acc", "val_acc", "max")
    assert pairs[1].direction == "min"


def test_a_name_that_only_begins_like_a_split_is_left_whole() -> None:
    assert split_of("value") == (None, "value")
    assert split_of("training_speed") == ("training", "speed")


def test_diverged_trials_do_not_stretch_the_robust_range() -> None:
    history = histories.staged(objective="min val_loss")
    best = leaders(history)
    pair = pair_metrics(metric_names(history), history.objective)[0]
    found = curve_range(history, pair, best)
    assert found is not None
    assert found.full[1] > 15
    assert found.high < 3
    assert found.log
    lowest = min(v for t in best for _, v in t.curve("train_loss"))
    assert found.low <= lowest


def test_accuracies_keep_a_linear_scale_and_their_best_end() -> None:
    history = histories.staged()
    pair = pair_metrics(metric_names(history), history.objective)[0]
    found = curve_range(history, pair, leaders(history))
    assert found is not None
    assert not found.log
    assert found.high >= found.full[1]


def test_there_is_no_range_without_a_finite_value() -> None:
    history = histories.only_failures()
    pair = MetricPair("loss", None, "val_loss", "min")
    assert curve_range(history, pair, []) is None
    assert value_range([], "min") is None


@pytest.mark.parametrize("values", [[1.0], [0.0, 0.0], [-3.0, 5.0, 1e9], [1e-9, 1.0, 2.0]])
@pytest.mark.parametrize("direction", ["min", "max"])
def test_a_range_of_values_holds_the_best_and_has_a_height(
    values: list[float], direction: str
) -> None:
    kind = Objective("x", "min" if direction == "min" else "max")
    found = value_range(values, kind.direction)
    assert found is not None
    best = min(values, key=kind.loss)
    assert found.low < found.high
    assert found.low <= best <= found.high
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
