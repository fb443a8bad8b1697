"""A study file as plain data, with the line of every value and the mistakes found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from danlu.core.sentence import say
from danlu.errors import StudyFileError

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass
class Document:
    """What was read from a file; checks add their mistakes, `refuse` raises them together.

    Attributes:
        file: The file's name as the person gave it.
        data: Its content.
        lines: Path of keys and indices → line, counted from 1.
    """

    file: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    _mistakes: list[tuple[int, str]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether no mistake was found so far."""
        return not self._mistakes

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a value, or of the nearest table around it that has one."""
        for end in range(len(path), 0, -1):
            if line := self.lines.get(tuple(path[:end])):
                return line
        return 1

    def mistake(self, path: Sequence[str | int], text: str) -> None:
        """Note a mistake in the value at ``path``; ``text`` is a whole sentence."""
        where = ".".join(map(str, path))
        self.mistake_at(self.line(path), place(where, text) if where else text)

    def mistake_at(self, line: int, text: str) -> None:
        self._mistakes.append((line, place(f"{self.file}:{line}", text)))

    def refuse(self) -> NoReturn:
        """Raise every mistake, in the order of the lines."""
        raise StudyFileError(*(text for _, text in sorted(self._mistakes, key=lambda m: m[0])))


def place(where: str, text: str) -> str:
    """A sentence after the place that it is about."""
    return say("{where}: {text}", where=where, text=text)


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, and without the depths of tables."""
    if isinstance(value, dict):
        return say("a table")
    if isinstance(value, list):
        return say("a list") if value else say("an empty list")
    if value is None:
        return say("nothing")
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
