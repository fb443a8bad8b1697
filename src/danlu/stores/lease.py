"""The right to write a study, as a token that grows: who holds an older one can write nothing.

Whoever locks a study takes the next token. Each append of a holder states its token, in the same
transaction, and where in the sequence it goes on, so that what was committed although its answer
was lost is recognised when it is sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from danlu.core.sentence import say
from danlu.errors import UnavailableError
from danlu.stores import schema
from danlu.stores.database import APPLICATION_ID, explained
from danlu.stores.refusals import SOMEBODY, Holder, fenced, held
from danlu.stores.rows import Row

TRY_LOCK = sa.text("SELECT pg_try_advisory_lock(:app, :study)")
WHO_LOCKS = sa.text(
    "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND classid = :app AND objid = :study "
    "AND datname = current_database()"
)
END_OWN = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND classid = :app AND objid = :study "
    "AND datname = current_database() AND application_name = :name AND pid = :pid"
)
# The server notices within half a minute that the machine of a session is gone, and ends one
# that keeps rows locked while its process is stopped.
BEGIN_SESSION = sa.text(
    "SELECT set_config('application_name', :name, false), "
    "set_config('tcp_keepalives_idle', '10', false), "
    "set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '4', false), "
    "set_config('idle_in_transaction_session_timeout', '60s', false), pg_backend_pid() AS pid"
)


@dataclass
class Lease:
    """A study that is locked by this store.

    Attributes:
        token: What was taken with the lock.
        last: Number of the last event that this holder knows to be recorded.
        session: That of the lock on PostgreSQL, through which all is written.
    """

    token: int
    last: int
    session: "Session | None" = None


def take_token(c: sa.Connection, study_id: int, at: float) -> int:
    """The next token of a study whose row is locked for writing."""
    t = schema.lease
    mine = t.c.study_id == study_id
    token = 1 + int(c.execute(sa.select(sa.func.max(t.c.token)).where(mine)).scalar() or 0)
    row = {"study_id": study_id, "token": token, "at": at, "holder": str(Holder.here())}
    c.execute(sa.insert(t).values(row))
    return token


def check_token(c: sa.Connection, study: str, study_id: int, token: int) -> None:
    """Make sure that nobody has taken the study over.

    Raises:
        StudyError: If somebody has.
    """
    t = schema.lease
    newest = sa.select(t.c.token, t.c.holder).where(t.c.study_id == study_id)
    found = c.execute(newest.order_by(t.c.token.desc()).limit(1)).one_or_none()
    if found is None or found.token != token:
        raise fenced(study, SOMEBODY if found is None else found.holder)


def unrecorded(rows: Sequence[Row], recorded: Sequence[Row], study: str) -> Sequence[Row]:
    """The rows without those at their beginning that were recorded, though no answer came.

    Raises:
        StudyError: If others have recorded something else.
    """
    waiting = list(recorded)
    for i, row in enumerate(rows):
        if not waiting:
            return rows[i:]
        if row == waiting[0]:  # one that is missing was a report of an epoch that is there
            del waiting[0]
    if waiting:
        raise fenced(study, SOMEBODY)
    return []


class Session:
    """A session of PostgreSQL that holds the lock of a study; the server frees it at its end.

    What is written goes through this session, so that nothing is without the lock; when it is cut
    off, it is begun again with the next write.

    Args:
        engine: Of the database.
        study: Name of the study.
        study_id: Its number.
        where: The database, for messages.

    Raises:
        StudyError: If another one holds the lock.
    """

    def __init__(self, engine: sa.Engine, study: str, study_id: int, where: str) -> None:
        self._engine = engine
        self._study = study
        self._keys = {"app": APPLICATION_ID, "study": study_id}
        self._where = where
        self.name = session_name(Holder.here())
        self._pid = 0  # of the server's process
        self._connection = self._begun()
        if not self._locks():
            who = parse_holder(self._connection.execute(WHO_LOCKS, self._keys).scalar())
            self.close()
            raise held(study, who)
        self._connection.commit()

    def connection(self, token: int) -> sa.Connection:
        """The session's connection, outside of any transaction; a new one if it was cut off.

        Raises:
            StudyError: If somebody has taken the study over.
            UnavailableError: If the server cannot be reached, or has not yet noticed that the
                session before is over.
        """
        if self._connection.invalidated or self._connection.closed:
            before = self._pid
            self.close()
            self._connection = self._begun()
            if not self._locks():
                self._end(before, token)
            self._connection.commit()
        return self._connection

    def _end(self, pid: int, token: int) -> None:
        """End a session of ours that the server takes for alive, for the next try."""
        try:
            check_token(self._connection, self._study, self._keys["study"], token)
            self._connection.execute(END_OWN, {**self._keys, "name": self.name, "pid": pid})
            self._connection.commit()
        finally:
            self.close()
            self._pid = pid
        raise UnavailableError(
            say("{where}: the session that was cut off is still there.", where=self._where)
        )

    def _begun(self) -> sa.Connection:
        with explained(self._where):
            connection = self._engine.connect()
            connection.detach()  # closing it ends the session, rather than lending it to the next
            self._pid = connection.execute(BEGIN_SESSION, {"name": self.name}).one().pid
            return connection

    def _locks(self) -> bool:
        with explained(self._where):
            return bool(self._connection.execute(TRY_LOCK, self._keys).scalar())

    def close(self) -> None:
        """End the session, and with it the lock."""
        self._connection.close()


def session_name(holder: Holder) -> str:
    return f"danlu {holder.pid} {holder.since:.0f} {holder.host}"[:63]  # the server cuts there


def parse_holder(name: str | None) -> Holder | None:
    match (name or "").split(maxsplit=3):
        case ["danlu", pid, since, host]:
            return Holder(int(pid), host, float(since))
    return None  # this user may not see the sessions of others
