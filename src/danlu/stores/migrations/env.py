"""Run by Alembic for each migration; `danlu.stores.database` gives the connection."""

from alembic import context

from danlu.stores.schema import revision

context.configure(
    connection=context.config.attributes["connection"],
    version_table=revision.name,
)
with context.begin_transaction():
    context.run_migrations()
