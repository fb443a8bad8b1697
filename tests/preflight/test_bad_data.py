"""Data that no check can use ends in one clear sentence, whatever it is; never in an exception."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.preflight.problems import blobs

from danlu.preflight.checklist import Checklist
from danlu.preflight.examine import examine
from danlu.preflight.problem import Data, Problem

B = blobs()


def checked(**changed: Any) -> Checklist:
    return examine(Problem(data=Data(**{**B, **changed})))


def raising() -> Any:
    raise FileNotFoundError("no file 'wine.csv'")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (raising, "the data cannot be loaded: FileNotFoundError: no file 'wine.csv'"),
        (lambda: 3, "the four arrays"),
        ({"x_train": B["x_train"]}, "the data lacks y_train, x_val, y_val"),
        ({**B, "y_test": B["y_val"]}, "'y_test', which means nothing here"),
        (Data(**{**B, "x_train": None}), "x_train is missing"),
        (Data(**{**B, "x_train": [[1.0, 2.0], [1.0]]}), "x_train is ragged"),
        (Data(**{**B, "x_train": [["a", "b"]]}), "x_train holds text such as 'a'"),
        (Data(**{**B, "y_train": ["cat"] * 400}), "y_train holds text such as 'cat'"),
        (Data(**{**B, "x_train": np.zeros((0, 8))}), "x_train is empty"),
        (Data(**{**B, "x_train": 3.0}), "is a single number"),
        (Data(**{**B, "y_train": B["y_train"][:-1]}), "x_train has 400 rows, but y_train has 399"),
        (Data(**{**B, "x_val": B["x_val"][:, :5]}), "but x_val (120, 5)"),
        (Data(**{**B, "x_train": np.array([1j] * 400)}), "must hold numbers"),
        (Data(**{**B, "y_train": B["y_train"] + 10**9}), "which is no class number"),
        (Data(**{**B, "x_train": ()}), "empty tuple"),
        (Data(**{**B, "groups_train": [1, 2]}), "groups_train must have one value a sample"),
    ],
)
def test_unusable_data_end_in_one_sentence(given: Any, sentence: str) -> None:
    checklist = examine(Problem(data=given))
    (line,) = checklist.lines
    assert line.state == "error"
    (finding,) = checklist.errors
    assert sentence in finding.message
    assert "\n" not in finding.message


ROWS = st.integers(1, 6)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=32)
ANYTHING = st.one_of(
    st.none(), st.text(max_size=3), st.booleans(), st.integers(-(2**70), 2**70), NUMBERS,
    st.lists(NUMBERS, max_size=4),
)  # fmt: skip
SHAPELESS = st.one_of(ANYTHING, st.lists(ANYTHING, max_size=6))


@settings(max_examples=150, deadline=None)
@given(x=SHAPELESS, y=SHAPELESS, x_val=SHAPELESS, y_val=SHAPELESS)
def test_anything_at_all_gives_a_checklist(x: Any, y: Any, x_val: Any, y_val: Any) -> None:
    checklist = examine(Problem(data=(x, y, x_val, y_val)))
    assert checklist.lines
    assert str(checklist)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_any_small_table_of_numbers_gives_a_checklist(data: Any) -> None:
    n, n_val, columns = data.draw(ROWS), data.draw(ROWS), data.draw(st.integers(1, 3))
    target = data.draw(st.sampled_from([NUMBERS, st.integers(-2, 5), st.booleans()]))

    def table(rows: int) -> list[list[float]]:
        return [[data.draw(NUMBERS) for _ in range(columns)] for _ in range(rows)]

    def column(rows: int) -> list[Any]:
        return [data.draw(target) for _ in range(rows)]

    checklist = examine(Problem(data=(table(n), column(n), table(n_val), column(n_val))))
    states = {line.measured for line in checklist.lines if line.state == "skipped"}
    assert not [text for text in states if "Error" in text or "Warning" in text]


def test_a_frame_with_text_among_numbers_is_named() -> None:
    frame = np.array([[1.0, "red"], [2.0, "blue"]], dtype=object)
    checklist = checked(x_train=frame, y_train=[0, 1])
    assert "'red'" in checklist.errors[0].message


def test_missing_numbers_are_told_by_column() -> None:
    x = B["x_train"].copy()
    x[::10, 2] = np.nan
    checklist = checked(x_train=x, names=list("abcdefgh"))
    assert "most of them in c (10.0%" in checklist.errors[0].message
