"""Stores to test, and a throw-away PostgreSQL server where one is installed."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.postgres import Postgres, binaries

from danlu.stores import Store, open_store

NAMES = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A server of our own."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with Postgres() as running:
        yield running


@pytest.fixture
def schema_name(server: Postgres) -> str:
    """The name of an empty schema, which is made more quickly than a database."""
    import psycopg

    name = f"test_{next(NAMES)}"
    with psycopg.connect(server.address) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return name


@pytest.fixture
def postgres(server: Postgres, schema_name: str) -> str:
    """The address of an empty schema."""
    return f"{server.address}&options=-csearch_path%3D{schema_name}"


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
