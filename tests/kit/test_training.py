"""`Training` as a training function: what it reports, its proxies, its facts, in any process."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.kit.conftest import DATA, EPOCHS, Recorded, mixed, run, table
from torch import nn

from danlu import Space, Study
from danlu.core.decision import Proxy
from danlu.core.job import Job
from danlu.errors import DataError, LaunchError
from danlu.executors.server import load_function
from danlu.kit import Training
from danlu.preflight.problem import Problem
from danlu.worker.trial import Trial

pytestmark = pytest.mark.torch

SMALL = {"units": 8, "layers": 1, "batch_size": 16, "filters": 4, "embedding_dim": 8}


@pytest.mark.parametrize("family", DATA)
def test_every_family_learns_and_reports(tmp_path: Path, family: str) -> None:
    training = Training(DATA[family](), min_freq=1)
    lines = run(training, tmp_path, {**SMALL, "lr": 0.02, "clip": 1.0, "dropout": 0.0})
    assert lines[-1]["train_loss"] < 0.8 * lines[0]["initial_loss"]
    assert lines[-1]["val_accuracy"] > 1 / len(training.data.classes)
    wanted = {*training.metrics, "val_top_share", "clip_share"} - {"seconds"}
    assert wanted <= set(lines[0])
    assert ["initial_loss" in line for line in lines] == [True] + [False] * (EPOCHS - 1)
    assert lines[0]["initial_loss"] == pytest.approx(np.log(len(training.data.classes)), rel=0.4)


def test_a_table_with_gaps_and_categories_learns(tmp_path: Path) -> None:
    import pandas as pd

    training = Training(pd.DataFrame(mixed()), "label")
    lines = run(training, tmp_path, {**SMALL, "lr": 0.05})
    assert lines[-1]["val_accuracy"] > 0.7


def test_a_number_is_predicted_in_units_of_its_spread(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    training = Training((x, 1000 + 50 * x[:, 0]))
    assert training.objective == "max val_r2"
    assert training.task.kind == "regression"
    lines = run(training, tmp_path, {**SMALL, "lr": 0.03})
    assert 0.5 < lines[0]["initial_loss"] < 2
    assert lines[-1]["val_r2"] > 0.5


def test_losses_are_plain_whatever_is_trained_on(tmp_path: Path) -> None:
    training = Training(table())
    still = {**SMALL, "optimizer": "sgd", "lr": 0.0}
    plain = run(training, tmp_path / "plain", still)
    smoothed = run(training, tmp_path / "smoothed", {**still, "label_smoothing": 0.3})
    weighted = run(training, tmp_path / "weighted", {**still, "class_weights": True})
    for lines in (smoothed, weighted):
        assert lines[-1]["val_loss"] == plain[-1]["val_loss"]


def test_training_is_measured_without_dropout(tmp_path: Path) -> None:
    training = Training(table(600))
    config = {**SMALL, "units": 64, "lr": 0.01}
    lines = run(training, tmp_path, {**config, "dropout": 0.9})
    assert lines[-1]["train_loss"] < lines[-1]["val_loss"] + 0.1
    assert training.task.eval_mode_train is True


def test_a_share_of_the_data_is_trained_on_and_all_of_it_validated() -> None:
    data = Training(table(600)).data
    small, full = data.part(0.1, None, 8), data.part(1.0, None, 8)
    assert 60 <= len(small.y) < 100
    assert len(full.y) == 480
    assert len(small.y_val) == len(full.y_val) == 120
    rows = {tuple(row) for row in full.x[0].tolist()}
    assert all(tuple(row) in rows for row in small.x[0].tolist())


def repeated(folder: Path, seed: int, *, repetition: bool) -> Trial:
    job = Job("test", seed, {}, seed, 1, 1, folder, repetition=repetition)
    return Trial(job, Recorded())


def test_a_repetition_has_a_split_of_its_own_which_its_seed_decides(tmp_path: Path) -> None:
    training = Training(table())
    search = [training.setup(repeated(tmp_path, s, repetition=False)).part for s in (1, 2)]
    again = [training.setup(repeated(tmp_path, s, repetition=True)).part for s in (1, 2, 1)]
    assert search[0] is search[1]
    assert again[0] is again[2]
    validated = [part.y_val.tolist() for part in (search[0], *again[:2])]  # in the data's order
    assert validated[0] != validated[1] != validated[2] != validated[0]
    assert len({len(y) for y in validated}) == 1


def test_validation_data_that_come_apart_are_kept_by_repetitions(tmp_path: Path) -> None:
    x, y = table()
    training = Training({"x": x, "y": y, "x_val": x[:20], "y_val": y[:20]})
    part = training.setup(repeated(tmp_path, 1, repetition=True)).part
    assert torch.equal(part.x_val[0], training.data.whole.x_val[0])


def test_fewer_classes_are_numbered_anew_and_their_choice_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(400) % 5
    training = Training((rng.normal(size=(400, 4)) + np.minimum(y, 3)[:, None] * 2, y))
    cache = tmp_path / "confusability.json"
    part = training.data.part(1.0, 3, 16, cache)
    assert cache.is_file()
    assert part.shape.outputs == 3
    assert sorted(set(part.y.tolist())) == sorted(set(part.y_val.tolist())) == [0, 1, 2]
    again = training.data.part(1.0, 3, 16, cache)
    assert torch.equal(part.y, again.y)
    lines = run(training, tmp_path, SMALL, proxy=Proxy(0.5, 3))
    assert lines[0]["initial_loss"] == pytest.approx(np.log(3), rel=0.5)


def test_rare_classes_change_the_metric_and_the_space() -> None:
    x, _ = table(400)
    y = (np.arange(400) % 40 == 0).astype(int)
    training = Training((x, y))
    assert training.objective == "max val_balanced_accuracy"
    assert {"oversample", "balanced_batches"} <= set(training.space)
    assert training.task.baseline_metric == 0.5
    assert training.task.priors == pytest.approx((0.975, 0.025))
    entropy = -(0.975 * np.log(0.975) + 0.025 * np.log(0.025))
    assert training.task.baseline_loss == pytest.approx(entropy)


def test_preflight_gets_data_model_loss_and_optimizer() -> None:
    training = Training(DATA["rnn"]())
    problem = training.problem()
    assert not problem.params  # a study's own would mix with them
    assert isinstance(problem, Problem)
    assert problem.build is not None
    assert problem.loss is not None
    assert problem.optimizer is not None
    model = problem.build(training.space.default())
    data: Any = problem.data
    loss = problem.loss(model(*data.x_train), data.y_train)
    made = problem.optimizer(model.parameters(), {"optimizer": "sgd", "lr": 0.25})
    assert made.param_groups[0]["lr"] == 0.25
    assert loss.item() == pytest.approx(np.log(2), rel=0.5)


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_a_study_trains_it(tmp_path: Path, executor: Any) -> None:
    training = Training(table(), device="cpu")
    study = Study(
        "s", space=training.space, objective=training.objective, epochs=3, store=tmp_path
    )
    best = study.run(training, budget="2 trials", executor=executor)
    assert best is not None
    assert best.reports[-1].metrics["val_accuracy"] > 0.4


def test_another_process_makes_the_same_from_its_name(tmp_path: Path) -> None:
    x, y = table()
    np.savez(tmp_path / "data.npz", x=x, y=y)
    training = Training(str(tmp_path / "data.npz"), val=0.3)
    again: Any = load_function(training.reference)
    assert again.settings == training.settings
    assert torch.equal(again.data.whole.x[0], training.data.whole.x[0])
    with pytest.raises(LaunchError, match="live in this process only"):
        _ = Training(table()).reference


BUILDERS = """
from torch import nn


