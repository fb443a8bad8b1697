"""Running the dashboard: its address, its token, and the server itself."""

import logging
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import closing
from threading import Timer

import uvicorn

from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DanluError
from danlu.stores import open_store
from danlu.web.app import create_app
from danlu.web.entry import Entry
from danlu.web.guard import Access
from danlu.web.patience import PromptProtocol
from danlu.web.streaming import Streams

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
PORT = 8321  # the one tried first; where it is taken, any that is free
MOST_CONNECTIONS = 128
KEEP_ALIVE_S = 20
GRACE_S = 1  # for open streams when the server ends


def serve(
    where: str,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    names: frozenset[str] = frozenset(),
    read_only: bool = False,
    show: bool = False,
    study: str | None = None,
    tell: Callable[[str], None],
) -> None:
    """Serve the dashboard of a store until it is interrupted.

    Args:
        where: The store, as of `danlu.stores.open_store`.
        host: The address to listen at; others than this machine's own need the token too.
        port: The port; None takes `PORT` or any free one.
        names: More names under which it may be asked, as behind a proxy.
        read_only: Whether nobody may act.
        show: Whether to open it in the browser.
        study: The study to begin with.
        tell: Takes each line for the person.

    Raises:
        DanluError: If the store cannot be opened or nobody may listen there.
    """
    hosts = LOOPBACK | names | ({host} if host not in ("", "0.0.0.0", "::") else frozenset())
    entry = Entry() if show else None
    access = Access(hosts=hosts, read_only=read_only, entry=entry)
    with (
        closing(_listening(host, port)) as listener,
        closing(open_store(where, create=False)) as writer,
        closing(open_store(where, create=False, read_only=True)) as reader,
    ):
        at = f"http://{_shown(host)}:{listener.getsockname()[1]}/"
        view = f"&/s/{study}/overview" if study else ""
        tell(say("Dashboard: {link}", link=f"{at}#token={access.control}{view}"))
        tell(say("To look only: {link}", link=f"{at}#token={access.look}{view}"))
        if host not in ("127.0.0.1", "::1", "localhost"):
            tell(say("It is not encrypted: whoever listens on the network can read the token."))
        if entry is not None:  # once the server listens
            Timer(0.5, webbrowser.open, [f"{at}#entry={entry.code}{view}"]).start()
        app = create_app(reader, writer, where, access, study)
        config = uvicorn.Config(
            app, log_level="warning",
            access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S, limit_concurrency=MOST_CONNECTIONS, ws="none",
            http=PromptProtocol,
        )  # fmt: skip
        sys.stdout.flush()
        _Server(config, app.state.streams).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends its streams before it goes down: they would not end by themselves."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        # Whoever does not read even the end is cut off on purpose: no error to be told.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def _shown(host: str) -> str:
    if host in ("", "0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens; at the usual port if it is free.

    Raises:
        DanluError: If nobody may listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wanted = [PORT, 0] if port is None else [port]
    for number in wanted:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError as error:
            listener.close()
            if number == wanted[-1]:
                raise DanluError(say(
                    "the dashboard cannot listen at {host}:{number}: {reason}. Give another "
                    "--port or --host.",
                    host=host, number=number, reason=reason_of(error),
                )) from error  # fmt: skip
            continue
        listener.listen(MOST_CONNECTIONS)
        return listener
    raise AssertionError("the last port returns or raises")
