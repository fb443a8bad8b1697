"""Grid search in any order, and random draws from the grid; lazy, so that a grid may be huge."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from danlu.core.decision import Decision, Finish, Start
from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Space, nearest
from danlu.errors import StudyError
from danlu.strategies.encoding import usual_config
from danlu.strategies.full_length import length, unfinished
from danlu.strategies.lattice import Lattice
from danlu.strategies.options import check_flag, check_one_of, check_whole
from danlu.strategies.permutation import permuted

ORDERS = ("shuffled", "sorted")


@dataclass(frozen=True)
class Grid:
    """Every combination once: shuffled, so that any prefix of it covers the space, or sorted.

    Attributes:
        points: Number of points of each numeric parameter, or name → number (5 for those not
            named); evenly spaced on the parameter's scale, both ends included. Choices take all
            their values.
        order: ``"shuffled"``, or ``"sorted"``: the first parameter changes slowest.
        epochs: How long each trial is trained; at most, and by default, the study's epochs.

    Raises:
        StudyError: If a value has the wrong type or range; from ``decide``, if ``points`` names
            what is no numeric parameter.
    """

    points: int | Mapping[str, int] = 5
    order: str = "shuffled"
    epochs: int | None = None

    def __post_init__(self) -> None:
        _check_points("grid", self.points)
        check_one_of("grid", "order", self.order, ORDERS)
        if self.epochs is not None:
            check_whole("grid", "epochs", self.epochs, 1)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        lattice = grid_of(space, self.points)

        def config(position: int) -> dict[str, Value]:
            if self.order == "sorted":
                return lattice[position]
            return lattice[permuted(position, lattice.size, history.spec.seed)]

        return _walk(Walk("grid", lattice.size, config, self.epochs), history, free_slots)


@dataclass(frozen=True)
class RandomGrid:
    """Random draws from a grid without repetition; attributes as of `Grid`.

    Attributes:
        points: By default 10, as nobody expects to reach the end of such a grid.
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        default_first: Whether the first trial is the default config, on the grid or not.
    """

    points: int | Mapping[str, int] = 10
    epochs: int | None = None
    default_first: bool = True

    def __post_init__(self) -> None:
        _check_points("random-grid", self.points)
        if self.epochs is not None:
            check_whole("random-grid", "epochs", self.epochs, 1)
        check_flag("random-grid", "default_first", self.default_first)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        lattice, seed = grid_of(space, self.points), history.spec.seed
        default = usual_config(space)
        at = lattice.find(default) if self.default_first else None
        extra = self.default_first and at is None
        # Rotating the permutation brings the default's own point first, so that it comes once.
        turn = 0 if at is None else at - permuted(0, lattice.size, seed)

        def config(position: int) -> dict[str, Value]:
            if extra and position == 0:
                return default
            index = permuted(position - extra, lattice.size, seed)
            return lattice[(index + turn) % lattice.size]

        size = lattice.size + extra
        return _walk(Walk("random-grid", size, config, self.epochs), history, free_slots)


@dataclass(frozen=True)
class Walk:
    """Points in a fixed order; ``stage`` marks the trials that were started from it."""

    stage: str
    size: int
    config: Callable[[int], dict[str, Value]]
    epochs: int | None


def _walk(walk: Walk, history: History, free_slots: int) -> list[Decision]:
    """The next points of a walk for the free slots; at its end, and all trained: Finish."""
    until = length(history, walk.epochs)
    decisions: list[Decision] = [*unfinished(history, until, free_slots)]
    done = sum(t.stage == walk.stage for t in history.trials.values())
    for position in range(done, min(walk.size, done + free_slots - len(decisions))):
        why = say(
            "{stage} {position} of {size}, {until} of {epochs} epochs",
            stage=walk.stage,
            position=position + 1,
            size=walk.size,
            until=until,
            epochs=history.spec.epochs,
        )
        decisions.append(Start(walk.config(position), until, stage=walk.stage, why=why))
    if free_slots and not decisions and not history.running:
        decisions.append(Finish(say("all {size} points of the grid were tried", size=walk.size)))
    return decisions


def _check_points(owner: str, points: object) -> None:
    if isinstance(points, Mapping):
        for name, count in points.items():
            check_whole(owner, f"points of {name!r}", count, 1)
    else:
        check_whole(owner, "points", points, 1)


def grid_of(space: Space, points: int | Mapping[str, int]) -> Lattice:
    """The grid's points; raises `StudyError` if ``points`` names no numeric parameter."""
    if isinstance(points, Mapping):
        for name in points:
            _check_named(space, name)
        counts = {name: points.get(name, 5) for name in space}
    else:
        counts = dict.fromkeys(space, points)
    return Lattice(space, {name: levels(space[name], counts[name]) for name in space})


def _check_named(space: Space, name: str) -> None:
    if name not in space:
        raise StudyError(say(
            "points: {name} is no parameter of this space.{hint}",
            name=repr(name), hint=nearest(name, tuple(space)),
        ))  # fmt: skip
    if isinstance(space[name], Choice):
        raise StudyError(say(
            "points: {name} is a choice, of which a grid takes every value; leave it out.",
            name=repr(name),
        ))  # fmt: skip


def levels(p: Parameter, points: int) -> tuple[Value, ...]:
    """The values of a parameter on the grid; whole numbers that fall together count once."""
    if isinstance(p, Choice):
        return p.values
    if points == 1 or p.constant:
        return (p.middle(),)
    shares = [i / (points - 1) for i in range(points)]
    if p.log:
        raw = [p.low * (p.high / p.low) ** share for share in shares]
    else:
        raw = [p.low + share * (p.high - p.low) for share in shares]
    if isinstance(p.low, int):
        return tuple(dict.fromkeys(math.floor(x + 0.5) for x in raw))
    return tuple(p.from_unit(p.to_unit(x)) for x in raw)