def narrow(config, shape):
    return nn.Linear(shape.numeric, shape.outputs, bias=bool(config["bias"]))


def wrong(config, shape):
    return "no module"
"""


@pytest.fixture
def builders(tmp_path: Path) -> str:
    (tmp_path / "builders_of_a_user.py").write_text(BUILDERS)
    return f"{tmp_path}/builders_of_a_user.py"


def test_a_builder_of_the_users_own_is_trained(tmp_path: Path, builders: str) -> None:
    training = Training(table(), model=f"{builders}:narrow")
    lines = run(training, tmp_path, {"bias": False, "lr": 0.1, "batch_size": 16})
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]
    assert [p.shape for p in training.build({"bias": False}).parameters()] == [(3, 5)]
    space = Space(bias=True, lr=0.1)
    assert isinstance(training.build(space.default()), nn.Linear)


def test_a_builder_that_gives_no_module_is_told(tmp_path: Path, builders: str) -> None:
    training = Training(table(), model=f"{builders}:wrong")
    with pytest.raises(DataError, match=r"must return a torch\.nn\.Module, but gave 'no module'"):
        training.build({})


def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises(DataError, match="device = 'warp:7' cannot be used: torch knows none of"):
        Training(table(), device="warp:7")


def test_a_family_that_does_not_fit_the_data_is_refused() -> None:
    import pandas as pd

    with pytest.raises(DataError, match='model = "cnn" needs images'):
        Training(pd.DataFrame(mixed()), "label", model="cnn")
    with pytest.raises(DataError, match="'r2' does not go with classification"):
        Training(table(), metric="r2")
