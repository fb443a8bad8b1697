"""Rules on curves with a known verdict; healthy ones must stay silent."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import spec

from danlu.core.codec import encode_number
from danlu.core.event import Diagnosed, Reported, Started
from danlu.core.history import History, empty
from danlu.core.record import TrialRecord
from danlu.diagnosis.rules import RULES, diverged, new_findings, not_finite, says_stop
from danlu.diagnosis.words import plain

NOISE = random.Random(1)

HEALTHY = {
    "falling": [2.3 * math.exp(-0.2 * e) for e in range(30)],
    "noisy": [2.3 * math.exp(-0.1 * e) * NOISE.uniform(0.7, 1.4) for e in range(30)],
    "late take-off": [0.69] * 12 + [0.69 * 0.8**e for e in range(12)],
    "one spike": [2.0, 1.5, 1.2, 30.0, 1.0, 0.9, 0.8],
    "two bad epochs": [2.0, 1.5, 1.2, 30.0, 20.0, 1.4, 1.0],
    "warm-up hump": [2.3, 4.5, 5.0, 4.0, 2.0, 1.0, 0.8],
    "restarts": [abs(math.sin(e / 3)) * 0.5 + 0.5 for e in range(40)],
    "rises but stays near its start": [1.0 + 0.04 * e for e in range(40)],
    "constant": [0.3] * 20,
    "zero": [0.0] * 20,
    "negative log-likelihood": [-1.0 - 0.5 * e for e in range(20)],
    "negative at first": [-1.0, -1.0, 5.0, 6.0, 7.0, 8.0],
    "too short to tell": [1.0, 10.0, 20.0, 40.0],
    "recovered": [1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 0.9, 0.8],
}
DIVERGING = {
    "explosion": [2.3, 2.2, 60.0, 800.0, 1e5, 1e9],
    "slow growth": [1.0 * 1.2**e for e in range(20)],
    "after a good start": [2.0, 1.0, 0.5, 0.3, 8.0, 9.0, 11.0, 10.0],
    "stuck far above": [2.3, 2.4, 25.0, 25.0, 25.0, 25.0],
    "to infinity": [2.3, 2.4, 1e30, math.inf, math.inf],
}


def trial(train: Sequence[float], val: Sequence[float] | None = None) -> TrialRecord:
    """A trial that reported these losses from epoch 1 on."""
    history = empty(spec(), [Started(0.0, 1, {}, 50, 0)])
    for e, loss in enumerate(train, 1):
        metrics = {"train_loss": loss} | ({} if val is None else {"val_loss": val[e - 1]})
        history = history.after(Reported(0.0, 1, e, metrics))
    return history.trials[1]


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_curves_stay_silent(name: str) -> None:
    for epochs in range(len(HEALTHY[name]) + 1):
        if name != "recovered" or epochs > 6:
            assert new_findings(History(spec()), trial(HEALTHY[name][:epochs])) == []


@pytest.mark.parametrize("name", DIVERGING)
def test_diverging_curves_are_found_with_evidence_and_the_advice_to_stop(name: str) -> None:
    (finding,) = diverged(History(spec()), trial(DIVERGING[name]))
    assert (finding.code, finding.severity) == ("diverged", "error")
    assert says_stop(finding)
    last = len(DIVERGING[name])
    assert finding.evidence["epochs"] == [last - 2, last - 1, last]
    assert finding.evidence["values"] == plain(DIVERGING[name][-3:])
    assert f"epoch {last}" in finding.message


def test_a_training_loss_near_zero_is_measured_by_the_scale_of_the_validation_loss() -> None:
    train = [1e-6, 1e-6, 1e-4, 1e-4, 1e-4]
    assert list(diverged(History(spec()), trial(train))) != []
    assert list(diverged(History(spec()), trial(train, [0.5] * 5))) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", ["val_loss", "train_loss", "loss/aux"])
def test_a_loss_that_is_no_number_is_found_at_its_epoch(metric: str, value: float) -> None:
    history = empty(spec(), [Started(0.0, 1, {}, 9, 0), Reported(0.0, 1, 1, {"val_loss": 1.0})])
    history = history.after(Reported(0.0, 1, 4, {metric: value, "val_loss2": 1.0}))
    (finding,) = not_finite(history, history.trials[1])
    assert finding.evidence == {"metric": metric, "epoch": 4, "value": encode_number(value)}
    assert finding.confidence == 1.0
    assert finding.advice[0].action == "stop"


def test_other_metrics_may_be_no_numbers() -> None:
    history = empty(spec(), [Started(0.0, 1, {}, 9, 0)])
    history = history.after(Reported(0.0, 1, 1, {"val_loss": 1.0, "grad_ratio": math.nan}))
    assert new_findings(history, history.trials[1]) == []


def test_a_verdict_is_given_once() -> None:
    sick = trial([2.3, math.nan])
    history = empty(spec(), [Started(0.0, 1, {}, 9, 0)])
    history = history.after(Reported(0.0, 1, 1, {"val_loss": math.nan}))
    (finding,) = new_findings(history, history.trials[1])
    assert new_findings(History(spec()), history.after(Diagnosed(0.0, 1, finding)).trials[1]) == []
    assert [f.code for f in new_findings(History(spec()), sick)] == ["not_finite"]


@given(st.lists(st.floats(1e-6, 1e6), max_size=12), st.integers(-20, 20))
def test_scaling_the_loss_changes_no_verdict(losses: list[float], power: int) -> None:
    scaled = [x * 2.0**power for x in losses]  # a power of two scales without rounding
    verdicts = [
        [f.code for f in new_findings(History(spec()), trial(x))] for x in (losses, scaled)
    ]
    assert verdicts[0] == verdicts[1]


@given(
    st.dictionaries(
        st.integers(1, 60),
        st.dictionaries(
            st.sampled_from(["train_loss", "loss", "val_loss", "acc"]), st.floats(), max_size=3
        ),
        max_size=12,
    )
)
def test_no_rule_ever_raises_on_gaps_and_odd_numbers(reports: dict[int, dict[str, float]]) -> None:
    history = empty(spec(), [Started(0.0, 1, {}, 99, 0)])
    for epoch, metrics in reports.items():
        history = history.after(Reported(0.0, 1, epoch, metrics))
    for rule in RULES:
        for finding in rule(history, history.trials[1]):
            assert 0 < finding.confidence <= 1
            assert finding.message
