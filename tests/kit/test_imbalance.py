"""Over-sampling, balanced batches and class weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import ConfigError
from danlu.kit.imbalance import balanced_order, class_weights, epoch_order
from danlu.kit.params import Params

pytestmark = pytest.mark.torch

Y = torch.tensor([0] * 90 + [1] * 9 + [2])


def order(ratio: float, seed: int = 0) -> torch.Tensor:
    return epoch_order(Y, len(Y), ratio, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("ratio", "counts"), [(0.0, [90, 9, 1]), (0.5, [90, 28, 9]), (1.0, [90] * 3)]
)
def test_the_share_of_a_class_grows_with_the_ratio(ratio: float, counts: list[int]) -> None:
    assert torch.bincount(Y[order(ratio)]).tolist() == counts


@given(ratio=st.floats(0, 1), seed=st.integers(0, 2**40))
def test_every_sample_is_drawn_and_none_of_a_class_much_more_often_than_another(
    ratio: float, seed: int
) -> None:
    drawn = torch.bincount(order(ratio, seed), minlength=len(Y))
    assert drawn.min() >= 1
    for c in range(3):
        own = drawn[c == Y]
        assert own.max() - own.min() <= 1


def test_another_epoch_draws_in_another_order() -> None:
    assert not torch.equal(order(1.0, seed=1), order(1.0, seed=2))


def test_each_batch_holds_all_classes_equally() -> None:
    drawn = balanced_order(Y, 120, torch.Generator().manual_seed(0))
    for batch in drawn.split(12):
        assert torch.bincount(Y[batch]).tolist() == [4, 4, 4]
    assert torch.bincount(drawn[Y[drawn] == 1]).max() == 5  # 40 draws from 9 samples


def test_classes_weigh_the_same_together() -> None:
    weights = class_weights(Y, 3)
    assert (weights * torch.bincount(Y)).tolist() == pytest.approx([100 / 3] * 3)


@pytest.mark.parametrize("other", [{"oversample": 0.5}, {"balanced_batches": True}])
def test_class_weights_exclude_the_others(other: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="count rare classes twice"):
        Params.of({"class_weights": True, **other})
