"""A space with what is known of its parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from danlu.catalogue.roles import Known, kind_of, known, roles_of
from danlu.core.parameter import Choice, Parameter, Value
from danlu.core.space import Space
from danlu.core.task import UNKNOWN, Task


@dataclass(frozen=True)
class Subject:
    """A space that is looked at, and what is known around it.

    Attributes:
        space: As a person wrote it.
        task: What is known of data and model.
        trials: How many full trainings the budget allows; None if that is open.
    """

    space: Space
    task: Task = UNKNOWN
    trials: float | None = None

    @cached_property
    def roles(self) -> dict[str, str]:
        """Name → role of every parameter that has one, constants too."""
        return roles_of(self.space)

    def having(self, role: str) -> Iterator[tuple[str, Parameter]]:
        """The parameters of a role, constants too."""
        return ((name, self.space[name]) for name, found in self.roles.items() if found == role)

    def of(self, name: str) -> Known | None:
        """What is known of a parameter, with the optimizers that it can meet."""
        role = self.roles.get(name)
        if role is None:
            return None
        kinds = self.kinds(name)
        if not kinds or None in kinds:
            return known(role)
        several = [known(role, kind) for kind in kinds]
        return several[0] if len(several) == 1 else _together(known(role), several)

    def kinds(self, name: str) -> list[str | None]:
        """The kinds of optimizers with which a parameter exists; empty if no optimizer is known.

        ``lr_sgd`` tells by its name; others by their condition, or the optimizers of the space.
        """
        if own := kind_of(name.rpartition("_")[2]):
            return [own]
        for optimizer, p in self.having("optimizer"):
            if isinstance(p, Choice):
                wanted = self.space[name].when.get(optimizer, p.values)
                return list(dict.fromkeys(_kind(value) for value in wanted))
        return []


def _kind(value: Value) -> str | None:
    return kind_of(value) if isinstance(value, str) else None


def _together(base: Known, several: list[Known]) -> Known:
    """What holds for several kinds of optimizers: the widest range and limits."""
    ranges = [k.range for k in several if k.range]
    limits = [k.limits for k in several if k.limits]
    return replace(base, range=_hull(ranges), limits=_hull(limits))


def _hull(pairs: list[tuple[float, float]]) -> tuple[float, float] | None:
    return (min(p[0] for p in pairs), max(p[1] for p in pairs)) if pairs else None
