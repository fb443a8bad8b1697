"""Messages between tuner, fork server, supervisor and training: JSON lines over sockets."""

import array
import json
import math
import select
import socket
from collections.abc import Iterable, Mapping
from typing import Any


def readable(descriptors: Iterable[int], timeout_s: float | None) -> set[int]:
    """Which of some descriptors can be read, or have lost their other side.

    Waits up to ``timeout_s``, None without end; unlike `select.select` it takes any number.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # rounded up, or the last fraction of a millisecond would be spent in a busy loop
    timeout_ms = None if timeout_s is None else math.ceil(1000 * timeout_s)
    return {descriptor for descriptor, _ in poll.poll(timeout_ms)}


class Wire:
    """One end of a stream socket that carries JSON objects, and now and then a descriptor."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.open = True
        self._rest = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, message: Mapping[str, Any], descriptor: int | None = None) -> bool:
        """Send a message; False when the other side is gone."""
        data = (json.dumps(message) + "\n").encode()
        try:
            if descriptor is not None:
                sent = socket.send_fds(self.socket, [data], [descriptor])
                data = data[sent:]
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def receive(self) -> list[dict[str, Any]]:
        """The messages that are there; clears `open` when the other side is gone.

        Blocks until something comes, so call it when the socket is readable.
        """
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64))
        except OSError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
                self._descriptors += received
        if not data:
            self.open = False
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def descriptor(self) -> int:
        """The oldest descriptor that came and was not yet taken."""
        return self._descriptors.pop(0)

    def close(self) -> None:
        self.open = False
        self.socket.close()
