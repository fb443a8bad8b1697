"""Waiting for a store, or for space on a disk, rather than ending a study for want of it."""

import time
from collections.abc import Callable

from danlu.core.logbook import DISK, Entry
from danlu.errors import DiskFullError, UnavailableError

ROOM_S = 1.0  # between tries


def patiently(
    writes: Callable[[], None], tell: Callable[[Entry], None], interrupted: Callable[[], object]
) -> None:
    """Do what writes, and try again as long as the disk is full or the store cannot be reached.

    Args:
        writes: All or nothing.
        tell: Takes a line of the log-book when the waiting begins, and when it is over.
        interrupted: Whether a person wants the end.

    Raises:
        UnavailableError: If an interrupt comes first.
    """
    began, full = 0.0, True
    while True:
        try:
            writes()
        except UnavailableError as error:
            if interrupted():
                raise
            if not began:
                began = time.monotonic()
                full = isinstance(error, DiskFullError)
                tell(Entry(DISK, "", str(error).rstrip("."), "all waits, and goes on by itself"))
            time.sleep(ROOM_S)
        else:
            break
    if began:
        back = "there is space on the disk" if full else "what was waited for is there"
        waited = f"{back} again after {time.monotonic() - began:.0f} s"
        tell(Entry(DISK, "", waited, "all goes on"))
