"""The dashboard's server over real sockets: streams that resume, and what it must survive."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from tests.conformance.stores import one_trial, reports, spec_of
from tests.processes import wait_for

from danlu.core.event import Started
from danlu.core.parameter import Value
from danlu.stores import Store, open_store
from danlu.web.app import create_app
from danlu.web.guard import Access
from danlu.web.patience import PromptProtocol
from danlu.web.streaming import MOST_STREAMS


class Address(NamedTuple):
    """Where a dashboard listens, and what lets one in."""

    port: int
    token: str
    process: subprocess.Popen[str]

    def head(self, path: str, *more: str, method: str = "GET") -> bytes:
        lines = (f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *more)
        return ("\r\n".join([*lines, "", ""])).encode()

    def ask(self, sent: bytes, timeout_s: float = 10.0) -> bytes:
        """All that comes back to some bytes until the server closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as line:
            got = b""
            with contextlib.suppress(OSError):  # silence, or it was hung up on
                line.sendall(sent)
                line.settimeout(1.0)
                while piece := line.recv(65536):
                    got += piece
                    if b"\r\n\r\n" in got and b"text/event-stream" not in got:
                        line.settimeout(0.1)
            return got

    @property
    def bearer(self) -> str:
        return f"Authorization: Bearer {self.token}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(folder / "studies")) as store:
        store.create(spec_of())
        store.append("digits", one_trial(3))
        yield store


def begun(folder: Path) -> Address:
    """`danlu serve` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "danlu", "serve", "--store", "studies"],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r":(\d+)/#token=([\w-]+)", process.stdout.readline())
    assert found is not None
    return Address(int(found[1]), found[2], process)


@pytest.fixture(scope="module")
def served(folder: Path, store: Store) -> Iterator[Address]:
    address = begun(folder)
    yield address
    address.process.terminate()
    address.process.communicate(timeout=20)


class Stream:
    """An open stream of a study's events."""

    def __init__(self, address: Address, *headers: str) -> None:
        self.line = socket.create_connection(("127.0.0.1", address.port), 10)
        path = "/api/v1/studies/digits/events"
        self.line.sendall(address.head(path, address.bearer, *headers))
        self.text = ""

    def until(self, pattern: str) -> re.Match[str]:
        """The first match of a pattern in what has come."""
        while (found := re.search(pattern, self.text, re.DOTALL)) is None:
            piece = self.line.recv(65536)
            assert piece, self.text
            self.text += piece.decode()
        return found

    def trials(self) -> tuple[str, list[dict[str, Any]]]:
        """The id and the rows of the next message of trials."""
        found = self.until(r"id: (\S+)\nevent: trials\ndata: ([^\n]*)\n")
        self.text = self.text[found.end() :]
        rows: list[dict[str, Any]] = json.loads(found[2])["trials"]
        return found[1], rows

    def close(self) -> None:
        self.line.close()


def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    served: Address, store: Store
) -> None:
    first = Stream(served)
    seen, rows = first.trials()
    assert [r["n"] for r in rows] == [1]
    first.close()
    store.append("digits", reports(1, [4]))
    second = Stream(served, f"Last-Event-ID: {seen}")
    newer, rows = second.trials()
    assert [(r["n"], r["from"], r["e"]) for r in rows] == [(1, 3, 1)], "only what is new"
    store.append("digits", reports(1, [5]))
    _, rows = second.trials()
    assert [(r["from"], r["e"]) for r in rows] == [(4, 1)], "while it is open too"
    second.close()
    assert newer != seen


@pytest.mark.parametrize("last", ["deadbeef:99", "nonsense", "", ":", "a:" + "9" * 40, "a:-1"])
def test_a_stream_of_another_generation_begins_anew(served: Address, last: str) -> None:
    stream = Stream(served, f"Last-Event-ID: {last}")
    _, rows = stream.trials()
    assert rows[0]["from"] == 0
    stream.close()


def test_streams_are_limited_and_who_comes_too_late_is_told(served: Address) -> None:
    streams = [Stream(served) for _ in range(MOST_STREAMS)]
    try:
        for stream in streams:
            stream.until("event: trials")
        one_more = served.ask(served.head("/api/v1/studies/digits/events", served.bearer))
        assert b"503" in one_more.partition(b"\r\n")[0]
        assert b"too many pages" in one_more
        other = served.ask(served.head("/api/v1/studies", served.bearer))
        assert b"200" in other.partition(b"\r\n")[0], "everything else is still answered"
    finally:
        for stream in streams:
            stream.close()
    wait_for(lambda: b"200" in _begun(served), "a free place")


