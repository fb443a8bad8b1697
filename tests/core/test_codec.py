"""Everything that is stored comes back from plain JSON as it was."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.values import spaces, stories
from tests.zoo import SPACE, spec

from danlu.core.codec import decode_number, decode_space, encode_number, encode_space
from danlu.core.event import KINDS, Event, decode_event, encode_event
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, decode_spec, encode_spec


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@given(st.floats())
def test_numbers(value: float) -> None:
    back = decode_number(through_json(encode_number(value)))
    assert back == value or (math.isnan(back) and math.isnan(value))


@given(spaces())
def test_spaces(space: Space) -> None:
    back = decode_space(through_json(encode_space(space)))
    assert back == space
    assert list(back) == list(space)


def test_spaces_with_limits_roles_and_conditions() -> None:
    space = Space(
        lr=Float(1e-4, 0.1, log=True, default=0.01, limits=(1e-6, 1.0), role="lr"),
        n=Int(1, 4, limits=(1, 9)),
        m=SPACE["momentum"],
        optimizer=SPACE["optimizer"],
    )
    assert decode_space(through_json(encode_space(space))) == space


@given(stories())
def test_events(story: list[Event]) -> None:
    for event in story:
        kind, data = encode_event(event)
        assert KINDS[kind] is type(event)
        back = decode_event(kind, through_json(data))
        assert repr(back) == repr(event)  # as text, because NaN does not equal itself


@pytest.mark.parametrize("objective", ["min val_loss", "max val_accuracy"])
def test_specs(objective: str) -> None:
    study = spec(
        objective=Objective.parse(objective),
        seed=7,
        budget=Budget.parse("20x, 2h"),
        strategy="grid",
        options={"points": {"lr": 3}},
        command=("python", "train.py", "{lr}"),
    )
    assert decode_spec(through_json(encode_spec(study))) == study
