"""The report file of a launch: one JSON object a line, written by training, read by the tuner.

A line is written by a single ``write`` to a file opened for appending, so that it survives the
death of its process at once, and several processes may write. Two kinds of lines::

    {"epoch": 3, "train_loss": 0.41, "val_loss": 0.52}     an evaluation; without "epoch", one more
    {"danlu": "saved", "epoch": 3}                         a note of danlu's own
"""

import errno
import json
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from danlu.errors import ReportError

LONGEST_LINE = 65_536  # bytes; a longer one is no report but an accident
CHUNK = 1 << 15  # bytes read at once, however much there is: other files wait their turn
MOST_METRICS = 256  # of a report, and of a launch
FULL = (errno.ENOSPC, errno.EDQUOT)
ROOM_S = 1.0  # between tries to write to a disk that is full
RESERVED = ("epoch", "at", "danlu")  # what a line holds besides metrics
METRIC = re.compile(r"[^\W\d][\w./\-: ]{0,127}")
ENVIRONMENT = "DANLU_REPORTS"
"""The environment variable that names the report file to a command."""


def write_line(path: str | Path, line: Mapping[str, Any]) -> None:
    """Append one line; the file is created if need be.

    Training waits here while the disk is full: it loses nothing, and need not know.
    """
    data = (json.dumps(line) + "\n").encode()
    while data:  # all at once, but for a disk that is nearly full
        try:
            data = data[_append(path, data) :]
        except OSError as error:
            if error.errno not in FULL:
                raise
            time.sleep(ROOM_S)


def _append(path: str | Path, data: bytes) -> int:
    """Append some bytes, or the first of them; how many."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def evaluation(
    epoch: int | None, metrics: Mapping[str, Any] | None, named: Mapping[str, Any]
) -> dict[str, Any]:
    """An evaluation as a line, checked; the metrics of both mappings together.

    Raises:
        ReportError: For an epoch that is no whole number, a name that cannot be one, or a value
            that is no number.
    """
    if metrics is not None and not isinstance(metrics, Mapping):
        raise ReportError(
            f"metrics must map names to numbers, but got {metrics!r}: write report(3, loss=0.4)."
        )
    metrics = {**(metrics or {}), **named}
    if not metrics:
        raise ReportError("report() needs at least one metric, e.g. val_loss=0.3.")
    if len(metrics) > MOST_METRICS:
        raise ReportError(f"at most {MOST_METRICS} metrics a report, but got {len(metrics)}.")
    line: dict[str, Any] = {} if epoch is None else {"epoch": whole(epoch)}
    line["at"] = time.time()
    return line | {_name(name): number(name, value) for name, value in metrics.items()}


def whole(epoch: Any) -> int:
    if isinstance(epoch, bool) or not hasattr(epoch, "__index__"):
        raise ReportError(f"epochs are whole numbers counted from 1, but got {epoch!r}.")
    return int(epoch)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not METRIC.fullmatch(name) or name in RESERVED:
        raise ReportError(
            f"{name!r} cannot be the name of a metric: it must begin with a letter, hold letters, "
            "digits and . / - : _ only, and not be 'epoch', 'at' or 'danlu'."
        )
    return name


def number(name: str, value: Any) -> float:
    """A metric's value as a float; NumPy scalars and one-element tensors are taken.

    Raises:
        ReportError: If it is no number.
    """
    if isinstance(value, bool | str | bytes) or value is None:
        raise ReportError(f"{name} must be a number, but got {value!r}.")
    try:
        # float() of an array or of a tensor with a gradient would warn
        return float(value.item() if hasattr(value, "item") else value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError) as error:
        raise ReportError(
            f"{name} must be one number, but got {type(value).__name__} {str(value)[:60]}."
        ) from error


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line, or None if it is none."""
    try:
        table = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def numbers_of(table: Mapping[str, Any]) -> dict[str, float]:
    """The usable metrics of a line that anyone may have written; the rest is left out."""
    names = [n for n in table if n not in RESERVED and METRIC.fullmatch(n)]
    found: dict[str, float] = {}
    for name in names[:MOST_METRICS]:
        try:
            found[name] = number(name, table[name])
        except ReportError:
            continue
    return found


class Tail:
    """Reads the complete lines that were added to a file since the last look.

    Lines longer than `LONGEST_LINE` are left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.behind = 0  # bytes that were there but not read at the last look
        self._offset = 0
        self._rest = b""

    def lines(self, *, final: bool = False) -> Iterator[bytes]:
        """New lines without their ends, of at most `CHUNK` bytes.

        Args:
            final: Take all that is there, an unfinished last line too.
        """
        while data := self._chunk():
            # Progress bars end their lines with a carriage return.
            *ended, self._rest = re.split(rb"[\r\n]", self._rest + data)
            yield from (line for line in ended if 0 < len(line) <= LONGEST_LINE)
            if len(self._rest) > LONGEST_LINE:
                self._rest = self._rest[: LONGEST_LINE + 1]  # stays too long until its end comes
            if not final:
                break  # or a writer that is quicker than we are would never let us go
        if final and 0 < len(self._rest) <= LONGEST_LINE:
            line, self._rest = self._rest, b""
            yield line

    def _chunk(self) -> bytes:
        self.behind = 0
        try:
            size = self.path.stat().st_size
            if size < self._offset:  # it was cut, as an endless log is
                self._offset = size
            if size <= self._offset:
                return b""
            with self.path.open("rb") as file:
                begin = file.seek(self._offset, os.SEEK_DATA)  # what was freed is not read
                data = file.read(CHUNK)
        except OSError:
            return b""
        self._offset = begin + len(data)
        self.behind = size - self._offset
        return data
