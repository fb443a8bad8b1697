"""The space linter: what an experienced practitioner says of a space before it is searched."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeAlias

from danlu.catalogue import circumstances, ranges, together
from danlu.catalogue.subject import Subject
from danlu.core.finding import Finding, Severity
from danlu.core.space import Space
from danlu.core.task import UNKNOWN, Task

Rule: TypeAlias = Callable[[Subject], Iterable[Finding]]

RULES: Sequence[Rule] = (*ranges.RULES, *together.RULES, *circumstances.RULES)
GRAVITY: Sequence[Severity] = ("error", "warning", "info")


def lint(space: Space, *, task: Task | None = None, trials: float | None = None) -> list[Finding]:
    """What is wrong or noteworthy in a space; the space itself is not changed.

    Each finding has in its evidence the ``parameter`` it is about, and where a better one can be
    written, its ``line`` for a study file.

    Args:
        space: As it was written; what is left open in it is judged as a study would fill it.
        task: What is known of data and model, if anything.
        trials: How many full trainings the budget allows, if that is known.

    Returns:
        Errors first, then warnings, then what is only to be known.
    """
    subject = Subject(space, task or UNKNOWN, trials)
    found = chain.from_iterable(rule(subject) for rule in RULES)
    return sorted(found, key=lambda finding: GRAVITY.index(finding.severity))
