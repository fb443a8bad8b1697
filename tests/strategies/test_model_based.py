"""What every model-based strategy promises, on small objectives with a known optimum."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.conformance.strategies import filling
from tests.strategies.simulate import begin, configs, run
from tests.zoo import Simulation, found, spec

from danlu.core.decision import Finish, Start
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget
from danlu.errors import StudyError
from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.freeze_thaw import FreezeThaw

SPACE = Space(
    lr=Float(1e-5, 1.0, log=True),
    width=Int(8, 512, log=True),
    optimizer=Choice("sgd", "adam"),
    momentum=Float(0.0, 0.99, when={"optimizer": ("sgd",)}),
    constant=7,
)
EPOCHS = 20
BOTH = [pytest.param(Bayes(), id="bayes"), pytest.param(FreezeThaw(), id="freeze_thaw")]


def bowl(config: Mapping[str, Any], epoch: int) -> float:
    """Lower near lr = 0.02, width = 100, momentum = 0.8; falls as training goes on."""
    u = math.log10(config["lr"] / 0.02) / 2
    v = math.log2(config["width"] / 100) / 4
    m = abs(config["momentum"] - 0.8) if config["optimizer"] == "sgd" else 0.4
    return float(u * u + v * v + 0.3 * m + 1.0 / epoch)


def mirrored(config: Mapping[str, Any], epoch: int) -> float:
    return 1e4 * (3.0 - bowl(config, epoch))


@pytest.mark.parametrize("strategy", BOTH)
def test_scaling_and_mirroring_the_objective_changes_no_trajectory(strategy: Strategy) -> None:
    plain = run(strategy, SPACE, bowl, epochs=EPOCHS, trainings=5)
    other = run(strategy, SPACE, mirrored, epochs=EPOCHS, trainings=5, direction="max")
    assert [t.until for t in plain.trials.values()] == [t.until for t in other.trials.values()]
    for a, b in zip(plain.trials.values(), other.trials.values(), strict=True):
        assert a.config["optimizer"] == b.config["optimizer"]
        assert float(a.config["lr"] or 0) == pytest.approx(float(b.config["lr"] or 0), rel=1e-3)


@pytest.mark.parametrize("strategy", BOTH)
def test_every_config_belongs_to_the_space_and_none_comes_twice(strategy: Strategy) -> None:
    history = run(strategy, SPACE, bowl, epochs=EPOCHS, trainings=6, slots=3)
    for t in history.trials.values():
        assert SPACE.check(t.config) == t.config
    assert len(set(configs(history))) == len(history.trials)


@pytest.mark.parametrize("strategy", BOTH)
def test_every_decision_says_why(strategy: Strategy) -> None:
    history = run(strategy, SPACE, bowl, epochs=EPOCHS, trainings=5)
    (decision,) = filling(strategy.decide(SPACE, history, 1))
    assert re.search("predicted .* best so far|is [0-9]+ of [0-9]+ at epoch", decision.why)


@pytest.mark.parametrize("strategy", BOTH)
def test_the_first_trial_is_the_default_config(strategy: Strategy) -> None:
    space = Space(lr=Float(1e-5, 1.0, log=True, default=0.3), n=Int(1, 9, default=2))
    (first,) = filling(strategy.decide(space, begin(space, EPOCHS), 1))
    assert isinstance(first, Start)
    assert first.config["n"] == 2
    assert first.config["lr"] == pytest.approx(0.3)


@pytest.mark.parametrize("strategy", BOTH)
def test_regions_that_fail_are_avoided(strategy: Strategy) -> None:
    def diverges(config: Mapping[str, Any], epoch: int) -> float:
        return math.nan if config["lr"] > 0.01 else bowl(config, epoch)

    space = Space(lr=Float(1e-5, 1.0, log=True), width=Int(8, 512, log=True),
                  optimizer=Choice("sgd", "adam"), momentum=Float(0, 0.99))  # fmt: skip
    history = run(strategy, space, diverges, epochs=EPOCHS, trainings=10)
    late = list(history.trials.values())[len(history.trials) // 2 :]
    assert np.mean([t.state == "failed" for t in late]) < 0.25


@pytest.mark.parametrize("strategy", BOTH)
def test_a_constant_objective_and_one_epoch_are_fine(strategy: Strategy) -> None:
    run(strategy, SPACE, lambda c, e: 0.5, epochs=EPOCHS, trainings=3)
    run(strategy, SPACE, bowl, epochs=1, trainings=12)


@pytest.mark.parametrize("strategy", BOTH)
def test_a_finite_space_is_searched_to_its_end(strategy: Strategy) -> None:
    space = Space(a=Choice("x", "y", "z"), b=Int(1, 4))

    def value(config: Mapping[str, Any], epoch: int) -> float:
        return float(config["b"] + (config["a"] == "y") + 1.0 / epoch)

    history = run(strategy, space, value, epochs=3, trainings=50)
    assert len(set(configs(history))) == len(history.trials) == 12
    assert isinstance(strategy.decide(space, history, 1)[0], Finish)


@pytest.mark.parametrize("strategy", BOTH)
def test_beats_random_search_by_far(strategy: Strategy) -> None:
    rng = np.random.default_rng(0)
    at_random = []
    for _ in range(200):
        draws = [
            bowl(SPACE.from_unit({n: rng.random() for n in SPACE}), EPOCHS) for _ in range(12)
        ]
        at_random.append(min(draws))
    ours = []
    for seed in range(3):
        best = run(strategy, SPACE, bowl, epochs=EPOCHS, trainings=12, seed=seed).best
        assert best is not None
        ours.append(bowl(best.config, best.epoch))
    assert np.mean(ours) < np.quantile(at_random, 0.2)


def test_running_trials_are_believed() -> None:
    """With all slots taken by neighbours, the next config is another one."""
    history = run(Bayes(), SPACE, bowl, epochs=1, trainings=10)
    decisions = Bayes().decide(SPACE, history, 6)
    starts = [d.config for d in decisions if isinstance(d, Start)]
    assert len({(round(math.log10(float(c["lr"] or 1)), 3), c["width"]) for c in starts}) == 6


def test_freeze_thaw_trains_good_configs_to_their_end() -> None:
    history = run(FreezeThaw(), SPACE, bowl, epochs=EPOCHS, trainings=5)
    depths = sorted(t.epoch for t in history.trials.values())
    assert depths[-1] == EPOCHS
    assert depths[0] <= 2
    assert len(depths) > 8


def test_flat_first_epochs_do_not_stop_the_search_from_training_deeper() -> None:
    def late(config: Mapping[str, Any], epoch: int) -> float:
        return 1.0 if epoch < 8 else float(bowl(config, EPOCHS) - 0.1 * (epoch - 8))

    history = run(FreezeThaw(), SPACE, late, epochs=EPOCHS, trainings=4)
    assert max(t.epoch for t in history.trials.values()) >= EPOCHS // 2


def test_wrong_defaults_do_not_ruin_the_search() -> None:
    misled = SPACE.replaced(
        {
            "lr": Float(1e-5, 1.0, log=True, default=1e-5),
            "width": Int(8, 512, log=True, default=512),
        }
    )
    rng = np.random.default_rng(1)
    draws = [bowl(SPACE.from_unit({n: rng.random() for n in SPACE}), EPOCHS) for _ in range(2000)]
    values = []
    for seed in range(3):
        best = run(FreezeThaw(), misled, bowl, epochs=EPOCHS, trainings=12, seed=seed).best
        assert best is not None
        values.append(bowl(best.config, best.epoch))
    assert np.mean(values) < np.quantile(draws, 0.05)


@pytest.mark.parametrize(
    "keys",
    [{"first_slice": 2.0}, {"growth": 0.5}, {"growth": "fast"}, {"fractions": (0.0, 1.0)}],
)
def test_keys_out_of_range_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=f"{next(iter(keys))} must be a number in"):
        FreezeThaw(**keys)


def test_hopeless_trials_are_stopped_where_training_cannot_pause() -> None:
    studies = [spec(seed=seed, budget=Budget(trainings=15.0)) for seed in range(3)]
    stopping, whole = [], []
    for study in studies:
        history = Simulation(FreezeThaw(), study, workers=2, can_pause=False).run()
        stopped = [t for t in history.trials.values() if t.state == "stopped"]
        assert stopped
        assert all(t.epoch < study.epochs for t in stopped)
        assert all("hopeless: predicted" in t.message for t in stopped)
        stopping.append(found(history))
        whole.append(found(Simulation(Bayes(), study, workers=2, can_pause=False).run()))
    assert sum(stopping) < 1.1 * sum(whole)
