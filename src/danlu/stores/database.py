"""Opening a database: its address, its engine, and its schema made, checked or migrated.

SQLite and PostgreSQL differ here and in the way a study is locked (`sql.py`), nowhere else.
"""

import errno
import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DiskFullError, StoreError, UnavailableError
from danlu.stores.address import shown
from danlu.stores.filesystem import refuse_network
from danlu.stores.schema import HEAD, metadata, revision

APPLICATION_ID = 0x64616E6C  # "danl", in the header of each SQLite file of ours
FULL = (errno.ENOSPC, errno.EDQUOT)
POSTGRES_FULL = "53100"  # disk_full, in appendix A of PostgreSQL's manual
READ_ONLY = "25006"  # read_only_sql_transaction, of a server that stands in for another
PATIENCE = {  # of a client: a server or network that is gone is noticed within half a minute
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5,
    "keepalives_count": 4, "tcp_user_timeout": 30_000,
}  # fmt: skip
SMALLEST = 512  # bytes of a database: one page of the smallest size that SQLite knows
BUSY_S = 30.0  # how long to wait for another process that writes
MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(
    where: str | Path, *, create: bool = True, read_only: bool = False
) -> tuple[sa.Engine, str]:
    """The engine of a database whose schema is the newest, and its address to show.

    Raises:
        StoreError: See `danlu.stores.open_store`.
    """
    text = str(where)
    if re.match(r"postgres(ql)?(\+\w+)?://", text):
        with explained(shown(text)):
            return prepared(_postgres(text, read_only=read_only)), shown(text)
    if re.match(r"\w[\w+]*://", text):
        kind = text.split("://", maxsplit=1)[0]
        raise StoreError(say(
            "a store cannot be opened at {kind}://…: give a folder, such as .danlu, or "
            "the address of a PostgreSQL database, such as postgresql://user@host/name.",
            kind=kind,
        ))  # fmt: skip
    path = _sqlite_path(Path(text).expanduser().absolute(), create=create)
    with explained(str(path)):
        return prepared(_sqlite(path, read_only=read_only)), str(path)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Tell errors of a database as `StoreError`, with where it is."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _told(where, error.orig or error) from error
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
        raise _told(where, error) from error


def _told(where: str, error: BaseException) -> StoreError:
    full = (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        or getattr(error, "sqlstate", None) == POSTGRES_FULL
        or getattr(error, "errno", None) in FULL
    )
    kind = DiskFullError if full else UnavailableError if _passes(error) else StoreError
    return kind(f"{where}: {_reason(error)}")


