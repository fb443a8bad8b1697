"""What every strategy must do, whatever happens; run on each by a subclass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.zoo import Curve, Simulation, learning_curve, recorded, spec

from danlu.core.decision import FULL, Continue, Decision, Note, Proxy, Start, Stop
from danlu.core.event import Began
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Config, Space
from danlu.core.spec import Budget, Spec
from danlu.strategies.base import Strategy

STEPWISE = 4  # free slots up to which each decision is also asked for one by one


def stepwise(
    strategy: Strategy, space: Space, history: History, free_slots: int
) -> list[Decision]:
    """What fills the slots when each decision is recorded before the next is asked for."""
    decisions: list[Decision] = []
    for _ in range(free_slots):
        found = filling(strategy.decide(space, history, 1))
        if not found:
            break
        decisions += found
        history = history.after(recorded(history, found[0]))
    return decisions


def filling(decisions: Sequence[Decision]) -> list[Decision]:
    return [d for d in decisions if isinstance(d, Start | Continue)]


@dataclass
class Checked:
    """A strategy whose every answer is checked while a study runs."""

    strategy: Strategy
    finished: bool = False

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        decisions = self.strategy.decide(space, history, free_slots)
        again = self.strategy.decide(space, replace(history), free_slots)
        assert list(again) == list(decisions), "the same history must give the same decisions"
        assert len(filling(decisions)) <= free_slots
        if free_slots <= STEPWISE or history.next_number == 1:
            expected = stepwise(self.strategy, space, history, free_slots)
            assert filling(decisions) == expected, "asking for two is asking twice for one"
        for decision in decisions:
            assert len(decision.why) > 10, "every decision says why"
            check(space, history, decision)
        continued = [d.trial for d in decisions if isinstance(d, Continue | Stop)]
        assert len(set(continued)) == len(continued)
        return decisions


def check(space: Space, history: History, decision: Decision) -> None:
    """One decision is possible as things are."""
    epochs = history.spec.epochs
    if isinstance(decision, Start):
        assert space.check(decision.config) == decision.config
        assert 1 <= decision.until <= epochs
        assert 0 < decision.proxy.data_fraction <= 1
        assert decision.proxy == FULL or history.takes_fraction is True
    elif isinstance(decision, Continue):
        t = history.trials[decision.trial]
        assert history.can_pause
        assert t.state == "paused"
        assert t.epoch < decision.until <= epochs
        assert decision.until > t.until
    elif isinstance(decision, Stop):
        assert history.trials[decision.trial].open
    elif isinstance(decision, Note):
        assert decision.entry not in history.logbook, "what is noted is not noted again"
    else:
        assert not history.running, "what runs may still change the answer"


class StrategyConformance:
    """Subclass it and return the strategy; see README.md in this folder."""

    def strategy(self) -> Strategy:
        raise NotImplementedError

    def run(self, study: Spec, curve: Curve = learning_curve, **given: Any) -> History:
        """A whole study with every decision checked."""
        return Simulation(Checked(self.strategy()), study, curve, **given).run()

    @pytest.mark.parametrize("workers", [1, 3, 64])
    def test_a_study_runs_until_its_budget_is_spent(self, workers: int) -> None:
        history = self.run(spec(budget=Budget(trainings=8.0)), workers=workers)
        assert history.best is not None
        assert history.trainings <= 8.0 + workers  # no tuner can foresee what runs at the end
        assert not history.running

    @pytest.mark.parametrize("seed", range(3))
    def test_training_that_cannot_pause_is_tuned_too(self, seed: int) -> None:
        history = self.run(
            spec(seed=seed, budget=Budget(trainings=8.0)), can_pause=False, workers=3
        )
        assert history.best is not None
        assert not history.paused

    @pytest.mark.parametrize(
        "budget", [Budget(trials=12), Budget(seconds=200.0), Budget(trainings=1.0)]
    )
    def test_any_kind_of_budget_ends_the_study(self, budget: Budget) -> None:
        history = self.run(spec(budget=budget), workers=2)
        assert history.best is not None
        assert budget.trials is None or len(history.trials) <= budget.trials
        assert budget.trainings is None or history.trainings <= budget.trainings + 2

    @pytest.mark.parametrize("can_pause", [True, False])
    def test_failing_trials_do_not_end_the_search(self, can_pause: bool) -> None:
        def sometimes(config: Config, epoch: int, seed: int, proxy: Proxy) -> float:
            if seed % 3 == 0 and epoch == 1 + seed % 5:
                raise ArithmeticError("out of luck")
            return math.nan if seed % 7 == 1 else learning_curve(config, epoch, seed, proxy)

        budget = Budget(trainings=8.0)
        history = self.run(spec(budget=budget), sometimes, can_pause=can_pause, workers=2)
        assert any(t.state == "failed" for t in history.trials.values())
        assert history.best is not None
        assert history.best.state != "failed"

    def test_a_study_in_which_every_trial_fails_is_survived(self) -> None:
        def always(config: Config, epoch: int, seed: int, proxy: Proxy) -> float:
            raise ArithmeticError("no luck at all")

        history = self.run(spec(budget=Budget(trials=15)), always, workers=2)
        assert 1 <= len(history.trials) <= 15
        assert history.best is None

    def test_a_study_in_which_every_value_is_nan_is_survived(self) -> None:
        history = self.run(spec(budget=Budget(trainings=1.0)), lambda *_: math.nan, workers=2)
        assert history.best is None

    @pytest.mark.parametrize("epochs", [1, 2, 5])
    def test_trials_of_few_epochs_are_fine(self, epochs: int) -> None:
        history = self.run(spec(epochs=epochs, budget=Budget(trainings=10.0)), workers=2)
        assert any(t.epoch == epochs for t in history.trials.values())

    def test_constants_choices_and_conditions_make_a_space_too(self) -> None:
        space = Space(
            kind=Choice("a", "b"),
            depth=Int(1, 3, when={"kind": ("a",)}),
            width=Float(1.0, 8.0, log=True, when={"depth": (2, 3)}),
            batch=64,
        )
        history = self.run(
            spec(space, budget=Budget(trainings=6.0)),
            lambda config, epoch, seed, proxy: len(config) / epoch,
            workers=2,
        )
        assert all(t.config["batch"] == 64 for t in history.trials.values())
        assert all(("width" in t.config) == (t.config.get("depth") in (2, 3))
                   for t in history.trials.values())  # fmt: skip

    def test_no_free_slot_starts_nothing(self) -> None:
        study = spec()
        history = empty(study, [Began(0.0)])
        assert filling(self.strategy().decide(study.space, history, 0)) == []

    def test_another_seed_gives_another_search(self) -> None:
        configs = [
            [t.config for t in self.run(spec(seed=seed, budget=Budget(trials=4))).trials.values()]
            for seed in (1, 2)
        ]
        assert configs[0] != configs[1]

    def test_a_space_in_which_nothing_varies_is_one_config(self) -> None:
        only = spec().space.default()
        history = self.run(spec(Space(only), budget=Budget(trainings=3.0)))
        assert all(t.config == only for t in history.trials.values())
        assert history.best is not None
