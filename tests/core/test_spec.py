"""Objectives, budgets and specs as people write them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.zoo import spec

from danlu.core.spec import Budget, Constraint, Objective, decode_spec, encode_spec
from danlu.errors import StudyError


@pytest.mark.parametrize(
    ("text", "metric", "direction", "inferred"),
    [
        ("max val_accuracy", "val_accuracy", "max", False),
        ("min  score", "score", "min", False),
        ("val_accuracy", "val_accuracy", "max", True),
        ("val_loss", "val_loss", "min", True),
        ("val/F1", "val/F1", "max", True),
        ("word-error", "word-error", "min", True),
    ],
)
def test_objectives_are_read(text: str, metric: str, direction: str, inferred: bool) -> None:
    objective = Objective.parse(text)
    assert (objective.metric, objective.direction, objective.inferred) == (
        metric, direction, inferred,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["quality", "maximise x", "min a b", "", "max"])
def test_objectives_without_a_direction_are_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(StudyError, match="min "):
        Objective.parse(text)


def test_better_follows_the_direction_and_nan_is_never_better() -> None:
    up, down = Objective("a", "max"), Objective("a", "min")
    assert up.better(2.0, 1.0)
    assert down.better(1.0, 2.0)
    assert not up.better(float("nan"), 1.0)
    assert not down.better(1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("20x", Budget(20.0)),
        (20, Budget(20.0)),
        ("1.5×", Budget(1.5)),
        ("30 trials", Budget(trials=30)),
        ("1 trial", Budget(trials=1)),
        ("2h", Budget(seconds=7200.0)),
        ("90 min", Budget(seconds=5400.0)),
        ("45s", Budget(seconds=45.0)),
        ("2 days", Budget(seconds=172800.0)),
        ("20x, 30 trials and 2h", Budget(20.0, 30, 7200.0)),
        (None, Budget()),
    ],
)
def test_budgets_are_read(text: str | int | None, budget: Budget) -> None:
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text", ["", "x", "0x", "-3x", "2.5 trials", "0 trials", "2 weeks", "1h 2h", "2h, 3h", "20x,"]
)
def test_budgets_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match="budget"):
        Budget.parse(text)


@given(
    st.builds(
        Budget,
        st.none() | st.integers(1, 999).map(float),
        st.none() | st.integers(1, 999),
        st.none() | st.integers(1, 99999).map(float),
    )
)
def test_a_budget_is_read_back_from_its_text(budget: Budget) -> None:
    if budget != Budget():
        assert Budget.parse(str(budget)) == budget


def test_each_trial_has_its_own_seed_below_two_to_the_31() -> None:
    study = spec(seed=3)
    seeds = {study.trial_seed(n) for n in range(-5, 500)}
    assert len(seeds) == 505
    assert all(0 <= s < 2**31 for s in seeds)
    assert study.trial_seed(1) != spec(seed=4).trial_seed(1)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"epochs": 1.5}, {"epochs": True}, {"name": ""}, {"name": "-x"},
              {"name": "a/b"}]
)  # fmt: skip
def test_specs_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=r"epochs must be|no good name"):
        spec(**wrong)


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("params <= 1e6", Constraint("params", "<=", 1e6)),
        ("latency_ms<20", Constraint("latency_ms", "<", 20.0)),
        (" recall >=0.9 ", Constraint("recall", ">=", 0.9)),
        ("val/f1 > -0.5", Constraint("val/f1", ">", -0.5)),
    ],
)
def test_constraints_are_read(text: str, constraint: Constraint) -> None:
    assert Constraint.parse(text) == constraint


@pytest.mark.parametrize(
    "text", ["", "params", "params <=", "<= 3", "10 < params", "params = 3", "params <= many",
             "params <= nan", "params < inf", "1 < params < 3", "a b < 3"]
)  # fmt: skip
def test_constraints_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match='a constraint must read "METRIC <= NUMBER"'):
        Constraint.parse(text)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<=", ">=", "<", ">"]))
def test_a_constraint_is_read_back_from_its_text(bound: float, relation: str) -> None:
    constraint = Constraint("size", relation, bound)
    assert Constraint.parse(str(constraint)) == constraint
    assert constraint.holds(bound) == ("=" in relation)
    assert not constraint.holds(float("nan"))


def test_a_spec_with_several_objectives_is_read_back_from_its_json() -> None:
    study = spec(
        further=(Objective("params", "min"),),
        constraints=(Constraint("latency_ms", "<", 20.0), Constraint("recall", ">=", 1 / 3)),
    )
    assert decode_spec(json.loads(json.dumps(encode_spec(study)))) == study
    assert [str(o) for o in study.objectives] == ["min val_loss", "min params"]


def test_a_spec_of_one_objective_is_written_as_before_there_were_several() -> None:
    table = encode_spec(spec())
    assert not {"further", "constraints"} & set(table)
    assert decode_spec(table) == spec()


def test_a_metric_cannot_be_an_objective_twice() -> None:
    with pytest.raises(StudyError, match="'val_loss' is an objective twice"):
        spec(further=(Objective("val_loss", "max"),))