def _passes(error: BaseException) -> bool:
    """Whether the same may work later: a lock that another holds, or a server that is away."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None) or 0
        return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    # By name, as psycopg need not be installed; its operational errors are those of the server.
    names = {kind.__name__ for kind in type(error).__mro__}
    return "OperationalError" in names or getattr(error, "sqlstate", None) == READ_ONLY


ADVICE = {
    "file is not a database": "it is no SQLite file; give another folder, or move it away",
    "malformed": "it is damaged; restore it from a copy, or save what can be read with: "
    "sqlite3 danlu.db .recover",
    "unable to open": "check that its folder exists and that you may write there",
    "readonly": "check that you may write to it and to its folder",
    "is full": "free some space; nothing recorded is lost",
    "is locked": "another program holds it; close that and try again",
}


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    advice = next((advice for words, advice in ADVICE.items() if words in text), "")
    text = f"{text}: {advice}" if advice else text
    return text if text.endswith("?") else f"{text}."


def _sqlite_path(where: Path, *, create: bool) -> Path:
    """The file of a store that is given as a folder or as that file."""
    is_file = where.is_file() or (where.suffix == ".db" and not where.is_dir())
    path = where if is_file else where / "danlu.db"
    if not create and not path.exists():
        raise StoreError(say(
            "there are no studies at {where}: run one there first, or give --store.",
            where=where,
        ))  # fmt: skip
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(say(
            "the folder {parent} cannot be made: {reason}. Give a folder that you "
            "may write to.",
            parent=path.parent, reason=reason_of(error),
        )) from error  # fmt: skip
    refuse_network(path.parent)
    if path.is_file() and 0 < path.stat().st_size < SMALLEST:  # SQLite would write over it
        raise StoreError(f"{path}: {_reason(ValueError('file is not a database'))}")
    return path


def _sqlite(path: Path, *, read_only: bool) -> sa.Engine:
    address = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(address, connect_args={"timeout": BUSY_S})

    @sa.event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions: `begin` does
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # on disk when a commit returns
        if read_only:
            connection.execute("PRAGMA query_only = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A writer takes its lock at once: upgrading a read lock fails without waiting.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(address: str, *, read_only: bool) -> sa.Engine:
    address = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", address)
    try:
        url = sa.make_url(address)
        patience = {name: value for name, value in PATIENCE.items() if name not in url.query}
        engine = sa.create_engine(
            url, pool_pre_ping=True, paramstyle="format", connect_args=patience
        )
        return engine.execution_options(postgresql_readonly=True) if read_only else engine
    except ModuleNotFoundError as error:
        raise StoreError(say(
            "PostgreSQL needs psycopg, which is not installed: install it with: pip "
            "install 'danlu[postgres]'",
        )) from error  # fmt: skip
    except (ValueError, sa.exc.ArgumentError):  # whose texts repeat the password
        raise StoreError(say(
            "the address of a PostgreSQL database cannot be read: it must look like "
            "postgresql://user:password@host:5432/database",
        )) from None  # fmt: skip


def prepared(engine: sa.Engine, head: str = HEAD, migrations: Path = MIGRATIONS) -> sa.Engine:
    """The engine, once its schema is the newest: made if the database is empty, else migrated."""
    try:
        if found_revision(engine, head) != head:
            with _alone(engine):  # and look again: another process may have been quicker
                found = found_revision(engine, head)
                if found is None:
                    _make(engine)
                elif found != head:
                    _migrate(engine, found, migrations)
    except BaseException:
        engine.dispose()
        raise
    return engine


def found_revision(engine: sa.Engine, head: str = HEAD) -> str | None:
    """The revision of the database's schema; None when it is empty.

    Raises:
        StoreError: If it belongs to another program, or to a newer danlu.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        if sqlite and inspector.get_table_names():
            mark = connection.exec_driver_sql("PRAGMA application_id").scalar()
            if mark != APPLICATION_ID:
                raise StoreError(say(
                    "{database} is a database of another program, and is left as it is: give "
                    "another folder for the studies.",
                    database=engine.url.database,
                ))  # fmt: skip
        if not inspector.has_table(revision.name):
            return None
        found = connection.execute(sa.select(revision.c.version_num)).scalar()
    if found is None or found > head:
        raise StoreError(say(
            "{url} has schema {found}, but this danlu knows {head} at most: upgrade "
            "danlu, or give another store.",
            url=engine.url.render_as_string(), found=found, head=head,
        ))  # fmt: skip
    return str(found)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Keep other processes from making or migrating the schema."""
    if engine.dialect.name == "sqlite":
        folder = os.open(Path(engine.url.database or "").parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(folder, fcntl.LOCK_UN)  # said aloud, as a forked process may share it
            os.close(folder)
    else:
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(APPLICATION_ID)))
            yield


def _make(engine: sa.Engine) -> None:
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:  # readers and the writer do not wait for each other; kept in the file
        _outside_transactions(engine, "PRAGMA journal_mode = WAL")
    with engine.execution_options(writes=True).begin() as connection:
        metadata.create_all(connection, checkfirst=False)
        connection.execute(sa.insert(revision).values(version_num=HEAD))
        if sqlite:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _migrate(engine: sa.Engine, found: str, migrations: Path) -> None:
    """Run the migrations in one transaction; a copy of an SQLite file is kept beside it."""
    from alembic import command
    from alembic.config import Config

    if engine.dialect.name == "sqlite":
        copy = Path(f"{engine.url.database}.schema-{found}")
        copy.unlink(missing_ok=True)
        _outside_transactions(engine, "VACUUM INTO ?", str(copy))
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _outside_transactions(engine: sa.Engine, statement: str, *values: str) -> None:
    raw = engine.raw_connection()
    try:
        raw.driver_connection.execute(statement, values)  # type: ignore[union-attr]
    finally:
        raw.close()
