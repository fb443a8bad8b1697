"""What counts as no difference between trials."""

import random

import pytest
from tests.zoo import spec

from danlu.core.event import Event, Finished, Learned, Reported, Started
from danlu.core.history import History, empty
from danlu.core.spec import Objective
from danlu.core.task import Task
from danlu.strategies.noise import noise, spread


def curves(
    sd: float,
    count: int = 5,
    metric: str = "val_loss",
    task: Task | None = None,
    objective: str = "",
) -> History:
    rng = random.Random(0)
    study = spec(objective=Objective.parse(objective or metric))
    events: list[Event] = [] if task is None else [Learned(0.0, task)]
    for number in range(1, count + 1):
        config = {**study.space.default(), "dropout": number / 10}
        events.append(Started(0.0, number, config, 30, number))
        for epoch in range(1, 31):
            value = 0.5 + 1.0 / epoch + rng.gauss(0.0, sd)
            events.append(Reported(1.0, number, epoch, {metric: value}))
        events.append(Finished(2.0, number))
    return empty(study, events)


def test_the_roughness_of_curves_is_the_noise_where_nothing_else_tells_it() -> None:
    assert noise(curves(0.05)) == pytest.approx(0.05, rel=0.4)
    assert noise(curves(0.0)) < 0.01
    assert noise(curves(0.05, count=0)) == 0.0


def test_a_small_validation_set_makes_an_accuracy_noisy() -> None:
    few, many = (
        noise(curves(0.0, 5, "val_error_f1", Task(n_val=n), objective="min val_error_f1"))
        for n in (16, 1600)
    )
    assert few == pytest.approx((0.53 * 0.47 / 16) ** 0.5, rel=0.02)
    assert many == pytest.approx(few / 10)


def test_repeats_with_several_seeds_say_it_best() -> None:
    study = spec()
    events: list[Event] = []
    values = [[0.1, 0.2, 0.3, 0.2], [0.5, 0.6, 0.7, 0.6]]
    for number, value in enumerate((v for group in values for v in group), 1):
        config = {**study.space.default(), "dropout": 0.1 * ((number - 1) // 4)}
        seed = (number - 1) % 4
        stage = "confirm" if seed else "fine"
        events.append(Started(0.0, number, config, 30, seed, stage=stage))
        events.append(Reported(1.0, number, 30, {"val_loss": value}))
        events.append(Finished(2.0, number))
    assert noise(empty(study, events)) == pytest.approx((0.04 / 6) ** 0.5)


def test_the_spread_of_losses_is_that_of_their_middle_half() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0, float("inf")]) == 2.0
    assert spread([1.0, 2.0, 9.0]) == 0.0
