"""The errors that danlu raises, in one tree.

::

    DanluError
    ├── SpaceError       a parameter or space that cannot be (every problem at once)
    ├── StudyError       a study that does not exist, exists already, or is run by another process
    ├── StudyFileError   a study file with mistakes (every mistake at once, each with its line)
    ├── DataError        data that the training kit cannot train on
    ├── ConfigError      a config that does not belong to its space
    ├── ReportError      an evaluation that cannot be recorded
    ├── LaunchError      training could not be started at all
    ├── CheckError       pre-flight found errors, or data and model that cannot be checked
    └── StoreError       a store that cannot be opened, read or written
        └── UnavailableError    for now only: what waits can be written later
            └── DiskFullError   for want of space

Each message says what was expected, what came, and what to do.
"""

from collections.abc import Iterable


def joined(texts: Iterable[str], between: str = "\n") -> str:
    """Texts one after the other; sentences that other languages can tell stay sentences."""
    first, *rest = texts
    for text in rest:
        first = first + between + text
    return first


class DanluError(Exception):
    """What every error of danlu derives from; its text is meant for the person who tunes."""

    @property
    def told(self) -> str:
        """Its text; where that is a sentence of `danlu.core.sentence`, as one."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class SpaceError(DanluError):
    """A parameter or space that cannot be; ``problems`` lists every mistake.

    Each problem is a whole sentence; ``str(error)`` joins them, one a line.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(joined(problems) if problems else "")
        self.problems = problems


class StudyError(DanluError):
    """A study that does not exist, exists already, or is run by another process."""


class StudyFileError(DanluError):
    """A study file with mistakes; ``problems`` lists every one, each with its line."""

    def __init__(self, *problems: str) -> None:
        super().__init__(joined(problems) if problems else "")
        self.problems = problems


class DataError(DanluError):
    """Data that the training kit cannot read or train on; told before any training starts."""


class ConfigError(DanluError):
    """A config that does not belong to its space."""


class ReportError(DanluError):
    """An evaluation that cannot be recorded: wrong epoch, wrong name or no number."""


class LaunchError(DanluError):
    """Training could not be started at all: no such command, module or function."""


class StoreError(DanluError):
    """A store that cannot be opened, read or written."""


class UnavailableError(StoreError):
    """The store cannot be reached now, or something else holds it; the same can be tried again."""


class DiskFullError(UnavailableError):
    """There is no space left to write to; the same can be tried again when there is some."""


class CheckError(DanluError):
    """Pre-flight found errors, or data and model that cannot be checked."""
