"""What all engines share: full-length trials whose configs a library suggests.

The library's own state is made anew from the history at each decision, and its randomness from
the study's seed and the trial's number; so an engine keeps nothing, like any strategy.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from danlu.core.decision import Decision, Finish, Start
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.space import Config, Space
from danlu.strategies.engines.lessons import Lesson, lessons, results
from danlu.strategies.fresh import ATTEMPTS, config_key
from danlu.strategies.full_length import length, unfinished
from danlu.strategies.options import check_flag, check_whole
from danlu.strategies.sampling import random_config


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
    first = numbers[0] == 1 and plan.default_first
    advisor = None if first and len(numbers) == 1 else teach(space, seen)
    trained = f"{until} of {history.spec.epochs} epochs"
    for number in numbers:
        if advisor is None or (number == 1 and plan.default_first):
            config: dict[str, Value] | None = space.default()
            why = f"the default config, {trained}"
        else:
            config = untried(advisor, space, known, history.spec.seed, number)
            why = f"suggested by {plan.label} from {results(seen)} results, {trained}"
        if config is None:
            break
        decisions.append(Start(config, until, why=why))
        known.add(config_key(config))
        if advisor is not None:
            advisor.expect(config)
    if not decisions and not history.running:
        decisions.append(Finish("every config of the space was tried"))
    return decisions


def untried(
    advisor: Advisor, space: Space, known: set[tuple[tuple[str, str], ...]], seed: int, number: int
) -> dict[str, Value] | None:
    """The library's config, or a random one if it was tried already; None when all were.

    Libraries repeat themselves in small discrete spaces, where training once more tells little.
    """
    own = random.Random(f"engine:{seed}:{number}").randrange(2**31)
    config = advisor.suggest(own) if space.free else space.default()
    for attempt in range(ATTEMPTS):
        if config_key(config) not in known:
            return config
        config = random_config(space, seed, number * ATTEMPTS + attempt)
    return None
