"""Connections that may not dawdle: whoever begins a request must end it in time.

Without that, some hundred connections that each send half a request would keep everybody else out.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

UNFINISHED = ("IDLE", "SEND_BODY")  # what h11 calls a side that has not sent its whole request


class PromptProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose request does not come whole within ``request_s``."""

    request_s = 10.0
    _over: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if str(self.conn.their_state) in UNFINISHED:
            self._await_request()
        else:
            self._forget()

    def _await_request(self) -> None:
        if self._over is None:
            self._over = self.loop.call_later(self.request_s, self.transport.close)

    def _forget(self) -> None:
        if self._over is not None:
            self._over.cancel()
            self._over = None
