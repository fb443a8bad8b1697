"""Memory that is freed stays with the process, since a step asks for as much again."""

import ctypes
import sys

TRIM, MMAP = -1, -3  # of glibc's `mallopt`: from which size on memory goes back to the system
KEPT = 1 << 30  # bytes


def keep_freed() -> None:
    """Let the C library keep what is freed, where it is glibc.

    Tensors of some 100 kB and more would else go back to the system after each use, and be
    cleared and mapped in anew page by page: a tenth of the time of a crew.
    """
    if sys.platform != "linux":
        return
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(TRIM, KEPT)
        adjust(MMAP, KEPT)
