"""Waiting for space on a disk that is full, rather than ending a study for want of it."""

import time
from collections.abc import Callable

from danlu.core.logbook import DISK, Entry
from danlu.errors import DiskFullError

ROOM_S = 1.0  # between tries


def patiently(
    writes: Callable[[], None], tell: Callable[[Entry], None], interrupted: Callable[[], object]
) -> None:
    """Do what writes to the disk, and try again as long as that is full.

    Args:
        writes: All or nothing.
        tell: Takes a line of the log-book when the waiting begins, and when it is over.
        interrupted: Whether a person wants the end.

    Raises:
        DiskFullError: If an interrupt comes first.
    """
    began = 0.0
    while True:
        try:
            writes()
        except DiskFullError as error:
            if interrupted():
                raise
            if not began:
                began = time.monotonic()
                tell(Entry(DISK, "", str(error).rstrip("."), "all waits, and goes on by itself"))
            time.sleep(ROOM_S)
        else:
            break
    if began:
        waited = f"after {time.monotonic() - began:.0f} s"
        tell(Entry(DISK, "", f"there is space on the disk again {waited}", "all goes on"))
