"""What all engines share: full-length trials whose configs a library suggests.

The library's own state is made anew from the history at each decision, and its randomness from
the study's seed and the trial's number; so an engine keeps nothing, like any strategy.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

from danlu.core.decision import Decision, Finish, Start
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.core.space import Config, Space
from danlu.strategies.encoding import usual_config
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
    known = {config_key(t.config) for t in history.trials.values()}
    told = Consultation(plan, teach, space, history, lessons(space, history, until))
    for number in numbers:
        config, why = told.next(number, known)
        if config_key(config) in known:
            break
        known.add(config_key(config))
        told.expect(config)
        decisions.append(
            Start(
                config,
                until,
                why=say(
                    "{why}, {until} of {epochs} epochs",
                    why=why,
                    until=until,
                    epochs=history.spec.epochs,
                ),
            )
        )
    if not decisions and not history.running:
        decisions.append(Finish(say("every config of the space was tried")))
    return decisions


class Consultation:
    """One decision's talk with the library, which is taught only when it is needed."""

    def __init__(
        self, plan: Plan, teach: Teach, space: Space, history: History, seen: list[Lesson]
    ) -> None:
        self._plan = plan
        self._space = space
        self._seed = history.spec.seed
        self._results = results(seen)
        self._expected: list[Config] = []
        self._taught = partial(teach, space, seen)
        self._advisor: Advisor | None = None

    def next(self, number: int, known: set[Key]) -> tuple[dict[str, Value], str]:
        """The config of a trial, and why; a known one when there is no other."""
        if (number == 1 and self._plan.default_first) or not self._space.free:
            return usual_config(self._space), say("the default config")
        if self._advisor is None:
            self._advisor = self._taught()
            for config in self._expected:
                self._advisor.expect(config)
        config = untried(self._advisor, self._space, known, self._seed, number)
        return config, say(
            "suggested by {label} (results known: {results})",
            label=self._plan.label,
            results=self._results,
        )

    def expect(self, config: Config) -> None:
        """A trial with this config runs from now on."""
        self._expected.append(config)
        if self._advisor is not None:
            self._advisor.expect(config)


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