def _begun(served: Address) -> bytes:
    got = served.ask(served.head("/api/v1/studies/digits/events", served.bearer))
    return got.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "sent",
    [
        "GET http://evil.example/api/v1/studies HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
        "GET /api/v1/studies HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n",
        "GET /api/v1/studies HTTP/1.0\r\n\r\n",
        "GET /api/v1/studies HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /api/v1/studies\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX: " + "a" * 200_000 + "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + "A: b\r\n" * 40_000 + "\r\n",
        "GET /api/v1/studies/digits/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n\r\n",
    ],
)  # fmt: skip
def test_odd_requests_get_nothing_and_break_nothing(served: Address, sent: str) -> None:
    raw = sent.format(port=served.port)
    for text in (raw, raw.replace("\r\n\r\n", f"\r\n{served.bearer}\r\n\r\n")):
        got = served.ask(text.encode("latin-1"))
        assert b" 200 " not in got.partition(b"\r\n")[0]
        assert b"101 Switching" not in got
    assert (
        b"200" in served.ask(served.head("/api/v1/studies", served.bearer)).partition(b"\r\n")[0]
    )


def test_the_end_of_a_server_is_quiet_though_pages_are_open(folder: Path, store: Store) -> None:
    address = begun(folder)
    stream = Stream(address)
    with contextlib.closing(stream):
        stream.trials()
        address.process.send_signal(signal.SIGINT)
        said, _ = address.process.communicate(timeout=20)
    assert "ERROR" not in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1, "the link for onlookers, and no more"


def test_the_token_is_in_no_list_of_processes(served: Address) -> None:
    line = Path(f"/proc/{served.process.pid}/cmdline").read_bytes()
    assert served.token.encode() not in line
    assert served.token.encode() not in Path(f"/proc/{served.process.pid}/environ").read_bytes()


def test_a_dashboard_for_the_network_warns_and_still_wants_the_token(
    folder: Path,
    store: Store,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "danlu", "serve", "--store", "studies", "--host", "0.0.0.0"],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        found = re.search(r":(\d+)/#token=([\w-]+)", lines[0])
        assert found is not None
        assert "not encrypted" in lines[2]
        address = Address(int(found[1]), found[2], process)
        path = "/api/v1/studies"
        wait_for(lambda: address.ask(address.head("/")), "the server")
        assert b" 401 " in address.ask(address.head(path)).partition(b"\r\n")[0]
        assert b" 200 " in address.ask(address.head(path, address.bearer)).partition(b"\r\n")[0]
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


# ---- a server in this process, whose patience is short


class Hasty(PromptProtocol):
    request_s = 0.3


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Address]:
    access = Access()
    with contextlib.closing(open_store(tmp_path / "studies")) as store:
        store.create(spec_of())
        config: dict[str, Value] = {"lr": 1e-2, "units": 64, "optimizer": "adam"}
        store.append("digits", [Started(100.0, 1, config, until=9, seed=1)])
        app = create_app(store, store, str(tmp_path / "studies"), access)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", http=Hasty, limit_concurrency=20, ws="none")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started, "the server")
        yield Address(listener.getsockname()[1], access.control, None)  # type: ignore[arg-type]
        server.should_exit = True
        thread.join(20)


@pytest.mark.parametrize("begun", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_whoever_does_not_end_a_request_is_hung_up_on(hasty: Address, begun: str) -> None:
    lines = [socket.create_connection(("127.0.0.1", hasty.port), 20) for _ in range(25)]
    try:
        for line in lines:
            line.sendall(begun.encode())
        for line in lines:
            while line.recv(4096):
                pass  # closed by the server, or it would time out
        answer = hasty.ask(hasty.head("/api/v1/studies", hasty.bearer))
        assert b"200" in answer.partition(b"\r\n")[0]
    finally:
        for line in lines:
            line.close()


def test_a_body_that_never_comes_is_not_waited_for(hasty: Address) -> None:
    more = (hasty.bearer, "Content-Type: application/json", "Content-Length: 1000")
    head = hasty.head("/api/v1/studies/digits/requests", *more, method="POST")
    with socket.create_connection(("127.0.0.1", hasty.port), 20) as line:
        line.sendall(head + b'{"verb":')
        while line.recv(4096):
            pass


def test_a_stream_outlives_the_time_for_a_request(hasty: Address) -> None:
    stream = Stream(hasty)
    stream.until("event: overview")
    stream.line.settimeout(1.2)  # four times as long
    with pytest.raises(TimeoutError):
        stream.until("never sent")
    stream.close()
