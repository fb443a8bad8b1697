"""The public tasks by family of trainings: what is learned from some is judged on the others.

A suite and its surrogate are one family, since they share data sets. HPOBench has two data sets
of LCBench as well, but counts places in a grid.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from search import harness

FAMILIES = {
    "perceptrons by SGD": ("lcbench", "yahpo-lcbench"),
    "recurrent networks by Adam": ("taskset",),
    "XGBoost": ("yahpo-xgb",),
    "grids of perceptrons": ("hpobench", "hpolib"),
}


class Named(Protocol):
    """Whatever has the name of a problem of the harness, as lcbench/higgs."""

    @property
    def name(self) -> str: ...


Task = TypeVar("Task", bound=Named)


def problems_of(suites: Sequence[str]) -> Iterator[Any]:
    problems = harness()[1]
    return (problems.load(name) for suite in suites for name in problems.names(suite))


def family_of(name: str) -> str:
    """The family of a suite or of a problem."""
    return next(f for f, suites in FAMILIES.items() if name.partition("/")[0] in suites)


def data_set(name: str) -> str:
    """The name that a data set has in LCBench and for its surrogate; elsewhere the task's."""
    task = name.partition("/")[2]
    return next((n for n, i in harness()[1].PUBLIC_LCB.items() if task == i), task)


def elsewhere(tasks: Sequence[Task], task: Task) -> list[Task]:
    """The tasks of other families."""
    return [t for t in tasks if family_of(t.name) != family_of(task.name)]


def beside(tasks: Sequence[Task], task: Task) -> list[Task]:
    """The other tasks of its family, without both forms of its own data set."""
    same = [t for t in tasks if family_of(t.name) == family_of(task.name)]
    return [t for t in same if data_set(t.name) != data_set(task.name)]
