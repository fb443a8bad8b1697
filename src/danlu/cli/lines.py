"""A running study as lines: for pipes and log files, and as JSON for machines."""

import json
import os
import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from danlu.cli.changes import Change, changes
from danlu.cli.options import said
from danlu.core.history import History


class View(Protocol):
    """Shows a running study; called at every turn of its loop, and used as a context."""

    notice: str

    def __call__(self, history: History) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Quiet:
    """Shows nothing."""

    notice = ""

    def __call__(self, history: History) -> None:
        """Look at the history."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


UNTOLD = ("reported", "improved", "settled", "ended")


class PlainLines(Quiet):
    """One line for each event but epochs and the end: ``12:03:11  #12 paused at epoch 6, 0.952``.

    Args:
        history: As it was before the run; what happened earlier is not told again.
        out: Where the lines go.
    """

    def __init__(self, history: History, out: TextIO) -> None:
        self.history = history
        self.out = out
        self._noticed = ""

    def __call__(self, history: History) -> None:
        for change in changes(self.history, history):
            if line := self.line(change):
                tell(line, self.out)
        self.history = history
        if self.notice != self._noticed:
            self._noticed = self.notice
            print(said(self.notice), file=sys.stderr, flush=True)

    def line(self, change: Change) -> str | None:
        """The line of an event, or None if it is left out."""
        aside = change.data.get("severity") == "info"  # `danlu why` tells it
        return None if aside or change.kind in UNTOLD else plain_line(change)


def tell(line: str, out: TextIO) -> None:
    """Print a line; when nobody reads any more, the study goes on unseen."""
    try:
        print(line, file=out, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)


def plain_line(change: Change) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(change.at))
    trial = "" if change.trial is None else f"#{change.trial} "
    return f"{clock}  {trial}{said(change.text)}"


class JsonLines(PlainLines):
    """One JSON object for each event, every epoch included."""

    def line(self, change: Change) -> str:
        start = {"event": change.kind, "at": round(change.at, 3), "study": self.history.spec.name}
        trial = {} if change.trial is None else {"trial": change.trial}
        return json.dumps(start | trial | change.data)
