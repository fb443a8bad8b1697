"""A throw-away PostgreSQL server, where one is installed, and a proxy that fails on demand."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

HELD_S = 0.05  # between looks of a connection that is held back


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(
        (p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda p: int(p.parent.name),
        default=None,
    )


class Postgres:
    """A server of our own on a socket in its folder; a context that ends with it."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, "PostgreSQL is not installed"
        self._binaries = found
        self._user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix="danlu-pg-"))  # a short name, for its socket
        self.address = f"postgresql://danlu@/postgres?host={self.folder}"

    def __enter__(self) -> Self:
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-U", "danlu", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, "-D", self.folder / "data", *arguments],
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
            cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """End it as a crash would: sessions are cut off, nothing is said to them."""
        self._run("pg_ctl", "stop", "-m", "immediate")


class Proxy:
    """Stands between clients and the server, and cuts, stalls or swallows as a test wants.

    Attributes:
        cut_after: If it is in what a client sends, that is passed on, its answer is swallowed and
            the connection cut, once.
        cut_before: As ``cut_after``, but the server does not get it either.
        deaf: Whether connections that are cut stay open on the server's side.
    """

    def __init__(self, server: Postgres) -> None:
        self._server = f"{server.folder}/.s.PGSQL.5432"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cut_after = self.cut_before = b""
        self.deaf = False
        self._flows = Event()
        self._flows.set()
        self._kept: list[socket.socket] = []
        Thread(target=self._serve, daemon=True).start()

    def address(self, schema: str) -> str:
        """Of the database through this proxy."""
        host = f"postgresql://danlu@127.0.0.1:{self.port}/postgres"
        return f"{host}?options=-csearch_path%3D{schema}"

    def stall(self) -> None:
        """Hold everything back, without a word."""
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self._listening.close()
        for each in self._kept:
            each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._server)
                except OSError:
                    client.close()
                    continue
                swallowed = Event()
                self._pump(client, server, lambda data, s=swallowed: self._sees(data, s))  # type: ignore[misc]
                self._pump(server, client, lambda _, s=swallowed: not s.is_set())  # type: ignore[misc]

    def _sees(self, data: bytes, swallowed: Event) -> bool:
        """Whether what a client says is to be passed on."""
        if self.cut_after and self.cut_after in data:
            self.cut_after = b""
            swallowed.set()
        elif self.cut_before and self.cut_before in data:
            self.cut_before = b""
            return False
        return True

    def _pump(self, a: socket.socket, b: socket.socket, passes: Callable[[bytes], bool]) -> None:
        def run() -> None:
            with suppress(OSError):
                while data := a.recv(65536):
                    self._flows.wait()
                    if not passes(data):
                        break
                    b.sendall(data)
            self._end(a, b)

        Thread(target=run, daemon=True).start()

    def _end(self, *both: socket.socket) -> None:
        for each in both:
            if self.deaf and each.family == socket.AF_UNIX:
                self._kept.append(each)
                continue
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
