"""What several checks need of a problem is computed once."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from danlu.preflight.problem import Problem

T = TypeVar("T")


def remembered(compute: Callable[[Problem], T]) -> Callable[[Problem], T]:
    """Keep a function's result as long as its problem lives; errors are kept as well."""
    known: WeakKeyDictionary[Problem, tuple[T | None, Exception | None]] = WeakKeyDictionary()

    @wraps(compute)
    def recall(problem: Problem) -> Any:
        if problem not in known:
            try:
                known[problem] = (compute(problem), None)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again
                known[problem] = (None, error)
        value, raised = known[problem]
        if raised is not None:
            raise raised
        return value

    return recall
