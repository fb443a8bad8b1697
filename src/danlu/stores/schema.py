"""The tables of a store. Rows are inserted, never updated; `migrations` tell how they changed."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0003"
"""The revision of these tables: the newest in ``migrations/versions``."""

metadata = MetaData()


def _of_study() -> Column[int]:
    return Column(
        "study_id", Integer, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )


revision = Table(
    "danlu_schema",  # as Alembic makes it, under a name of ours: a server may have one of others
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="danlu_schema_pkc"),
)

study = Table(
    "study",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Float(53), nullable=False),  # seconds since 1970, as in every column `at`
    sqlite_autoincrement=True,  # the number of a removed study must not come again
)

spec = Table(
    "spec",
    metadata,
    _of_study(),
    Column("version", Integer, primary_key=True),  # counted from 1; the last one holds
    Column("at", Float(53), nullable=False),
    Column("data", Text, nullable=False),  # JSON, as in every column `data` and `metrics`
)

# Events and reports share one sequence per study, 1, 2, 3, … without gaps: `seq` is the version
# of the history after that event. Clustered by it, so that a load reads pages in their order.
event = Table(
    "event",
    metadata,
    _of_study(),
    Column("seq", BigInteger, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("kind", Text, nullable=False),
    Column("trial", BigInteger),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

report = Table(
    "report",
    metadata,
    _of_study(),
    Column("seq", BigInteger, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("trial", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("metrics", Text, nullable=False),
    UniqueConstraint("study_id", "trial", "epoch"),
    sqlite_with_rowid=False,
)

request = Table(
    "request",
    metadata,
    _of_study(),
    Column("number", Integer, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("verb", Text, nullable=False),
    Column("trial", BigInteger),
    Column("data", Text, nullable=False, server_default="{}"),
    Column("by", Text, nullable=False, server_default=""),
    Column("key", Text),  # of the one who asked: the same one again is the same request
    Index("request_key", "study_id", "key", unique=True),
)

lease = Table(
    "lease",
    metadata,
    _of_study(),
    Column("token", Integer, primary_key=True),  # counted from 1; only the last one may write
    Column("at", Float(53), nullable=False),
    Column("holder", Text, nullable=False),
)
