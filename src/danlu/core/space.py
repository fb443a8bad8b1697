"""The search space: parameters by name, and the way from configs to the unit cube and back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from danlu.core.parameter import Choice, Float, Int, Parameter, Value, same
from danlu.core.sentence import say
from danlu.errors import ConfigError, SpaceError, joined

Config: TypeAlias = Mapping[str, Value]

NAME = re.compile(r"[^\W\d][\w.\-]{0,127}")
"""Names of parameters: a letter or underscore, then word characters, dots and dashes."""


def nearest(name: str, known: Sequence[str]) -> str:
    """`` Did you mean 'lr'?`` when a known name is close, else the empty string."""
    from difflib import get_close_matches  # only mistakes need it

    close = get_close_matches(name, known, n=1)
    return say(" Did you mean '{name}'?", name=close[0]) if close else ""


def _as_parameter(value: Any) -> Parameter:
    return value if isinstance(value, Float | Int | Choice) else Choice(value)


@dataclass(frozen=True, slots=True, init=False)
class Space:
    """Parameters by name; any plain value stands for a constant.

    Example:
        >>> space = Space(lr=Float(1e-4, 1.0, log=True, default=0.05), batch_size=64)
        >>> dict(space.default())
        {'lr': 0.05, 'batch_size': 64}

    Args:
        parameters: Name → parameter, for names that are no Python identifiers.
        named: The same as keyword arguments.

    Raises:
        SpaceError: With every mistake: bad names, conditions on unknown parameters, on values
            that cannot occur, or in a circle.
    """

    parameters: Mapping[str, Parameter]

    def __init__(self, parameters: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        merged = {**(parameters or {}), **named}
        problems = [
            say(
                "{name} is no good name for a parameter: it must begin with a letter and "
                "hold letters, digits, '_', '.' and '-' only.",
                name=repr(name),
            )
            for name in merged
            if not (isinstance(name, str) and NAME.fullmatch(name))
        ]
        made: dict[str, Parameter] = {}
        for name, value in merged.items():
            try:
                made[name] = _as_parameter(value)
            except SpaceError as error:
                problems += [
                    say("{where}: {text}", where=name, text=text) for text in error.problems
                ]
        if not merged:
            problems.append(say("a space needs at least one parameter."))
        if not problems:
            problems = condition_problems(made)
        if problems:
            raise SpaceError(*problems)
        object.__setattr__(self, "parameters", _parents_first(made))

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that can vary (no constants)."""
        return tuple(name for name, p in self.parameters.items() if not p.constant)

    def active(self, name: str, config: Config) -> bool:
        """Whether the parameter's condition holds in ``config`` (its parents must be there)."""
        return all(
            parent in config and any(same(config[parent], value) for value in values)
            for parent, values in self.parameters[name].when.items()
        )

    def pruned(self, config: Config) -> dict[str, Value]:
        """``config`` in the space's order, without inactive parameters."""
        kept: dict[str, Value] = {}
        for name in self.parameters:
            if name in config and self.active(name, kept):
                kept[name] = config[name]
        return kept

    def default(self) -> dict[str, Value]:
        """The default config: each active parameter at its default."""
        return self.pruned({name: p.middle() for name, p in self.parameters.items()})

    def from_unit(self, point: Mapping[str, float]) -> dict[str, Value]:
        """The config at a point of the unit cube (name → [0, 1]); inactive ones are left out."""
        return self.pruned({name: p.from_unit(point[name]) for name, p in self.parameters.items()})

    def to_unit(self, config: Config) -> dict[str, float]:
        """The point of a config; inactive parameters are left out."""
        return {name: self.parameters[name].to_unit(value) for name, value in config.items()}

    def check(self, config: Mapping[str, Any], *, complete: bool = False) -> dict[str, Value]:
        """``config`` with every value in range and every active parameter given.

        Args:
            config: Name → value; inactive parameters may be given and are dropped.
            complete: Take the default of an active parameter that is not given.

        Raises:
            ConfigError: With every mistake and the nearest known name.
        """
        problems = [
            say(
                "'{name}' is no parameter of this space.{hint}",
                name=name,
                hint=nearest(name, tuple(self.parameters)),
            )
            for name in config
            if name not in self.parameters
        ]
        kept: dict[str, Value] = {}
        for name, p in self.parameters.items():
            if not self.active(name, kept):
                continue
            if name not in config and not complete:
                problems.append(say("{name}: a value is needed, but none was given.", name=name))
                continue
            value = config[name] if name in config else p.middle()
            if problem := p.problem(value):
                problems.append(say("{name}: {problem}", name=name, problem=problem))
            else:
                kept[name] = p.clean(value)
        if problems:
            raise ConfigError(joined(problems))
        return kept

    def replaced(self, parameters: Mapping[str, Parameter]) -> "Space":
        """The space with some parameters exchanged."""
        return Space({**self.parameters, **parameters})


def condition_problems(parameters: Mapping[str, Parameter]) -> list[str]:
    """Every mistake in the conditions of a space, as sentences."""
    problems = []
    for name, p in parameters.items():
        for parent, values in p.when.items():
            if parent not in parameters:
                hint = nearest(parent, tuple(parameters))
                problems.append(
                    say(
                        "{name}: its condition names {parent}, which is unknown.{hint}",
                        name=name,
                        parent=repr(parent),
                        hint=hint,
                    )
                )
                continue
            problems += [
                say(
                    "{name}: its condition can never hold: {parent} {text}",
                    name=name,
                    parent=parent,
                    text=text,
                )
                for text in map(parameters[parent].problem, values)
                if text
            ]
    if not problems and (circle := _circle(parameters)):
        problems.append(
            say(
                "the conditions of {circle} depend on each other in a circle.", circle=list(circle)
            )
        )
    return problems


def _parents_first(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters in the given order, but each after those its condition names."""
    done: dict[str, Parameter] = {}
    waiting = dict(parameters)
    while waiting:
        name = next((n for n, p in waiting.items() if all(w in done for w in p.when)), None)
        if name is None:
            break
        done[name] = waiting.pop(name)
    return done


def _circle(parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    done = _parents_first(parameters)
    return tuple(name for name in parameters if name not in done)
