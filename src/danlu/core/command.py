"""Training as any command: its template, its environment and what it prints."""

import contextlib
import json
import re
import shlex
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import LaunchError

EXTRA = ("seed", "epochs", "until", "folder", "data_fraction", "classes", "trial")
"""Names besides the parameters that a template may use."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command to train with, in any language.

    Attributes:
        template: The arguments, such as ``("python", "train.py", "--lr={lr}")``, or a string that
            is split into them as a shell would. Each stays one argument whatever is filled in;
            there is no shell. ``{{`` and ``}}`` stand for braces. An argument with an inactive
            parameter is left out, and so is the bare option before it (``--momentum {momentum}``).
        metrics: Regular expression over its output, line by line; named groups are metrics, each
            match is one more epoch unless a group ``epoch`` says otherwise. Not needed for scripts
            that call ``danlu.report`` or write JSON lines to the file named by ``DANLU_REPORTS``.
    """

    template: Sequence[str]
    metrics: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", _split(self.template))
        if not self.template:
            raise LaunchError(say("the command is empty: give at least a program."))
        for part in self.template:
            _check_part(part)
        pattern(self.metrics)

    def check(self, names: Sequence[str]) -> None:
        """Check that the template uses nothing but parameters of these names and `EXTRA`.

        Raises:
            LaunchError: With the nearest known name.
        """
        for name in (name for part in self.template for name in fields_of(part)):
            if name not in names and name not in EXTRA:
                raise LaunchError(say(
                    "the command uses {{name}}, which is no parameter.{hint} For the text "
                    "itself write {{{name}}}.",
                    name=name, hint=nearest(name, [*names, *EXTRA]),
                ))  # fmt: skip

    def arguments(self, job: Job) -> list[str]:
        """The template filled with a trial's values."""
        values = {name: text(value) for name, value in _extras(job).items()}
        values |= {name: text(value) for name, value in job.config.items()}
        arguments: list[str] = []
        before = ""  # the part of the template that the last argument came from
        for part in self.template:
            if all(name in values for name in fields_of(part)):
                arguments.append(fill(part, values))
                before = part
            elif part.startswith("{") and before.startswith("-") and not fields_of(before):
                arguments.pop()
                before = ""
        return arguments

    def uses(self, name: str) -> bool:
        """Whether the template has a field of that name."""
        return any(name in fields_of(part) for part in self.template)


def _split(given: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, str):
        return tuple(given)
    try:
        return tuple(shlex.split(given))
    except ValueError as error:
        reason = str(error).lower()
        raise LaunchError(
            say("the command {given} cannot be split: {reason}.", given=repr(given), reason=reason)
        ) from error


def _check_part(part: str) -> None:
    """Refuse what is no template: lone braces, and formats that would be silently left out."""
    try:
        pieces = list(string.Formatter().parse(part))
    except ValueError as error:
        raise LaunchError(say(
            "in the command's {part} a brace stands alone; for the character write {{ or }}.",
            part=repr(part),
        )) from error  # fmt: skip
    for _, name, form, conversion in pieces:
        if name is not None and (form or conversion or not name):
            raise LaunchError(say(
                "in the command's {part} only {code} can stand in braces, without a "
                "format; for braces as text write {{ and }}.",
                part=repr(part), code="{name}",
            ))  # fmt: skip


def pattern(metrics: str | None) -> re.Pattern[str] | None:
    """The compiled expression.

    Raises:
        LaunchError: If it is none, or names no group.
    """
    if metrics is None:
        return None
    try:
        compiled = re.compile(metrics)
    except re.error as error:
        raise LaunchError(say(
            "metrics is no regular expression: {error} in {metrics}.",
            error=error, metrics=repr(metrics),
        )) from error  # fmt: skip
    if not set(compiled.groupindex) - {"epoch"}:
        raise LaunchError(say(
            "metrics must name at least one metric by a group such as "
            "(?P<val_loss>\\S+), but got {metrics}.",
            metrics=repr(metrics),
        ))  # fmt: skip
    return compiled


def fields_of(part: str) -> list[str]:
    """Names in braces in one argument of a template."""
    return [name for _, name, _, _ in string.Formatter().parse(part) if name is not None]


def fill(part: str, values: Mapping[str, str]) -> str:
    """One argument with its fields filled; inactive parameters become empty.

    Substitution is literal: a value's own braces, quotes and spaces mean nothing.
    """
    pieces = string.Formatter().parse(part)
    return "".join(
        literal + (values.get(name, "") if name is not None else "")
        for literal, name, _, _ in pieces
    )


def text(value: Value) -> str:
    """A value as a command reads it: ``true`` and ``false`` for booleans, shortest floats."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _extras(job: Job) -> dict[str, Any]:
    return {
        "seed": job.seed, "epochs": job.epochs, "until": job.until, "folder": str(job.folder),
        "data_fraction": job.proxy.data_fraction, "classes": job.proxy.classes,
        "trial": job.trial,
    }  # fmt: skip


def environment(job: Job) -> dict[str, str]:
    """What every trial finds in its environment."""
    extras = {f"DANLU_{name.upper()}": text(value) for name, value in _extras(job).items()}
    return {
        "PYTHONUNBUFFERED": "1",  # or a script's prints would only come at its end
        "DANLU_STUDY": job.study,
        "DANLU_CONFIG": json.dumps(dict(job.config)),
        **extras,
    }


def matches(expression: re.Pattern[str], line: bytes) -> Sequence[Mapping[str, float]]:
    """The named groups of every match in a line of output, as far as they are numbers."""
    found = expression.finditer(line.decode("utf-8", errors="replace"))
    return [_numbers(match.groupdict()) for match in found]


def _numbers(groups: Mapping[str, str | None]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in groups.items():
        with contextlib.suppress(TypeError, ValueError):
            numbers[name] = float(value)  # type: ignore[arg-type]
    return numbers
