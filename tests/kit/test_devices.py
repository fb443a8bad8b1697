"""The device and the precision are chosen by themselves. (No GPU is needed, none is looked at.)"""

import pytest
import torch
from tests.kit.conftest import DATA
from torch import nn

from danlu.errors import DataError
from danlu.kit import Training
from danlu.kit.devices import (
    HEAVY,
    WHOLE_STEP,
    best_device,
    check_device,
    device_of,
    gains_by_mixing,
    operations,
)

pytestmark = pytest.mark.torch


def test_the_best_device_is_a_gpu_if_there_is_one() -> None:
    assert device_of("auto") == best_device()
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_of("cpu") == torch.device("cpu")


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_device_that_torch_was_built_without_is_told_at_once(kind: str) -> None:
    if getattr(torch.backends, kind).is_built():
        check_device(kind)
        return
    with pytest.raises(DataError, match=f"device = '{kind}' cannot be used: this torch was built"):
        Training(DATA["mlp"](), device=kind)
    with pytest.raises(DataError, match=f"device = '{kind}' cannot be used"):
        device_of(kind)


def test_operations_are_those_of_products_and_convolutions() -> None:
    model = nn.Sequential(nn.Linear(10, 20), nn.BatchNorm1d(20), nn.Dropout(0.5), nn.Linear(20, 3))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    assert operations(model, (torch.randn(7, 10),)) == 2 * 7 * (10 * 20 + 20 * 3)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    convolution = nn.Conv2d(1, 8, 3, padding=1)
    assert operations(convolution, (torch.randn(7, 1, 6, 5),)) == 2 * 7 * 8 * 9 * 30


@pytest.mark.parametrize("family", DATA)
def test_the_default_networks_are_no_work_for_mixed_precision(family: str) -> None:
    training = Training(DATA[family](), min_freq=1)
    x = tuple(t[:32] for t in training.data.whole.x)
    model = training.build(training.space.default())
    assert 0 < WHOLE_STEP * operations(model, x) < HEAVY
    assert not gains_by_mixing(model, x)
