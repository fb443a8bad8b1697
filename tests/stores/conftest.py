"""Stores to test, and a throw-away PostgreSQL server where one is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from danlu.stores import Store, open_store

NAMES = count(1)


def _binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(
        (p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda p: int(p.parent.name),
        default=None,
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server of our own, on a socket in its folder."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="danlu-pg-"))  # not pytest's: its name is too long
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, "-D", folder / "data", *arguments],
            user=user, group=user, extra_groups=[] if user else None, cwd=folder, check=True,
            stdout=subprocess.DEVNULL, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
    try:
        run("initdb", "-U", "danlu", "-A", "trust", "-E", "UTF8", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            yield f"postgresql://danlu@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The address of an empty schema, which is made more quickly than a database."""
    import psycopg

    name = f"test_{next(NAMES)}"
    with psycopg.connect(postgres_server) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres_server}&options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be opened, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "studies")
    address: str = request.getfixturevalue("postgres")
    return address


@pytest.fixture
def database(where: str) -> Iterator[Store]:
    """A new, open store in each kind of database."""
    with closing(open_store(where)) as store:
        yield store
