"""The default plan: search, then the best and the default in full, then confirmation."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.zoo import SPACE, Simulation, learning_curve, spec

from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.record import TrialRecord
from danlu.core.spec import Budget
from danlu.diagnosis.study import study_news
from danlu.errors import StudyError
from danlu.strategies.auto import Auto


def run(trainings: float) -> History:
    study = replace(spec(), budget=Budget(trainings=trainings))
    return Simulation(Auto(), study, learning_curve, workers=2).run()


def test_the_best_are_trained_in_full_and_confirmed_with_fresh_seeds() -> None:
    history = run(20.0)
    again = [t for t in history.trials.values() if t.stage == "confirm"]
    assert len({tuple(t.config.items()) for t in again}) >= 2
    assert all(t.epoch == history.spec.epochs for t in again)
    best = history.best
    assert best is not None
    same = [t for t in history.trials.values() if t.config == best.config]
    assert len({t.seed for t in same}) >= 2


def test_the_default_config_comes_first_and_is_trained_in_full_to_compare_with() -> None:
    history = run(20.0)
    assert history.default is history.trials[1]
    assert history.trials[1].epoch == 30
    given = {n for n, p in SPACE.parameters.items() if p.default is not None}
    config = history.trials[1].config
    assert all(config[n] == SPACE[n].default for n in given & set(config))


def test_the_budget_is_used_but_not_overspent() -> None:
    history = run(20.0)
    assert 18.0 < history.trainings <= 20.0 + 1e-9


def test_a_small_budget_is_for_the_search_alone() -> None:
    history = run(3.0)
    assert {t.stage for t in history.trials.values()} <= {"search", "finish"}
    assert history.best is not None
    assert math.isfinite(history.best.value or math.nan)


TOO_LOW = Finding(
    "lr_too_low", "warning", 0.8, "It crawls.", advice=(Advice("multiply", "lr", 30.0),)
)
LOW = SPACE.replaced({"lr": Float(1e-5, 1e-4, log=True, limits=(1e-6, 1.0))})
"""The space with learning rates far below the good ones, which limits allow."""


def rate(trial: TrialRecord) -> float:
    value = trial.config["lr"]
    assert isinstance(value, float)
    return value


def crawling(history: History, number: int) -> Iterable[tuple[int | None, Finding]]:
    """A trial of five epochs or more with too low a learning rate is said to crawl."""
    trial = history.trials[number]
    if trial.epoch >= 5 and rate(trial) < 1e-3 and not trial.findings:
        yield number, TOO_LOW


def searched(strategy: Auto, *, workers: int = 2, can_pause: bool = True) -> History:
    study = replace(spec(LOW), budget=Budget(trainings=11.0))
    return Simulation(
        strategy, study, learning_curve, workers=workers, can_pause=can_pause, found=crawling
    ).run()


@pytest.mark.parametrize("can_pause", [True, False])
def test_what_is_advised_for_the_best_is_tried_beyond_the_ranges_and_followed_on(
    can_pause: bool,
) -> None:
    with_advice = searched(Auto(), can_pause=can_pause)
    without = searched(Auto(findings=False), can_pause=can_pause)
    said = Counter(e.code for e in with_advice.logbook)
    assert said["advice"] == said["outcome"] >= 1
    assert said["reach"] >= 1
    assert all(rate(t) <= 1e-4 for t in without.trials.values())
    assert with_advice.best is not None
    assert without.best is not None
    assert rate(with_advice.best) > 1e-4
    assert (with_advice.best.value or 9.0) < (without.best.value or 0.0) - 0.1
    assert with_advice.trainings <= 11.0 + 1e-9


def test_without_advice_the_search_is_the_same() -> None:
    study = replace(spec(), budget=Budget(trainings=6.0))
    runs = [Simulation(s, study, learning_curve).run() for s in (Auto(), Auto(findings=False))]
    assert [t.config for t in runs[0].trials.values()] == [
        t.config for t in runs[1].trials.values()
    ]


def test_its_key_is_true_or_false() -> None:
    with pytest.raises(StudyError, match="findings"):
        Auto(findings="yes")  # type: ignore[arg-type]


def test_a_range_at_whose_end_the_best_lie_is_extended_within_its_limits() -> None:
    study = replace(spec(LOW), budget=Budget(trainings=12.0))
    judged = Simulation(
        Auto(), study, learning_curve, found=lambda h, _: ((None, f) for f in study_news(h))
    ).run()
    (line, *_) = (e for e in judged.logbook if e.code == "extend" and "ranges" in e.data)
    assert line.stage == "search"
    assert line.data["ranges"]["lr"] == [1e-5, 1e-3]
    beyond = [t for t in judged.trials.values() if rate(t) > 1e-4]
    assert beyond
    assert judged.best in beyond
