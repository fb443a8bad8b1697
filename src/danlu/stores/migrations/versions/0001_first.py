"""The first schema: study, spec, event, report, request."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _of_study() -> "sa.Column[int]":
    return sa.Column(
        "study_id", sa.Integer, sa.ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )


def upgrade() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created", sa.Float(53), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "spec",
        _of_study(),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "event",
        _of_study(),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("trial", sa.BigInteger),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report",
        _of_study(),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("trial", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
        sa.UniqueConstraint("study_id", "trial", "epoch"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request",
        _of_study(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("trial", sa.BigInteger),
    )
