"""Where studies are kept: events in, histories out."""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from weakref import finalize

from danlu.core.request import Request
from danlu.stores.base import Store

__all__ = ["Request", "Store", "folder_for", "folder_of_memory", "open_store", "opened"]


def open_store(
    where: str | Path = ".danlu", *, create: bool = True, read_only: bool = False
) -> Store:
    """Open the store at ``where``, with its schema made or migrated if need be.

    Args:
        where: A folder, in which the SQLite file ``danlu.db`` lies; such a file itself (an
            existing one, or a name that ends in ``.db``); or ``postgresql://user@host/database``.
        create: Make the folder (for its owner only) and the file if they are not there.
        read_only: Whether the database itself shall refuse any writing; its schema must be the
            newest then.

    Raises:
        StoreError: If it cannot be opened: a database of another program, a newer schema, no
            permission, no such server, or psycopg is not installed.
    """
    from danlu.stores.sql import SqlStore  # SQLAlchemy costs a fifth of a second: only when used

    return SqlStore(where, create=create, read_only=read_only)


def opened(store: str | Path | Store | None) -> Store:
    """The store that a person named; None is one in memory."""
    if store is None:
        from danlu.stores.memory import MemoryStore

        return MemoryStore()
    return open_store(store) if isinstance(store, str | Path) else store


def folder_for(store: object, name: str) -> Path:
    """Where the trials' files lie: beside the database, or in ``.danlu`` of this folder."""
    local = isinstance(store, str | Path) and "://" not in str(store)
    base = Path(str(store)) if local else Path(".danlu")
    return (base.parent if base.suffix == ".db" else base).resolve() / "trials" / name


def folder_of_memory(owner: object) -> Path:
    """A folder that goes with its owner, as does all that is kept in memory."""
    folder = mkdtemp(prefix="danlu-")
    finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
