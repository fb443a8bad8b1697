"""Keeping a trial's log small however much it prints: its head and its newest lines stay.

Training writes straight into the file, so that no line is lost with a killed process and nobody
waits for a reader. While it runs, the middle of a log that has grown too long is given back to the
file system; when it is over, the file is written anew without it.
"""

import os
from pathlib import Path

from danlu.executors.linux import punch_hole

HEAD = 16 << 20  # bytes of the beginning that are kept
TAIL = 48 << 20  # bytes of the end
SLACK = 4 << 20  # bytes that a log may be too long before anything is done
LOOK_S = 0.5  # between looks at the log of a running trial
BLOCK = 1 << 20  # bytes copied at once; holes begin and end at its multiples


def trim(descriptor: int, freed: int) -> int:
    """Free the middle of a log that is being written.

    Args:
        descriptor: Of the log, opened for writing.
        freed: What the last call returned, 0 at first.

    Returns:
        Where the part that is kept at the end begins; 0 if nothing is freed.
    """
    size = os.fstat(descriptor).st_size
    end = (size - TAIL) // BLOCK * BLOCK
    if end <= max(HEAD, freed) + SLACK:
        return freed
    if punch_hole(descriptor, HEAD, end):
        return end
    os.ftruncate(descriptor, HEAD)  # those who write append, and go on from there
    return 0


def shorten(path: Path) -> None:
    """Write a log that is too long anew, without its middle; nobody writes to it any more."""
    try:
        size = path.stat().st_size
        if size <= HEAD + TAIL + 2 * SLACK:
            return
        temporary = path.with_name(f".{path.name}")
        try:
            _copy(path, temporary, size)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError:  # a log is not worth a trial
        return


def _copy(path: Path, to: Path, size: int) -> None:
    with (
        path.open("rb") as file,
        os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out,
    ):
        for begin, end in ((0, HEAD), (size - TAIL, size)):
            file.seek(begin)
            if begin:
                out.write(f"\n… {begin - HEAD:,} bytes are left out here …\n".encode())
            while block := file.read(min(BLOCK, end - file.tell())):
                out.write(block)
