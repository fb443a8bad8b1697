"""A store in a database, SQLite or PostgreSQL, through the same statements."""

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import Any

import sqlalchemy as sa

from danlu.core.event import Event
from danlu.core.history import History, fold
from danlu.core.request import Request
from danlu.core.sentence import say
from danlu.core.spec import Spec, decode_spec
from danlu.errors import DanluError, StoreError
from danlu.stores import schema
from danlu.stores.database import APPLICATION_ID, explained, open_database
from danlu.stores.lease import (
    WHO_LOCKS,
    Lease,
    Session,
    check_token,
    parse_holder,
    take_token,
    unrecorded,
)
from danlu.stores.lock import holder_of, locked
from danlu.stores.refusals import SOMEBODY, name_taken, no_study
from danlu.stores.rows import (
    REPORTED,
    Row,
    decode_rows,
    encode_request_data,
    encode_rows,
    encode_spec_text,
)

WRONG = (TypeError, ValueError, AttributeError, RecursionError)
"""What Python raises for values of the wrong kind: rows may have been written by anybody."""

FETCHED = 2000  # rows that are taken from the database at once; ten thousand do not fit the cache
TO_READ = sa.select(schema.study.c.id).where(schema.study.c.name == sa.bindparam("name"))
TO_WRITE = TO_READ.with_for_update()
LAST = sa.select(
    *(
        sa.select(sa.func.max(t.c.seq))
        .where(t.c.study_id == sa.bindparam("study_id"))
        .scalar_subquery()
        for t in (schema.event, schema.report)
    )
)


