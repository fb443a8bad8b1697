"""Time as the budget: configs that take longer must promise more."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tests.strategies.simulate import launched

from danlu.core.decision import Continue, Start
from danlu.core.event import Began, Finished, Paused, Reported
from danlu.core.history import History, empty
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.costs import log_cost
from danlu.strategies.encoding import encode
from danlu.strategies.freeze_thaw import FreezeThaw

SPACE = Space(
    a=Float(0.0, 1.0), b=Float(0.0, 1.0), c=Float(0.0, 1.0), width=Int(16, 1024, log=True)
)
Seconds = Callable[[Mapping[str, Any]], float]


def loss(config: Mapping[str, Any], epoch: int) -> float:
    """Depends on a, b and c: the width only costs time."""
    return float(sum((config[name] - 0.3) ** 2 for name in "abc") + 1 / epoch)


def by_width(config: Mapping[str, Any]) -> float:
    return float(config["width"]) / 16.0


def equal(config: Mapping[str, Any]) -> float:
    del config
    return 8.0


def timed(
    strategy: Strategy, seconds: Seconds, budget: Budget, epochs: int, trials: int
) -> History:
    """A study whose epochs take simulated seconds."""
    spec = Spec("t", SPACE, Objective.parse("min metric"), epochs, 1, budget=budget)
    history = empty(spec, [Began(0.0)])
    while len(history.trials) < trials:
        decisions = strategy.decide(SPACE, history, 1)
        (d,) = [d for d in decisions if isinstance(d, Start | Continue)]
        history, n = launched(history, d)
        t = history.trials[n]
        for epoch in range(t.epoch + 1, t.until + 1):
            at = history.last_at + seconds(t.config)
            history = history.after(Reported(at, n, epoch, {"metric": loss(t.config, epoch)}))
        closing = Finished if t.until >= epochs else Paused
        history = history.after(closing(history.last_at, n))
    return history


def widths(history: History) -> list[float]:
    return [math.log2(float(t.config["width"] or 0)) for t in history.trials.values()][8:]


@pytest.mark.parametrize(("strategy", "epochs"), [(Bayes(), 1), (FreezeThaw(), 12)])
def test_where_time_is_the_budget_slow_configs_are_tried_less(
    strategy: Strategy, epochs: int
) -> None:
    time = timed(strategy, by_width, Budget(seconds=1e9), epochs, 24)
    trainings = timed(strategy, by_width, Budget(trainings=1e9), epochs, 24)
    assert np.mean(widths(time)) < np.mean(widths(trainings)) - 1.0


def test_costs_that_hardly_vary_change_no_decision() -> None:
    time = timed(FreezeThaw(), equal, Budget(seconds=1e9), 12, 14)
    trainings = timed(FreezeThaw(), equal, Budget(trainings=1e9), 12, 14)
    configs = [[t.config for t in h.trials.values()] for h in (time, trainings)]
    assert configs[0] == configs[1]


def test_costs_are_learned_from_the_trials() -> None:
    history = timed(Bayes(), by_width, Budget(seconds=1e9), 1, 16)
    encoding = encode(SPACE)
    X = encoding.snap(
        encoding.place([dict.fromkeys("abc", 0.5) | {"width": w} for w in (32, 128, 512)])
    )[1]
    small, middle, large = log_cost(encoding, history)(X)
    assert middle - small == pytest.approx(math.log(4.0), abs=0.35)
    assert large - middle == pytest.approx(math.log(4.0), abs=0.35)


def test_times_that_depend_on_nothing_that_varies_cost_little() -> None:
    rng = np.random.default_rng(0)
    history = timed(Bayes(), lambda _: float(np.exp(rng.normal())), Budget(seconds=1e9), 1, 30)
    encoding = encode(SPACE)
    cost = log_cost(encoding, history)(rng.random((100, 4)))
    assert cost.std() < 0.5
