"""Expectations are followed as far as what was seen bears them out."""

import numpy as np
import pytest
from tests.strategies.simulate import begin, launched, run, trained

from danlu.core.decision import Start
from danlu.core.history import History
from danlu.core.parameter import Choice, Float
from danlu.core.space import Config, Space
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import gather
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.trust import LEAST_TRIED, trust

SPACE = Space(lr=Float(1e-5, 1.0, log=True), dropout=Float(0.0, 0.8))
ENCODING = encode(SPACE)


def seen(rates: list[float], good: float) -> History:
    """Trials with these rates; the loss grows with the distance from the good rate."""
    history = begin(SPACE, 1)
    for rate in rates:
        history, n = launched(history, Start({"lr": rate, "dropout": 0.2}, 1))
        history = trained(history, n, lambda c, _: abs(np.log10(float(c["lr"] or 1) / good)))
    return history


RATES = [1e-3, 2e-3, 3e-4, 0.5, 0.1, 2e-5, 1e-2, 1e-4]


def test_without_evidence_expectations_are_followed() -> None:
    assert trust(ENCODING, []) == 1.0
    assert trust(ENCODING, gather(seen(RATES[:1], 1e-3))) == 1.0


def test_expectations_that_hold_are_trusted_and_wrong_ones_are_not() -> None:
    assert trust(ENCODING, gather(seen(RATES, 1e-3))) > 0.95
    assert trust(ENCODING, gather(seen(RATES, 1.0))) < 0.8
    assert trust(ENCODING, gather(seen([1e-3, 9e-4, 1.1e-3, 0.9, 0.8, 0.7], 1.0))) < 0.1


def test_failures_where_much_was_expected_count_against_it() -> None:
    history = begin(SPACE, 1)
    for rate in RATES:
        history, n = launched(history, Start({"lr": rate, "dropout": 0.2}, 1))
        history = trained(history, n, lambda c, _: np.nan if 1e-4 < float(c["lr"] or 1) < 0.05
                          else 1.0)  # fmt: skip
    assert trust(ENCODING, gather(history)) < 0.3


@pytest.mark.parametrize(("tried", "expected"), [(LEAST_TRIED - 1, 0.933), (LEAST_TRIED, 0.0)])
def test_losses_that_are_all_alike_tell_nothing_until_they_tell_that_nothing_learns(
    tried: int, expected: float
) -> None:
    history = begin(SPACE, 1)
    for rate in np.logspace(-5, 0, tried).tolist():
        history, n = launched(history, Start({"lr": rate, "dropout": 0.2}, 1))
        history = trained(history, n, lambda *_: 1.0)
    assert trust(ENCODING, gather(history)) == pytest.approx(expected, abs=0.001)


def test_where_a_default_is_far_from_what_experts_expect_both_are_looked_at() -> None:
    misled = encode(SPACE.replaced({"lr": Float(1e-5, 1.0, log=True, default=0.7)}))
    axis = misled.axes[0]
    assert axis.centre == pytest.approx(0.97, abs=0.01)
    assert axis.spread > 0.5
    assert ENCODING.axes[0].spread < 0.2


def test_what_is_expected_of_a_choice_is_likelier_than_the_rest() -> None:
    encoding = encode(Space(activation=Choice("tanh", "relu", "gelu")))
    W = encoding.place([{"activation": name} for name in ("tanh", "relu", "gelu")])
    p = np.exp(encoding.log_prior(W))
    assert p[1] > p[0] == p[2]
    assert p.sum() == pytest.approx(1.0)


def test_a_wrong_default_costs_little() -> None:
    def loss(config: Config, epoch: int) -> float:
        u = np.log10(float(config["lr"] or 1) / 1e-3) / 2
        return float(u * u + (float(config["dropout"] or 0) - 0.2) ** 2 + 1 / epoch)

    misled = SPACE.replaced(
        {"lr": Float(1e-5, 1.0, log=True, default=0.7), "dropout": Float(0.0, 0.8, default=0.78)}
    )
    for seed in range(3):
        best = run(FreezeThaw(), misled, loss, epochs=10, trainings=5, seed=seed).best
        assert best is not None
        assert loss(best.config, 10) < 0.1 + 0.05
