"""Shares of the data in freeze-thaw search: climbed alone, or together with epochs."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from tests.conformance.strategies import Checked
from tests.strategies.simulate import begin, launched, trained
from tests.zoo import Simulation, spec

from danlu.core.decision import Continue, Decision, Proxy, Start, Stop
from danlu.core.history import History
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget
from danlu.strategies.base import Strategy
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import Curve
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.outlook import look
from danlu.strategies.shares import gather_shares
from danlu.strategies.tracks import Both, Epochs
from danlu.surrogates.curves import Horizon

SPACE = Space(lr=Float(1e-5, 1.0, log=True), width=Int(8, 512, log=True))


def bowl(config: Mapping[str, Any], epoch: int) -> float:
    """Lower near lr = 0.02 and width = 100; falls as training goes on."""
    u = math.log10(config["lr"] / 0.02) / 2
    v = math.log2(config["width"] / 100) / 4
    return float(u * u + v * v + 1.0 / epoch)


def harder(share: float) -> Callable[[Mapping[str, Any], int], float]:
    """`bowl` with less data: a higher loss."""
    return lambda config, epoch: bowl(config, epoch) + 1.0 - share


def with_shares(strategy: Strategy, epochs: int, trainings: float) -> History:
    """A study where less data means a higher loss."""
    history = begin(SPACE, epochs)
    while history.trainings < trainings:
        (d,) = [d for d in strategy.decide(SPACE, history, 1) if isinstance(d, Start | Continue)]
        history, n = launched(history, d)
        history = trained(history, n, harder(history.trials[n].proxy.data_fraction))
    return history


def test_shares_of_the_data_are_climbed() -> None:
    history = with_shares(FreezeThaw(fractions=(1 / 9, 1 / 3, 1.0)), 1, 8)
    shares = [t.proxy.data_fraction for t in history.trials.values()]
    assert set(shares) == {1 / 9, 1 / 3, 1.0}
    pairs = [(tuple(t.config.items()), t.proxy) for t in history.trials.values()]
    assert len(set(pairs)) == len(pairs)


def test_half_of_the_budget_is_for_more_than_the_smallest_share_of_the_data() -> None:
    history = with_shares(FreezeThaw(fractions=(1 / 9, 1 / 3, 1.0)), 1, 12)
    shares = [t.proxy.data_fraction for t in history.trials.values()]
    assert sum(s for s in shares if s > 1 / 9) > 0.45 * sum(shares)
    assert shares.count(1.0) >= 2


def test_shares_and_epochs_are_climbed_together() -> None:
    strategy = FreezeThaw(fractions=(0.1, 0.3))
    history = with_shares(strategy, 4, 6)
    steps: dict[tuple[Any, ...], list[tuple[float, int]]] = {}
    for t in history.trials.values():
        steps.setdefault(tuple(t.config.items()), []).append((t.proxy.data_fraction, t.epoch))
    climbed = [s for s in steps.values() if len(s) > 1]
    assert {share for s in steps.values() for share, _ in s} == {0.3, 1.0}  # 0.1: too little
    assert climbed
    for s in climbed:
        assert [share for share, _ in s] == sorted({share for share, _ in s})
    assert sum(s[0][0] < 1.0 for s in steps.values()) >= 6
    best = history.best
    assert best is not None
    assert best.proxy.full
    assert best.epoch == 4


def test_a_config_gets_one_slice_on_each_share() -> None:
    both = Both((0.1, 0.3, 1.0), Epochs(20, 1, 1.5))

    def at(share: float, epoch: int) -> Curve:
        return Curve(7, {}, (epoch,), (1.0,), (0.0,), share=share, paused=True)

    assert both.price(at(0.1, 1)) == pytest.approx(0.3)
    assert both.price(at(0.3, 1)) == 1
    assert both.price(at(1.0, 2)) == 3
    up = both.go_on(at(0.1, 1), "")
    assert isinstance(up, Start)
    assert (up.proxy, up.until) == (Proxy(0.3), 1)
    assert isinstance(both.go_on(at(1.0, 1), ""), Continue)


def test_shares_are_left_out_where_an_epoch_is_little() -> None:
    """With 40 epochs a slice of two on all the data is a twentieth; so nothing is gained."""
    strategy = FreezeThaw(fractions=(0.1, 0.3))
    history = with_shares(strategy, 40, 2)
    assert all(t.proxy.full for t in history.trials.values())


def test_the_model_tells_the_share_of_the_data_from_the_config() -> None:
    """Losses on all the data are lower by 0.9: expected there is what they are there."""
    history = begin(SPACE, 4)
    for k in range(12):
        share = 1.0 if k % 3 == 0 else 0.1
        lr = float(10 ** (-5 * (k + 0.5) / 12))
        history, n = launched(history, Start({"lr": lr, "width": 100}, 3, Proxy(share)))
        history = trained(history, n, harder(share))
    encoding, curves = encode(SPACE), gather_shares(history)
    outlook = look(encoding, history, curves, Horizon(4), np.random.default_rng(0))
    small = np.array([i for i, c in enumerate(outlook.curves) if c.share < 1.0])
    mu, sd = outlook.predict_ahead(small, 4)
    true = np.array([bowl(outlook.curves[i].config, 4) for i in small])
    assert np.median(np.abs(outlook.warp.inverse(mu) - true)) < 0.1
    assert np.all(sd > 0)


def test_the_whole_data_is_always_among_the_shares() -> None:
    assert FreezeThaw(fractions=(0.3, 0.1)).fractions == (0.1, 0.3, 1.0)


def test_a_trial_whose_config_begins_anew_on_more_data_is_stopped() -> None:
    """Else its process would stay frozen until the study ends, for nothing."""
    strategy = FreezeThaw(fractions=(0.1, 0.3))
    history = begin(SPACE, 4)
    decisions: Sequence[Decision] = ()
    while not any(t.proxy.full for t in history.trials.values()):
        decisions = strategy.decide(SPACE, history, 1)
        (d,) = [d for d in decisions if isinstance(d, Start | Continue)]
        history, n = launched(history, d)
        history = trained(history, n, harder(history.trials[n].proxy.data_fraction))
    (start,) = [d for d in decisions if isinstance(d, Start)]
    stops = [d for d in decisions if isinstance(d, Stop)]
    assert [history.trials[s.trial].config for s in stops] == [start.config]
    assert [history.trials[s.trial].proxy for s in stops] == [Proxy(0.3)]
    assert stops[0].why == "its config is trained on all of the data now"


@pytest.mark.parametrize("epochs", [3, 5])
def test_whatever_strategies_must_do_holds_on_shares_too(epochs: int) -> None:
    kept = spec(epochs=epochs, budget=Budget(trainings=5.0))
    checked = Checked(FreezeThaw(fractions=(0.1, 0.3)))
    history = Simulation(checked, kept, workers=2, takes_fraction=True).run()
    assert {t.state for t in history.trials.values()} <= {"paused", "finished", "stopped"}
    assert {t.proxy.full for t in history.trials.values()} == {True, False}
