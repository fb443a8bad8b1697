"""Races at equal epochs, where losses fall far more than configs differ."""

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.strategies.simulate import run

from danlu.core.parameter import Choice
from danlu.core.space import Space
from danlu.strategies.evidence import Curve
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.racing import at_highest, fall_alike
from danlu.strategies.sampled import Sampled

OPERATIONS = ("none", "skip", "conv1", "conv3", "pool")
CELL = Space({f"op{i}": Choice(*OPERATIONS) for i in range(6)})
WORTH = {"none": 2.0, "skip": 1.0, "conv1": 0.5, "conv3": 0.0, "pool": 1.5}
EPOCHS = 50


def end(config: Mapping[str, Any]) -> float:
    """What a cell reaches: 5 at its best, each operation counts."""
    return 5.0 + sum(WORTH[str(op)] * 0.5**i for i, op in enumerate(config.values()))


def annealed(config: Mapping[str, Any], epoch: int) -> float:
    """From 90 down to `end`, faster for better cells and by luck; nearest only at the end."""
    luck = random.Random(repr(sorted(config.items()))).gauss(0.0, 0.1)
    reached = end(config)
    return reached + (90.0 - reached) * math.exp(
        -epoch / math.exp(1.8 + 0.1 * (reached - 7) + luck)
    )


def curve(number: int, losses: list[float], **fields: Any) -> Curve:
    epochs = tuple(range(1, len(losses) + 1))
    return Curve(number, {}, epochs, tuple(losses), tuple(map(float, epochs)), **fields)


def study(ends: list[float], beginnings: list[float], long: int = 4) -> list[Curve]:
    """Trials that fall from a beginning to an end in eight epochs, most seen for one only."""
    falls = [1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.01, 0.0]
    pairs = zip(ends, beginnings, strict=True)
    return [
        curve(i, [e + (b - e) * f for f in falls][: 8 if i < long else 1])
        for i, (e, b) in enumerate(pairs)
    ]


NEAR = study([5.0, 5.5, 6.0, 5.2, 5.8, 6.1, 5.1, 5.9], [90, 80, 85, 95, 88, 82, 92, 86])
APART = study([5.0, 40.0, 70.0, 20.0, 60.0, 80.0, 30.0, 50.0], [50, 60, 85, 40, 70, 95, 45, 65])


def test_a_common_fall_is_told_from_configs_that_differ() -> None:
    assert fall_alike(NEAR)
    assert not fall_alike(APART)


@pytest.mark.parametrize("curves", [NEAR, APART])
def test_other_units_change_nothing(curves: list[Curve]) -> None:
    other = [curve(c.number, [1e-3 * y - 7.0 for y in c.losses]) for c in curves]
    assert fall_alike(other) == fall_alike(curves)


def test_few_failed_and_empty_trials_say_nothing() -> None:
    assert not fall_alike([])
    assert not fall_alike(NEAR[:3])
    assert not fall_alike([curve(i, [], failed=True) for i in range(9)])
    assert not fall_alike([curve(i, [1.0]) for i in range(9)])


def test_trials_are_compared_at_the_highest_rung_that_enough_have_reached() -> None:
    curves = [curve(i, [9.0, 8.0, 7.0, 6.0][:n]) for i, n in enumerate([4, 4, 2, 2, 2, 2, 1, 1])]
    assert at_highest((1, 2, 4), curves) == (2, at_highest((2,), curves)[1])
    rung, reached = at_highest((1, 2, 4), curves)
    assert [c.losses for c in reached] == [(9.0, 8.0)] * 6
    assert rung == 2
    assert at_highest((4,), curves) == (0, [])


def test_trials_on_their_way_to_a_rung_are_awaited_there() -> None:
    past = [curve(i, [9.0, 8.0]) for i in range(6)]
    coming, gone = curve(6, [9.0], until=2), curve(7, [9.0, 8.0], until=4)
    _, reached = at_highest((2,), [*past, coming, gone])
    assert [c.awaited for c in reached] == [False] * 6 + [True, False]
    assert reached[6].losses == ()


def test_cells_that_fall_alike_race_and_are_found_sooner_than_at_random() -> None:
    raced, drawn = [], []
    for seed in range(4):
        history = run(FreezeThaw(), CELL, annealed, epochs=EPOCHS, trainings=10, seed=seed)
        late = list(history.trials.values())[len(history.trials) // 2 :]
        assert {t.epoch for t in late} <= {3, 9, 27, 50}
        raced.append(min(end(t.config) for t in history.trials.values() if t.epoch == EPOCHS))
        history = run(Sampled("random"), CELL, annealed, epochs=EPOCHS, trainings=10, seed=seed)
        drawn.append(min(end(t.config) for t in history.trials.values()))
    assert np.mean(raced) < np.mean(drawn) - 0.2
