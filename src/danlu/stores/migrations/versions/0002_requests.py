"""Requests say more: who asked, with what, and under which key."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("request", sa.Column("data", sa.Text, nullable=False, server_default="{}"))
    op.add_column("request", sa.Column("by", sa.Text, nullable=False, server_default=""))
    op.add_column("request", sa.Column("key", sa.Text))
    op.create_index("request_key", "request", ["study_id", "key"], unique=True)
