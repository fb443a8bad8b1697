"""The last stage: paired seeds, the default beside the best, more seeds where they decide."""

import random
from collections import Counter

import pytest
from tests.zoo import Curve, Simulation, learning_curve, spec

from danlu.core.decision import FULL, Note, Proxy
from danlu.core.history import History
from danlu.core.space import Config
from danlu.core.spec import Budget
from danlu.strategies.auto import Auto
from danlu.strategies.base import Strategy
from danlu.strategies.fresh import config_key
from danlu.strategies.plan import MOST_SEEDS
from danlu.strategies.staged import Staged

PLAN = Staged(model=False)  # the model takes most of the time, and nothing from this stage


def noisy(config: Config, epoch: int, seed: int, proxy: Proxy = FULL) -> float:
    """Curves whose seeds differ by more than the best configs do."""
    luck = random.Random(f"luck:{seed}:{sorted(config.items())}").gauss(0.0, 0.05)
    return learning_curve(config, epoch, seed, proxy) + luck


def run(trainings: float, curve: Curve = noisy, strategy: Strategy | None = None) -> Simulation:
    study = spec(budget=Budget(trainings=trainings))
    simulation = Simulation(strategy or PLAN, study, curve, workers=2)
    simulation.run()
    return simulation


def seeds_of(history: History) -> Counter[object]:
    """Config → in how many repetitions it was trained."""
    again = [t for t in history.trials.values() if t.stage == "confirm"]
    return Counter(config_key(t.config) for t in again)


@pytest.mark.parametrize("strategy", [PLAN, Auto()])
def test_the_default_is_trained_again_with_the_same_seeds_as_the_best(strategy: Strategy) -> None:
    history = run(40.0, learning_curve, strategy).history
    assert history.default is not None
    default = config_key(history.default.config)
    again = [t for t in history.trials.values() if t.stage == "confirm"]
    own = {t.seed for t in again if config_key(t.config) == default}
    others = {t.seed for t in again if config_key(t.config) != default}
    assert len(own) >= 2
    assert own <= others
    assert any("the default config" in t.why for t in again)


def test_a_small_budget_confirms_the_two_best_only() -> None:
    assert set(seeds_of(run(20.0).history).values()) == {2}


def test_what_stays_behind_gets_no_more_seeds_and_what_may_win_does() -> None:
    history = run(150.0).history
    counts = seeds_of(history)
    default = history.default
    assert default is not None
    assert counts[config_key(default.config)] == 3
    assert 3 < max(counts.values()) <= MOST_SEEDS


def test_a_winner_that_is_certain_after_three_seeds_ends_the_stage() -> None:
    def apart(config: Config, epoch: int, seed: int, proxy: Proxy = FULL) -> float:
        return 1.0 / epoch + float(str(config["dropout"]))  # no seed differs from another

    assert set(seeds_of(run(150.0, apart).history).values()) == {3}


def test_the_verdict_is_one_line_with_the_means_and_how_sure_it_is() -> None:
    simulation = run(60.05)  # never spent to the last epoch, so that the plan comes to its end
    (entry,) = [d.entry for d in simulation.decisions
                if isinstance(d, Note) and d.entry.code == "verdict"]  # fmt: skip
    history = simulation.history
    assert history.best is not None
    assert entry.done.startswith(f"use the config of #{history.best.number}")
    assert "the default" in entry.seen
    assert "with probability 0." in entry.why
    assert entry.data["winner"] == history.best.number


def test_of_indistinguishable_configs_the_verdict_says_that_they_are_not_separable() -> None:
    def flat(config: Config, epoch: int, seed: int, proxy: Proxy = FULL) -> float:
        return 1.0 / epoch + random.Random(f"{seed}:{sorted(config.items())}").gauss(0.0, 0.1)

    verdicts = [e for e in run(60.0, flat).history.logbook if e.code == "verdict"]
    assert verdicts
    assert all(e.data["chance"] < 0.95 for e in verdicts)
    assert any("not separable" in e.why for e in verdicts) or verdicts[0].data["chance"] >= 0.75


def test_many_workers_wait_for_all_seeds_before_some_configs_get_more() -> None:
    study = spec(budget=Budget(trainings=150.0))
    history = Simulation(PLAN, study, noisy, workers=8).run()
    rounds = Counter(t.seed for t in history.trials.values() if t.stage == "confirm")
    counts = [rounds[study.trial_seed(-s)] for s in range(1, MOST_SEEDS + 1)]
    assert counts[:3] == [4, 4, 4]
    assert counts[3:] == sorted(counts[3:], reverse=True)
