"""A lock on a file, which the system frees when the process ends, however it ends."""

import errno
import fcntl
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import StoreError
from danlu.stores.refusals import SOMEBODY, Holder, held

HELD: dict[Path, Holder] = {}
"""The locks of this process. POSIX grants a process its own lock again, and frees it when any
descriptor of the file is closed, so a second taker in this process must not even open it."""

NOTE_S = 0.5  # how long the holder may take to write its note


@contextmanager
def locked(path: Path, study: str) -> Iterator[None]:
    """Hold the lock of a study.

    A record lock (`fcntl`), not `flock`: forked workers must not inherit it, or it would outlive
    a killed tuner for as long as one of them lives.

    Raises:
        StudyError: If it is held, by another process or this one.
        StoreError: If the file cannot be opened or locked.
    """
    path = path.resolve()  # one key for each file, whatever way leads to it
    holder = Holder.here()
    other = HELD.setdefault(path, holder)
    if other is not holder and other.pid == holder.pid:
        raise held(study, other)
    HELD[path] = holder  # what a forked process finds here is its parent's, and not its own
    try:
        descriptor = _lock(path, study)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.note().encode(), 0)
            yield
        finally:
            os.close(descriptor)
    finally:
        del HELD[path]


def holder_of(path: Path) -> str | None:
    """Who holds the lock, None if nobody does; asks the system, and takes nothing."""
    path = path.resolve()
    mine = HELD.get(path)
    if mine is not None and mine.pid == os.getpid():
        return str(mine)
    try:
        descriptor = os.open(path, os.O_RDWR)  # no lock of this process is on it to be freed
    except OSError:
        return None
    try:
        if not _is_locked(descriptor):
            return None
        return str(
            Holder.parse(os.pread(descriptor, 4096, 0).decode(errors="replace")) or SOMEBODY
        )
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Whether another process has locked the file (``struct flock`` by the platform)."""
    layout, place = ("qqihh", 3) if sys.platform == "darwin" else ("hhqqi", 0)
    fields = [0] * 5
    fields[place] = fcntl.F_WRLCK
    found = fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(layout, *fields))
    return bool(struct.unpack(layout, found)[place] != fcntl.F_UNLCK)


def _lock(path: Path, study: str) -> int:
    """A descriptor of the file, with its lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(say(
            "{path} cannot be opened to lock a study: {reason}.",
            path=path, reason=reason_of(error),
        )) from error  # fmt: skip
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _holder(descriptor)
        os.close(descriptor)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise held(study, holder) from None
        raise StoreError(say(
            "{path} cannot be locked: {reason}. Use a folder on a file system with "
            "locks, or PostgreSQL.",
            path=path, reason=reason_of(error),
        )) from error  # fmt: skip
    return descriptor


def _holder(descriptor: int) -> Holder | None:
    """Who wrote the note; a holder that just took the lock may still be writing it."""
    deadline = time.monotonic() + NOTE_S
    while not (holder := Holder.parse(os.pread(descriptor, 4096, 0).decode(errors="replace"))):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)
    return holder
