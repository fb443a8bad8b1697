"""What all engines share: full-length trials whose configs a library suggests.

The library's own state is made anew from the history at each decision, and its randomness from
the study's seed and the trial's number; so an engine keeps nothing, like any strategy.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from danlu.core.decision import Decision, Finish, Start
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.space import Config, Space
from danlu.strategies.engines.lessons import Lesson, lessons, results
from danlu.strategies.fresh import ATTEMPTS, Key, config_key
from danlu.strategies.full_length import length, unfinished
from danlu.strategies.options import check_flag, check_whole


class Advisor(Protocol):
    """A library that was taught a study's lessons."""

    def suggest(self, seed: int) -> dict[str, Value]:
        """A config of the space; the same one for the same lessons and seed."""
        ...

    def expect(self, config: Config) -> None:
        """Take note that a trial with this config runs from now on."""
        ...


Teach: TypeAlias = Callable[[Space, list[Lesson]], Advisor]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an engine's user asked for.

    Attributes:
        label: The library and its method, as a person names them.
        epochs: How long each trial is trained; at most, and by default, the study's epochs.
        default_first: Whether the first trial is the default config.
    """

    label: str
    epochs: int | None
    default_first: bool


def check_keys(owner: str, epochs: object, startup: object, default_first: object) -> None:
    """Raise `StudyError` unless the keys that all engines have are right."""
    if epochs is not None:
        check_whole(owner, "epochs", epochs, 1)
    if startup is not None:
        check_whole(owner, "startup", startup, 1)
    check_flag(owner, "default_first", default_first)


def consult(
    plan: Plan, teach: Teach, space: Space, history: History, free_slots: int
) -> list[Decision]:
    """What fills the free slots: trials to be finished, then those that the library suggests."""
    until = length(history, plan.epochs)
    decisions: list[Decision] = [*unfinished(history, until, free_slots)]
    numbers = range(history.next_number, history.next_number + free_slots - len(decisions))
    if not numbers:
        return decisions
    seen = lessons(space, history, until)
    known = {config_key(t.config) for t in history.trials.values()}
    advisor: Advisor | None = None
    trained = f"{until} of {history.spec.epochs} epochs"
    for number in numbers:
        if (number == 1 and plan.default_first) or not space.free:
            config, why = space.default(), f"the default config, {trained}"
        else:
            advisor = advisor or _taught(teach, space, seen, decisions)
            config = untried(advisor, space, known, history.spec.seed, number)
            why = f"suggested by {plan.label} from {results(seen)} results, {trained}"
        if config_key(config) in known:
            break
        decisions.append(Start(config, until, why=why))
        known.add(config_key(config))
        if advisor is not None:
            advisor.expect(config)
    if not decisions and not history.running:
        decisions.append(Finish("every config of the space was tried"))
    return decisions


def _taught(
    teach: Teach, space: Space, seen: list[Lesson], decisions: Sequence[Decision]
) -> Advisor:
    """The library, told of the trials that were decided just now too."""
    advisor = teach(space, seen)
    for decision in decisions:
        if isinstance(decision, Start):
            advisor.expect(decision.config)
    return advisor


def untried(
    advisor: Advisor, space: Space, known: set[Key], seed: int, number: int
) -> dict[str, Value]:
    """The library's config, or if it was tried already, one near it that was not.

    Libraries repeat themselves at the ends of ranges and in small discrete spaces, where
    training once more tells little. Draws go further and further from the suggestion; the last
    one is returned, tried or not.
    """
    rng = random.Random(f"engine:{seed}:{number}")
    suggested = config = advisor.suggest(rng.randrange(2**31))
    for attempt in range(1, ATTEMPTS + 1):
        if config_key(config) not in known:
            break
        point = {name: rng.random() for name in space}
        for name, u in space.to_unit(suggested).items():
            point[name] = u + (point[name] - u) * attempt / ATTEMPTS
        config = space.from_unit(point)
    return config
