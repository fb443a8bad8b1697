"""Files of a trial: its log, and what it wrote, by ids that name no path.

A trial's code may have put links or pipes there: nothing but regular files of this user is
opened, and each step of the way is taken without following a link.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

MOST_FILES = 500
DEEPEST = 4  # folders within a trial's folder
TAIL = 64 * 1024  # bytes of a log that are shown
LOG = re.compile(r"log-(\d{1,9})\.txt")


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A file in a trial's folder.

    Attributes:
        id: Names it in the interface.
        path: Within the folder.
        bytes: Its size.
    """

    id: str
    path: str
    bytes: int


def files_of(folder: Path) -> list[TrialFile]:
    """What lies in a trial's folder, in the order of names."""
    return list(_walk(folder, ""))[:MOST_FILES]


def _walk(folder: Path, inside: str) -> Iterator[TrialFile]:
    if inside.count("/") > DEEPEST:
        return
    try:
        with os.scandir(folder / inside) as entries:
            found = sorted(entries, key=lambda e: e.name)
    except OSError:
        return
    for entry in found:
        path = f"{inside}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, f"{path}/")
        elif entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):  # training took it away just now
                yield TrialFile(_id(path), path, entry.stat(follow_symlinks=False).st_size)


def _id(path: str) -> str:
    return blake2b(os.fsencode(path), digest_size=12).hexdigest()


@contextmanager
def opened(folder: Path, path: str) -> Iterator[int]:
    """The descriptor of a file in a trial's folder, for reading.

    Raises:
        OSError: If it, or a folder on the way, is a link, no regular file, or of another user.
    """
    *folders, name = path.split("/")
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for step in folders:
            inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{name} is no regular file of this user")
        yield file
    finally:
        os.close(file)


def log_tail(folder: Path) -> str:
    """The end of what a trial's last launch printed; empty if nothing is there."""
    logs = [(int(m[1]), f.path) for f in files_of(folder) if (m := LOG.fullmatch(f.path))]
    if not logs:
        return ""
    try:
        with opened(folder, max(logs)[1]) as file:
            size = os.fstat(file).st_size
            text = os.pread(file, TAIL, max(0, size - TAIL))
    except OSError:
        return ""
    return text.decode(errors="replace")
