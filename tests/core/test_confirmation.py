"""Which of several repeated configs to use, and how sure that is."""

import pytest
from scipy.special import stdtr

from danlu.core.confirmation import Confirmation, confirmation, student
from danlu.core.event import Event, Failed, Finished, Reported, Started
from danlu.core.history import empty
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.core.spec import Constraint, Objective, Spec

SPEC = Spec("test", Space(x=Float(0.0, 9.0)), Objective("loss", "min"), 2)


def study(runs: dict[float, dict[int, float | None]], **extra: dict[float, float]) -> list[Event]:
    """x → seed → loss (None fails); seed 0 is the search's own run."""
    events: list[Event] = []
    number = 0
    for x, losses in runs.items():
        for seed, loss in losses.items():
            number += 1
            stage = "confirm" if seed else "fine"
            events.append(Started(0.0, number, {"x": x}, 2, seed or 100 + number, stage=stage))
            if loss is None:
                events.append(Failed(1.0, number, "not finite", ""))
                continue
            more = {name: values[x] for name, values in extra.items()}
            events += [Reported(1.0, number, e, {"loss": loss, **more}) for e in (1, 2)]
            events.append(Finished(2.0, number))
    return events


def seen(
    runs: dict[float, dict[int, float | None]], **extra: dict[float, float]
) -> Confirmation | None:
    history = empty(SPEC, study(runs, **extra))
    return confirmation(history.trials.values(), SPEC.objective, SPEC.epochs)


def test_a_config_that_was_lucky_once_does_not_win() -> None:
    found = seen({1.0: {0: 0.1, 1: 0.5, 2: 0.6}, 2.0: {0: 0.3, 1: 0.4, 2: 0.45}})
    assert found is not None
    assert found.chosen.best.config == {"x": 2.0}
    assert found.comparisons[0].mean == 0.0
    assert found.comparisons[1].mean == pytest.approx(0.125)


def test_pairs_see_a_difference_that_the_spread_over_seeds_hides() -> None:
    seeds = {1: 0.1, 2: 0.9, 3: 0.5}
    worse: dict[int, float | None] = {
        0: 0.5,
        **{s: v + 0.01 + 0.001 * s for s, v in seeds.items()},
    }
    found = seen({1.0: {0: 0.5, **seeds}, 2.0: worse})
    assert found is not None
    assert found.chosen.best.config == {"x": 1.0}
    assert found.chance is not None
    assert found.chance > 0.97
    assert found.separable


def test_what_differs_less_than_the_noise_is_not_separable() -> None:
    found = seen({1.0: {0: 0.5, 1: 0.4, 2: 0.6, 3: 0.5}, 2.0: {0: 0.5, 1: 0.6, 2: 0.41, 3: 0.5}})
    assert found is not None
    assert found.chance is not None
    assert 0.5 <= found.chance < 0.75
    assert not found.separable


def test_of_configs_within_one_standard_error_the_clearly_cheaper_one_is_chosen() -> None:
    runs: dict[float, dict[int, float | None]] = {
        1.0: {0: 0.5, 1: 0.40, 2: 0.60, 3: 0.5},
        2.0: {0: 0.5, 1: 0.41, 2: 0.58, 3: 0.52},
        3.0: {0: 0.5, 1: 0.9, 2: 0.9, 3: 0.9},
    }
    same = seen(runs, params={1.0: 1e4, 2.0: 0.9e4, 3.0: 10.0})
    small = seen(runs, params={1.0: 1e4, 2.0: 1e3, 3.0: 10.0})
    assert same is not None
    assert small is not None
    assert same.chosen.best.config == {"x": 1.0}
    assert small.chosen.best.config == {"x": 2.0}
    assert small.finalists[0].best.config == {"x": 1.0}
    assert small.chance is not None
    assert small.chance < 0.5


def test_a_config_that_failed_with_one_seed_comes_after_those_that_never_did() -> None:
    found = seen({1.0: {0: 0.1, 1: 0.1, 2: None, 3: 0.1}, 2.0: {0: 0.2, 1: 0.2, 2: 0.2, 3: 0.2}})
    assert found is not None
    assert found.chosen.best.config == {"x": 2.0}
    assert [f.sound for f in found.finalists] == [True, False]


def test_one_that_breaks_a_constraint_does_not_win() -> None:
    runs: dict[float, dict[int, float | None]] = {
        1.0: {0: 0.1, 1: 0.1, 2: 0.1}, 2.0: {0: 0.2, 1: 0.2, 2: 0.2},
    }  # fmt: skip
    history = empty(SPEC, study(runs, ms={1.0: 30.0, 2.0: 10.0}))
    bounds = [Constraint.parse("ms < 20")]
    found = confirmation(history.trials.values(), SPEC.objective, SPEC.epochs, bounds)
    assert found is not None
    assert found.chosen.best.config == {"x": 2.0}


def test_with_one_fresh_seed_each_all_runs_count_and_nothing_is_said_to_be_sure() -> None:
    found = seen({1.0: {0: 0.1, 1: 0.5}, 2.0: {0: 0.2, 1: 0.2}})
    assert found is not None
    assert found.chosen.best.config == {"x": 2.0}
    assert found.chance is None
    assert not found.separable


def test_runs_without_noise_are_told_apart_for_certain() -> None:
    apart = seen({1.0: {0: 0.1, 1: 0.1, 2: 0.1}, 2.0: {0: 0.2, 1: 0.2, 2: 0.2}})
    alike = seen({1.0: {0: 0.1, 1: 0.1, 2: 0.1}, 2.0: {0: 0.1, 1: 0.1, 2: 0.1}})
    assert apart is not None
    assert alike is not None
    assert apart.chance == 1.0
    assert alike.chance == 0.5


def test_without_repetitions_there_is_no_confirmation() -> None:
    assert seen({1.0: {0: 0.1}, 2.0: {0: 0.2}}) is None


def test_a_maximised_metric_is_compared_the_other_way_round() -> None:
    history = empty(SPEC, study({1.0: {0: 0.9, 1: 0.8, 2: 0.9}, 2.0: {0: 0.7, 1: 0.7, 2: 0.6}}))
    found = confirmation(history.trials.values(), Objective("loss", "max"), SPEC.epochs)
    assert found is not None
    assert found.comparisons[1].mean == pytest.approx(0.2)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30])
def test_students_t_is_what_scipy_says(freedom: int) -> None:
    for t in (-40.0, -3.0, -0.2, 0.0, 0.7, 2.5, 300.0, float("inf")):
        assert student(t, freedom) == pytest.approx(float(stdtr(freedom, t)), abs=1e-9)
