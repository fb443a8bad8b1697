"""What counts as no difference between trials."""

import random

import pytest
from tests.zoo import spec

from danlu.core.event import Event, Finished, Reported, Started
from danlu.core.history import History, empty
from danlu.strategies.differences import noise, spread


def curves(sd: float, count: int = 5) -> History:
    rng = random.Random(0)
    study = spec()
    events: list[Event] = []
    for number in range(1, count + 1):
        config = {**study.space.default(), "dropout": number / 10}
        events.append(Started(0.0, number, config, 30, number))
        for epoch in range(1, 31):
            value = 0.5 + 1.0 / epoch + rng.gauss(0.0, sd)
            events.append(Reported(1.0, number, epoch, {"val_loss": value}))
        events.append(Finished(2.0, number))
    return empty(study, events)


def test_the_roughness_of_curves_is_the_noise_where_nothing_else_tells_it() -> None:
    assert noise(curves(0.05, count=20)) == pytest.approx(0.05, rel=0.4)
    assert noise(curves(0.0)) < 0.01
    assert noise(curves(0.05, count=0)) == 0.0


def test_the_spread_of_losses_is_that_of_their_middle_half() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0, float("inf")]) == 2.0
    assert spread([1.0, 2.0, 9.0]) == 0.0
