"""What the loop tells of each epoch is what happened in it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.conftest import DATA, EPOCHS, run, table
from torch.nn.functional import cross_entropy

from danlu.core.decision import Proxy
from danlu.kit import Training
from danlu.kit.params import Params
from danlu.kit.schedules import planned

pytestmark = pytest.mark.torch

STILL = {
    "optimizer": "sgd",
    "lr": 0.0,
    "units": 8,
    "batch_size": 48,
    "dropout": 0.0,
    "norm": "none",
}


@pytest.mark.parametrize("schedule", ["cosine", "linear", "step", "none"])
def test_the_rate_of_each_epoch_is_the_one_planned_over_the_horizon(
    tmp_path: Path, schedule: str
) -> None:
    config = {"lr": 0.1, "schedule": schedule, "warmup": 0.25, "batch_size": 12, "units": 4}
    training = Training(table())  # 48 samples to train on: four steps an epoch
    params = training.params(config)
    wanted = [0.1 * planned(params, (e - 0.25) / EPOCHS, EPOCHS) for e in range(1, EPOCHS + 1)]
    assert [line["lr"] for line in run(training, tmp_path, config)] == pytest.approx(wanted)


@pytest.mark.parametrize("family", DATA)
def test_losses_and_gradient_norms_are_those_of_torch(tmp_path: Path, family: str) -> None:
    """One step an epoch with a rate of 0: all of it can be computed beside."""
    training = Training(DATA[family](), min_freq=1)
    config = {**STILL, "clip": 0.01}
    line = run(training, tmp_path, config)[-1]
    torch.manual_seed(3)
    model: Any = training.build(config)
    whole = training.data.whole
    loss = cross_entropy(model(*whole.x), whole.y)
    loss.backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert line["train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert line["grad_norm"] == line["grad_norm_max"] == pytest.approx(norm.item(), rel=1e-4)
    assert line["clip_share"] == 1.0
    with torch.no_grad():
        scores = model.eval()(*whole.x_val)
    assert line["val_loss"] == pytest.approx(cross_entropy(scores, whole.y_val).item(), rel=1e-5)
    assert line["val_accuracy"] == pytest.approx((scores.argmax(1) == whole.y_val).float().mean())


@pytest.mark.parametrize("way", ["label_smoothing", "class_weights"])
def test_smoothing_and_class_weights_are_in_the_gradient(tmp_path: Path, way: str) -> None:
    x, y = table()
    some = (y > 0) | (x[:, 0] > 0)  # fewer of the first class
    training = Training((x[some], y[some]))
    whole = training.data.whole
    torch.manual_seed(3)
    model: Any = training.build(STILL)
    weights = len(whole.y) / (3 * torch.bincount(whole.y).float())
    given: dict[str, dict[str, Any]] = {
        "label_smoothing": {"label_smoothing": 0.3}, "class_weights": {"weight": weights},
    }  # fmt: skip
    norms = []
    for more in ({}, given[way]):
        loss = cross_entropy(model(*whole.x), whole.y, **more)
        gradient = torch.autograd.grad(loss, model.parameters())
        norms.append(torch.cat([g.flatten() for g in gradient]).norm().item())
    config = {**STILL, "batch_size": len(y), way: 0.3 if way == "label_smoothing" else True}
    found = run(training, tmp_path, config)[0]["grad_norm"]
    assert found == pytest.approx(norms[1], rel=1e-4)
    assert abs(norms[1] / norms[0] - 1) > 0.01


def test_a_share_of_the_texts_keeps_the_vocabulary_of_all(tmp_path: Path) -> None:
    training = Training(DATA["text"](), min_freq=1)
    small, full = (training.data.part(share, None, 4) for share in (0.3, 1.0))
    assert small.shape == full.shape
    lines = run(training, tmp_path, {"units": 4, "embedding_dim": 4}, proxy=Proxy(0.3))
    assert len(lines) == EPOCHS


def test_params_have_a_default_for_every_name() -> None:
    assert Params().problem() is None
