"""Dominance, and the Pareto set of points and of trials."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import spec

from danlu.core.decision import Proxy
from danlu.core.event import Event, Failed, Finished, Reported, Started
from danlu.core.history import History, empty
from danlu.core.pareto import dominates, non_dominated
from danlu.core.spec import Constraint, Objective

POINTS = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.tuples(*[st.integers(0, 6).map(float)] * k), max_size=25)
)


@given(POINTS)
def test_no_point_of_the_front_dominates_or_equals_another(
    points: list[tuple[float, ...]],
) -> None:
    front = [points[i] for i in non_dominated(points)]
    assert not any(dominates(a, b) for a in front for b in front)
    assert len(set(front)) == len(front)


@given(POINTS)
def test_every_other_point_is_dominated_by_one_of_the_front_or_equals_it(
    points: list[tuple[float, ...]],
) -> None:
    front = non_dominated(points)
    for i in set(range(len(points))) - set(front):
        assert any(points[k] == points[i] or dominates(points[k], points[i]) for k in front)


@given(POINTS)
def test_the_order_of_the_points_does_not_matter(points: list[tuple[float, ...]]) -> None:
    shuffled = points[::-1]
    ahead = [points[i] for i in non_dominated(points)]
    assert ahead == [shuffled[i] for i in non_dominated(shuffled)]
    assert ahead == sorted(ahead)


def test_a_point_dominates_where_it_is_no_worse_and_once_better() -> None:
    assert dominates((1.0, 2.0), (1.0, 3.0))
    assert not dominates((1.0, 2.0), (1.0, 2.0))
    assert not dominates((1.0, 2.0), (2.0, 1.0))


TWO = {"objective": Objective("acc", "max"), "further": (Objective("size", "min"),)}


def trial(number: int, *reports: dict[str, float], proxy: Proxy | None = None) -> list[Event]:
    start = Started(0.0, number, {"lr": 0.1 * number}, 30, number, proxy or Proxy())
    told = [Reported(1.0, number, epoch, metrics) for epoch, metrics in enumerate(reports, 1)]
    return [start, *told, Finished(2.0, number)]


def history(*trials: list[Event], **given: object) -> History:
    values: dict[str, Any] = TWO | given
    return empty(spec(**values), [event for events in trials for event in events])


def test_the_pareto_set_is_in_the_order_of_the_first_objective() -> None:
    found = history(
        trial(1, {"acc": 0.7, "size": 10.0}),
        trial(2, {"acc": 0.9, "size": 50.0}),
        trial(3, {"acc": 0.8, "size": 60.0}),
    )
    assert [t.number for t in found.pareto] == [2, 1]
    assert found.best is found.pareto[0]


def test_the_values_of_a_trial_are_those_of_its_last_epoch_where_all_are_finite() -> None:
    broken = float("nan")
    found = history(
        trial(1, {"acc": 0.9, "size": 20.0}, {"acc": 0.7, "size": 10.0}, {"acc": broken}),
        trial(2, {"acc": 0.8}),
    )
    assert found.trials[1].values(found.spec.objectives) == (0.7, 10.0)
    assert found.trials[2].values(found.spec.objectives) is None
    assert [t.number for t in found.pareto] == [1]


def test_failed_trials_and_those_on_proxies_are_in_no_pareto_set() -> None:
    found = history(
        trial(1, {"acc": 0.5, "size": 9.0}),
        trial(2, {"acc": 0.9, "size": 1.0}, proxy=Proxy(0.5)),
        [*trial(3, {"acc": 0.9, "size": 1.0})[:-1], Failed(2.0, 3, "exception", "oh")],
    )
    assert [t.number for t in found.pareto] == [1]


LIGHT = (Constraint.parse("size <= 30"),)


def test_a_trial_that_breaks_a_constraint_is_neither_best_nor_in_the_pareto_set() -> None:
    found = history(
        trial(1, {"acc": 0.7, "size": 10.0}),
        trial(2, {"acc": 0.9, "size": 31.0}),
        trial(3, {"acc": 0.6}),
        constraints=LIGHT,
        further=(),
    )
    assert [t.number for t in found.ranked] == [1, 3, 2]
    assert [t.number for t in found.pareto] == [1]
    assert found.best is found.trials[1]
    assert found.trials[2].broken(LIGHT) == list(LIGHT)
    assert found.feasible(found.trials[3]), "what was not reported is not known"


def test_where_every_trial_breaks_a_constraint_the_best_of_them_is_told() -> None:
    found = history(
        trial(1, {"acc": 0.7, "size": 40.0}), trial(2, {"acc": 0.9, "size": 31.0}),
        constraints=LIGHT,
    )  # fmt: skip
    assert found.best is found.trials[2]
    assert found.pareto == ()


@pytest.mark.parametrize("good", [True, False])
def test_confirmed_configs_must_keep_to_the_constraints_too(good: bool) -> None:
    def twice(first: int, acc: float, size: float) -> list[Event]:
        events: list[Event] = []
        for number in (first, first + 1):
            events += [
                Started(0.0, number, {"lr": acc}, 1, number, stage="confirm"),
                Reported(1.0, number, 1, {"acc": acc, "size": size}),
                Finished(2.0, number),
            ]
        return events

    found = history(
        twice(1, 0.9, 20.0 if good else 40.0), twice(3, 0.8, 10.0),
        constraints=LIGHT, epochs=1, further=(),
    )  # fmt: skip
    assert found.best is found.trials[1 if good else 3]
