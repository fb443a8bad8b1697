"""Tracebacks of training as its author needs them: they begin in his own file."""

import importlib
from pathlib import Path
from traceback import StackSummary, TracebackException

SCAFFOLD = (str(Path(__file__).parent), importlib.__path__[0], "<frozen importlib")
"""Where the frames lie that lead to training, or to its module while that is imported."""


def trace_of(error: BaseException) -> str:
    """The traceback of an error in training, without the frames by which danlu called it."""
    told = TracebackException.from_exception(error)
    _shorten(told)
    return "".join(told.format())


def _shorten(told: TracebackException | None) -> None:
    if told is None:
        return
    frames = list(told.stack)
    while frames and frames[0].filename.startswith(SCAFFOLD):
        del frames[0]
    # Of a mistake in the syntax nothing is left: it names its own file and line.
    told.stack = StackSummary.from_list(frames) if frames else None  # type: ignore[assignment]
    _shorten(told.__cause__)
    _shorten(told.__context__)
