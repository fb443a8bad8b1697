"""A function by its name, for an interpreter that is not a fork of this one."""

from pathlib import Path
from typing import Any

import pytest
from tests.executors.training import train

from danlu.errors import LaunchError
from danlu.executors.server import load_function, name_of


def test_the_name_of_a_function_leads_back_to_it() -> None:
    assert name_of(train) == "tests.executors.training:train"
    assert load_function(name_of(train)) is train


def test_a_function_that_no_other_interpreter_can_import_is_refused_with_the_way_out() -> None:
    with pytest.raises(LaunchError, match="top level of a module of its own"):
        name_of(lambda trial: None)


def test_what_is_made_from_plain_values_has_a_name_with_them(tmp_path: Path) -> None:
    made: Any = load_function('tests.executors.test_function_names:power({"of": 3})')
    assert made(2) == 8
    (tmp_path / "odd (name)").mkdir()
    file = tmp_path / "odd (name)" / "mine_with_brackets.py"
    file.write_text("def train(trial):\n    return 7\n")
    assert load_function(f"{file}:train")(None) == 7  # type: ignore[arg-type]


def power(of: int) -> Any:
    return lambda x: x**of
