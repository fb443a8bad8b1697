"""How long the winner is trained once more, and the file that says so."""

import math
import tomllib

import pytest

from danlu.core.event import Finished, Reported, Started
from danlu.core.history import empty
from danlu.core.parameter import Float
from danlu.core.record import TrialRecord
from danlu.core.space import Space
from danlu.core.spec import Objective, Spec
from danlu.reporting.snippets import as_training, epochs_to_train

TRAINING = {"data": "/a b/wine.csv", "target": "label", "drop": ["id", 'quo"te']}
SPEC = Spec(
    "wine", Space(lr=Float(0.1, 1.0)), Objective("acc", "max"), epochs=30, training=TRAINING
)


def trained(*values: float) -> TrialRecord:
    reports = [Reported(i, 1, i, {"acc": value}) for i, value in enumerate(values, 1)]
    history = empty(SPEC, [Started(0, 1, {"lr": 0.5}, 30, seed=7), *reports, Finished(99, 1)])
    return history.trials[1]


@pytest.mark.parametrize(
    ("values", "epochs"),
    [
        ((0.5, 0.9, 0.9, 0.9), 4),  # the first of equals is not enough
        ((0.5, 0.8, 0.91, 0.90, 0.91, 0.90, 0.905), 7),  # one epoch is luckiest among equals
        ((0.5, 0.7, 0.9, 0.85, 0.8, 0.75, 0.7), 4),  # it gets worse for good
        ((0.5, 0.6, 0.7, 0.8), 4),
        ((0.5, math.nan, 0.6), 3),
        ((0.5,), 1),
    ],
)
def test_the_winner_is_trained_while_it_stays_as_good_but_for_noise(
    values: tuple[float, ...], epochs: int
) -> None:
    assert epochs_to_train(SPEC, trained(*values)) == epochs


def test_the_file_to_train_from_is_toml_with_all_that_it_takes() -> None:
    table = tomllib.loads(as_training(SPEC, trained(0.5, 0.9)))
    assert table == {
        "train": TRAINING,
        "final": {"epochs": 2, "horizon": 30, "seed": 7},
        "params": {"lr": 0.5},
    }
