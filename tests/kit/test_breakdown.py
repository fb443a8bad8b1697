"""Training that breaks down ends at that step, and its log says where."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.conftest import run, table
from torch import nn

from danlu.kit import Training
from danlu.kit.breakdown import BreakdownError, refuse, told

pytestmark = pytest.mark.torch

HUGE = {"units": 8, "layers": 1, "batch_size": 16, "optimizer": "sgd", "lr": 1e30}


def test_the_trial_reports_nan_at_once_and_its_log_names_step_rate_and_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = run(Training(table()), tmp_path, HUGE)
    (line,) = lines
    assert math.isnan(line["val_accuracy"])
    assert math.isnan(line["train_loss"])
    said = capsys.readouterr().out
    assert "Training broke down in step 2 of epoch 1" in said
    assert "Learning rate " in said
    assert "Samples of the batch: " in said
    assert "Norms of the gradient before: " in said


def explained(model: nn.Module, x: Any) -> str:
    return told(model, [x], torch.arange(len(x)), 3, 0.1, [], BreakdownError(math.nan))


def test_the_first_layer_that_gives_no_numbers_is_named() -> None:
    broken = nn.Linear(2, 2)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), broken, nn.Linear(2, 1))
    nn.init.constant_(broken.weight, math.inf)
    assert "is 2 (Linear)" in explained(model, torch.ones(4, 2))
    assert "values of the inputs" in explained(model, torch.full((4, 2), math.nan))
    nn.init.constant_(broken.weight, 1.0)
    assert "the outputs are numbers" in explained(model, torch.ones(4, 2))


def test_numbers_are_let_through() -> None:
    refuse(torch.tensor(1.0), torch.tensor(2.0))
    with pytest.raises(BreakdownError, match="loss 1"):
        refuse(torch.tensor(1.0), torch.tensor(math.nan))