class SqlStore:
    """Keeps studies in a database; safe to use from several threads and processes.

    Args:
        where: As of `danlu.stores.open_store`.
        create: Make it if it is not there.
        read_only: Whether the database shall refuse any writing.

    Raises:
        StoreError: If it cannot be opened.
    """

    def __init__(self, where: str | Path, *, create: bool = True, read_only: bool = False) -> None:
        self._engine, self.where = open_database(where, create=create, read_only=read_only)
        self._writer = self._engine.execution_options(writes=True, preserve_rowcount=True)
        self._leases: dict[str, Lease] = {}
        self._insert_events = str(sa.insert(schema.event).compile(self._engine))
        self._insert_reports = (
            f"{sa.insert(schema.report).compile(self._engine)} "
            "ON CONFLICT (study_id, trial, epoch) DO NOTHING"
        )

    def __repr__(self) -> str:
        return f"SqlStore({self.where!r})"

    def studies(self) -> Sequence[str]:
        with self._reading() as c:
            return _names(c)

    def create(self, spec: Spec) -> None:
        text = encode_spec_text(spec)
        new = sa.insert(schema.study).values(name=spec.name, created=time())
        try:
            with self._writer.begin() as c:
                (study_id,) = c.execute(new).inserted_primary_key or (0,)
                _insert_spec(c, study_id, 1, text)
        except sa.exc.IntegrityError:
            raise name_taken(spec.name, self.where) from None

    def respecify(self, spec: Spec) -> None:
        text = encode_spec_text(spec)
        with self._writing() as c:
            study_id = self._study(c, spec.name, to_write=True)
            version, known = _spec(c, study_id)
            if text != known:
                _insert_spec(c, study_id, version + 1, text)

    def append(self, study: str, events: Sequence[Event]) -> None:
        rows = encode_rows(events)
        with explained(self.where):
            if not self._insert(study, rows):
                self._insert(study, rows, repeated=True)

    def load(self, study: str) -> History:
        with self._reading() as c:
            study_id = self._study(c, study)
            return _folded(c, study_id, History(_decode_spec(_spec(c, study_id)[1])))

    def follow(self, history: History) -> History:
        with self._reading() as c:
            study_id = self._study(c, history.spec.name)
            text, last = _spec(c, study_id)[1], _last(c, study_id)
            # Another objective changes each trial's value, and a study that was removed and
            # created again begins anew: then all is folded again.
            if text != encode_spec_text(history.spec) or last < history.version:
                return _folded(c, study_id, History(_decode_spec(text)))
            return history if last == history.version else _folded(c, study_id, history)

    def remove(self, study: str) -> None:
        with self.lock(study), self._writing() as c:
            study_id = self._study(c, study)
            c.execute(sa.delete(schema.study).where(schema.study.c.id == study_id))
            self._lock_file(study_id).unlink(missing_ok=True)

    def request(
        self,
        study: str,
        verb: str,
        trial: int | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        by: str = "",
        key: str | None = None,
    ) -> int:
        t = schema.request
        values = {"verb": verb, "trial": trial, "by": by, "key": key, "at": time()}
        values["data"] = encode_request_data(data or {})
        with self._writing() as c:
            study_id = self._study(c, study, to_write=True)
            if key is not None:
                same = (t.c.study_id == study_id) & (t.c.key == key)
                known = c.execute(sa.select(t.c.number).where(same)).scalar()
                if known is not None:
                    return int(known)
            number = 1 + _highest(c, t.c.number, study_id)
            c.execute(sa.insert(t).values(values | {"study_id": study_id, "number": number}))
            return number

    def requests(self, study: str, after: int = 0) -> Sequence[Request]:
        t = schema.request
        with self._reading() as c:
            mine = (t.c.study_id == self._study(c, study)) & (t.c.number > after)
            columns = (t.c.number, t.c.verb, t.c.trial, t.c.at, t.c.data, t.c.by)
            rows = c.execute(sa.select(*columns).where(mine).order_by(t.c.number)).all()
        try:
            return [Request(*row[:4], json.loads(row.data), row.by) for row in rows]
        except WRONG as error:
            raise StoreError(say(
                'study "{study}" is damaged: it holds a request that cannot be read '
                "({error}). Were rows changed by hand?",
                study=study, error=error,
            )) from error  # fmt: skip

    def holder(self, study: str) -> str | None:
        with self._reading() as c:
            study_id = self._study(c, study)
            if self._engine.dialect.name == "sqlite":
                return holder_of(self._lock_file(study_id))
            keys = {"app": APPLICATION_ID, "study": study_id}
            name = c.execute(WHO_LOCKS, keys).scalar()
        return None if name is None else str(parse_holder(name) or SOMEBODY)

    @contextmanager
    def lock(self, study: str) -> Iterator[None]:
        with self._reading() as c:
            study_id = self._study(c, study)
        with self._exclusive(study, study_id) as session:
            with self._writing() as c:
                self._study(c, study, to_write=True)
                token = take_token(c, study_id, time())
                self._leases[study] = Lease(token, _last(c, study_id), session)
            try:
                yield
            finally:
                del self._leases[study]

    @contextmanager
    def _exclusive(self, study: str, study_id: int) -> Iterator[Session | None]:
        """Hold a lock that is free again when this process is gone, however it ends."""
        if self._engine.dialect.name == "sqlite":
            with locked(self._lock_file(study_id), study):
                yield None
            return
        with explained(self.where):
            session = Session(self._writer, study, study_id, self.where)
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that is never committed."""
        with explained(self.where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A connection in a transaction that is committed at the end."""
        with explained(self.where), self._writer.begin() as connection:
            yield connection

    def _study(self, c: sa.Connection, name: str, *, to_write: bool = False) -> int:
        """The study's id; ``to_write`` makes other writers of it wait, on PostgreSQL too."""
        study_id = c.execute(TO_WRITE if to_write else TO_READ, {"name": name}).scalar()
        if study_id is None:
            raise no_study(name, _names(c), self.where)
        return int(study_id)

    def _lock_file(self, study_id: int) -> Path:
        """The file that is locked on SQLite; on PostgreSQL there is none of this name."""
        return Path(f"{self.where}.lock-{study_id}")

    def _insert(self, study: str, rows: Sequence[Row], *, repeated: bool = False) -> bool:
        """Insert rows; ``repeated``: without reports of an epoch that is there already.

        Returns:
            Whether all was inserted; False, and nothing was, if an epoch is there already. That
            is rare, so it is not asked before each append.
        """
        lease = self._leases.get(study)
        with self._appending(lease) as c:
            study_id = self._study(c, study, to_write=True)
            last = _last(c, study_id)
            if lease is not None:
                check_token(c, study, study_id, lease.token)
                if last != lease.last:  # the answer to a commit was lost
                    rows = unrecorded(rows, _rows_after(c, study_id, lease.last), study)
            kept = _first_reports(c, study_id, rows) if repeated else rows
            reports: list[tuple[object, ...]] = []
            events: list[tuple[object, ...]] = []
            for seq, (at, kind, trial, epoch, text) in enumerate(kept, 1 + last):
                if kind == REPORTED:
                    reports.append((study_id, seq, at, trial, epoch, text))
                else:
                    events.append((study_id, seq, at, kind, trial, text))
            # As the driver takes them, since SQLAlchemy's way costs as much again.
            if reports:
                result = c.exec_driver_sql(self._insert_reports, reports)
                if result.rowcount < len(reports):
                    return False
            if events:
                c.exec_driver_sql(self._insert_events, events)
            c.commit()
        if lease is not None:
            lease.last = last + len(kept)
        return True

    @contextmanager
    def _appending(self, lease: Lease | None) -> Iterator[sa.Connection]:
        """A connection whose transaction is given up if nobody commits it."""
        if lease is None or lease.session is None:
            with self._writer.connect() as c:
                yield c
            return
        c = lease.session.connection(lease.token)
        try:
            yield c
        finally:
            c.rollback()


