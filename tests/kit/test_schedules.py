"""Learning rates are planned over the full horizon."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.kit.params import Params
from danlu.kit.schedules import SMALLEST, Plateau, planned

HORIZON = 20


def rates(**config: object) -> list[float]:
    params = Params.of(config)
    return [planned(params, epoch / HORIZON, HORIZON) for epoch in range(HORIZON)]


def test_cosine_and_linear_fall_from_one_to_nearly_nothing() -> None:
    for schedule in ("cosine", "linear"):
        found = rates(schedule=schedule)
        assert found[0] == 1.0
        assert found == sorted(found, reverse=True)
        assert SMALLEST <= found[-1] < 0.06
    assert rates(schedule="cosine")[10] == pytest.approx(0.5, abs=1e-3)


def test_steps_come_every_n_epochs() -> None:
    found = rates(schedule="step", decay_every=8, decay_factor=0.1)
    assert found == pytest.approx([1] * 8 + [0.1] * 8 + [0.01] * 4)
    assert rates(schedule="step")[3:5] == [1.0, 0.5]  # a fifth of the horizon by itself


@given(
    schedule=st.sampled_from(Params.CHOICES["schedule"]),
    warmup=st.floats(0, 0.5),
    progress=st.floats(0, 1, exclude_max=True),
)
def test_rates_lie_between_nothing_and_one_and_warm_up_rises(
    schedule: str, warmup: float, progress: float
) -> None:
    params = Params.of({"schedule": schedule, "warmup": warmup})
    rate = planned(params, progress, HORIZON)
    assert 0 < rate <= 1
    if progress < warmup:
        assert rate == pytest.approx(max(SMALLEST, progress / warmup), abs=2e-3)


def test_a_plateau_lowers_the_rate_after_waiting_and_not_below_the_smallest() -> None:
    plateau = Plateau.of(Params.of({"schedule": "plateau", "decay_factor": 0.5}), 50)
    assert plateau.wait == 5
    for loss in [1.0, 0.9, *[0.9] * 5]:
        plateau.see(loss, 0.01)
    assert plateau.rate == 0.5
    for _ in range(200):
        plateau.see(math.nan, 0.01)
    assert plateau.rate == SMALLEST


def test_a_fall_within_the_noise_is_none() -> None:
    plateau = Plateau.of(Params.of({"schedule": "plateau"}), 20)
    for i in range(4):
        plateau.see(1.0 - 0.001 * i, error=0.05)
    assert plateau.rate == 0.5
    assert plateau.stale == 3


def test_other_schedules_ignore_the_loss_but_count_for_early_stopping() -> None:
    plateau = Plateau.of(Params.of({"schedule": "cosine"}), 20)
    for _ in range(9):
        plateau.see(1.0, 0.1)
    assert (plateau.rate, plateau.stale) == (1.0, 8)


def test_the_state_comes_back() -> None:
    plateau = Plateau.of(Params.of({"schedule": "plateau"}), 20)
    plateau.see(0.5, 0.1)
    again = Plateau.of(Params.of({"schedule": "plateau"}), 20)
    again.load_state_dict(plateau.state_dict())
    assert again == plateau
