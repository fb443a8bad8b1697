"""Which kind of file system a folder lies on: SQLite needs the locks and memory of one machine."""

import os
import re
from pathlib import Path

from danlu.core.sentence import say
from danlu.errors import StoreError

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = re.compile(r"nfs\d*|cifs|smb\w*|afs|ncpfs|fuse\.(sshfs|rclone|s3fs|glusterfs)")
FORCED = "DANLU_NETWORK_STORE"
"""The environment variable that says: only this machine uses the store, whatever it lies on."""


def refuse_network(folder: Path) -> None:
    """Make sure that a folder that exists is of this machine, where the system tells.

    Raises:
        StoreError: If it is another machine's, and nobody has said that this is intended.
    """
    kind = kind_of(folder)
    if NETWORK.fullmatch(kind) and not os.environ.get(FORCED):
        raise StoreError(say(
            "{folder} lies on a network file system ({kind}), where SQLite can be "
            "damaged when several machines use it: give --store a folder of this "
            "machine or a PostgreSQL address, or set {setting}=1 if no other machine "
            "will open it.",
            folder=folder, kind=kind, setting=FORCED,
        ))  # fmt: skip


def kind_of(folder: Path) -> str:
    """The kind of file system, as the system calls it; empty where it does not tell."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    found = ""
    deepest = -1
    for line in lines:
        # The place is the fifth word; the kind of file system comes first after the dash.
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        if folder.resolve().is_relative_to(point) and len(point.parts) >= deepest:
            deepest, found = len(point.parts), after.split()[0]
    return found