def _names(c: sa.Connection) -> list[str]:
    found = c.execute(sa.select(schema.study.c.name).order_by(schema.study.c.id)).scalars().all()
    if not all(isinstance(name, str) for name in found):
        raise StoreError(say("the store is damaged: the name of a study in it is no text."))
    return list(found)


def _spec(c: sa.Connection, study_id: int) -> tuple[int, str]:
    """Version and text of the spec that holds."""
    t = schema.spec
    newest = sa.select(t.c.version, t.c.data).where(t.c.study_id == study_id)
    found = c.execute(newest.order_by(t.c.version.desc()).limit(1)).one_or_none()
    if found is None:
        raise StoreError(
            say("the spec of a study is missing from the store: were rows removed by hand?")
        )
    return found.version, found.data


def _insert_spec(c: sa.Connection, study_id: int, version: int, text: str) -> None:
    row = {"study_id": study_id, "version": version, "at": time(), "data": text}
    c.execute(sa.insert(schema.spec).values(row))


def _highest(c: sa.Connection, column: sa.Column[int], study_id: int) -> int:
    mine = column.table.c.study_id == study_id
    return c.execute(sa.select(sa.func.max(column)).where(mine)).scalar() or 0


def _last(c: sa.Connection, study_id: int) -> int:
    """How many events the study has: the last number of the sequence."""
    return max(last or 0 for last in c.execute(LAST, {"study_id": study_id}).one())


def _first_reports(c: sa.Connection, study_id: int, rows: Sequence[Row]) -> list[Row]:
    """The rows without reports of an epoch that was reported before them."""
    t = schema.report
    known: set[tuple[int | None, int]] = set()
    for trial in {row.trial for row in rows if row.kind == REPORTED}:
        mine = (t.c.study_id == study_id) & (t.c.trial == trial)
        known |= {
            (trial, epoch) for epoch in c.execute(sa.select(t.c.epoch).where(mine)).scalars()
        }
    kept = []
    for row in rows:
        if row.kind == REPORTED:
            if (row.trial, row.epoch) in known:
                continue
            known.add((row.trial, row.epoch))
        kept.append(row)
    return kept


def _after(study_id: int, seq: int) -> sa.CompoundSelect[Any]:
    """The rows of a study after a number, as `decode_rows` takes them."""
    e, r = schema.event, schema.report
    # One statement, so that it sees events and reports at the same moment.
    return sa.union_all(
        sa.select(e.c.seq, e.c.at, e.c.kind, e.c.trial, sa.literal_column("0"), e.c.data)
        .where((e.c.study_id == study_id) & (e.c.seq > seq)),
        sa.select(r.c.seq, r.c.at, sa.literal_column(f"'{REPORTED}'"), r.c.trial, r.c.epoch,
                  r.c.metrics)
        .where((r.c.study_id == study_id) & (r.c.seq > seq)),
    ).order_by("seq")  # fmt: skip


def _rows_after(c: sa.Connection, study_id: int, seq: int) -> list[Row]:
    return [Row(*row[1:]) for row in c.execute(_after(study_id, seq))]


def _folded(c: sa.Connection, study_id: int, history: History) -> History:
    """The history with the events that the database has after it."""
    merged = _after(study_id, history.version)
    with c.execute(merged) as result:
        cursor = result.cursor  # the driver's own, whose rows need not be wrapped
        assert cursor is not None
        chunks = iter(lambda: cursor.fetchmany(FETCHED), [])
        try:
            with _without_collection():
                return fold(history, decode_rows(chunks))
        except KeyError as error:
            raise StoreError(say(
                'study "{name}" is damaged: it holds events of trial {error}, but not its '
                "start. Were rows removed by hand?",
                name=history.spec.name, error=error,
            )) from error  # fmt: skip
        except WRONG as error:
            raise StoreError(say(
                'study "{name}" is damaged: it holds an event that cannot be ({error}). '
                "Were rows changed by hand?",
                name=history.spec.name, error=error,
            )) from error  # fmt: skip


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from looking for garbage: a load makes millions of objects, and none of it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _decode_spec(text: str) -> Spec:
    try:
        return decode_spec(json.loads(text))
    except (*WRONG, LookupError, DanluError) as error:
        raise StoreError(say(
            "the store holds the spec of a study that this version of danlu cannot "
            "read ({error}): was it written by a newer one, or changed by hand?",
            error=repr(error),
        )) from error  # fmt: skip
