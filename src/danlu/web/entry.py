"""The way in for the browser that ``--open`` starts.

The address that a browser is started with stands in the list of processes, which all users of a
machine may read. So it holds no token, but a code: taken once, soon, and from this user only.
"""

import os
import socket
import struct
import time
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe
from typing import TypeAlias

End: TypeAlias = tuple[str, int | None]

TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
LIFE_S = 120.0  # a browser may have to start first
LOOKS = 5  # at a table that may miss a row while other connections come and go


class Entry:
    """A code in place of the token, for once.

    Attributes:
        code: What the link holds.
    """

    def __init__(self) -> None:
        self.code = token_urlsafe(32)
        self._until = time.monotonic() + LIFE_S

    def admits(self, given: str, client: End | None, server: End | None) -> bool:
        """Whether the one at the other end of a connection may come in; then nobody may after."""
        if not compare_digest(given.encode(), self.code.encode()):
            return False
        if time.monotonic() > self._until or not is_ours(client, server):
            return False
        self._until = 0.0
        return True


def is_ours(client: End | None, server: End | None) -> bool:
    """Whether this user, or root, holds the other end of a connection; true where no system tells.

    Root may read all anyway, and relays of virtual machines, as of WSL, are root's.
    """
    if client is None or server is None or client[1] is None or server[1] is None:
        return False
    family = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
    if not TABLES[family].exists():
        return True
    ends = [f"{_shown(family, host)}:{port:04X}" for host, port in (client, server)]
    found = (_owner(TABLES[family], ends) for _ in range(LOOKS))
    return next((owner for owner in found if owner is not None), None) in (0, os.getuid())


def _owner(table: Path, ends: list[str]) -> int | None:
    """The user of the socket with these ends."""
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    return next((int(row[7]) for row in rows if row[1:3] == ends), None)


def _shown(family: socket.AddressFamily, host: str) -> str:
    """An address as Linux writes it: words of 32 bits, in the order of the machine."""
    packed = socket.inet_pton(family, host)
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", packed))
