"""A function by its name, for an interpreter that is not a fork of this one."""

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
