"""What a launch on this machine needs: files of its own, and room for its processes."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DiskFullError, LaunchError, UnavailableError
from danlu.executors.launched import Files
from danlu.worker.spool import FULL

SCARCE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


@contextmanager
def scarce() -> Iterator[None]:
    """Tell that a launch is impossible for now.

    Raises:
        UnavailableError: If the system has no process, descriptor or memory to spare.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in SCARCE:
            raise
        raise UnavailableError(
            say("a trial cannot be started now: {reason}.", reason=reason_of(error))
        ) from error


def new_files(folder: Path) -> Files:
    """The files of a new launch; its log is made, so that the next launch has other ones."""
    with _written(folder):
        _private(folder)
        files = Files(folder, Files.last(folder).n + 1)
        files.log.touch(mode=0o600)
    return files


def made_folder(folder: Path) -> None:
    """Make a trial's folder."""
    with _written(folder):
        _private(folder)


def _private(folder: Path) -> None:
    """Make a folder, and those around it that are missing, for this user alone."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        _private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Tell what is in the way of writing to a trial's folder."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFullError(f"{folder}: {error.strerror}.") from error
        if error.errno in SCARCE:
            raise
        raise LaunchError(say(
            "{folder} cannot be written to: {reason}.",
            folder=folder, reason=reason_of(error),
        )) from error  # fmt: skip
