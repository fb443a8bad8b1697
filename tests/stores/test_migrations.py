import shutil
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tests.conformance.stores import new_study, one_trial, same

from danlu.errors import StoreError
from danlu.stores import database, open_store, schema

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("study", sa.Column("note", sa.Text))
    {more}
"""


def engine_of(where: str) -> sa.Engine:
    """An engine without any look at the schema."""
    if "://" in where:
        return sa.create_engine(where.replace("postgresql:", "postgresql+psycopg:"))
    return sa.create_engine(sa.URL.create("sqlite", database=str(Path(where, "danlu.db"))))


def columns(where: str) -> dict[str, list[tuple[str, str, bool]]]:
    engine = engine_of(where)
    inspector = sa.inspect(engine)
    found = {
        table: [
            *((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)),
            *((str(u["column_names"]), "", True) for u in inspector.get_unique_constraints(table)),
            *((str(f["options"]), "", True) for f in inspector.get_foreign_keys(table)),
            (str(inspector.get_pk_constraint(table)["constrained_columns"]), "", False),
        ]
        for table in inspector.get_table_names()
    }
    engine.dispose()
    return found


def migrated(where: str, folder: Path) -> None:
    engine = database.open_database(where)[0]
    engine.dispose()
    database.prepared(engine, "0004", folder).dispose()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "50% more" / "migrations"
    shutil.copytree(database.MIGRATIONS, folder)
    return folder


def second(migrations: Path, more: str = "") -> Path:
    (migrations / "versions" / "0004_note.py").write_text(SECOND.format(more=more))
    return migrations


def test_the_migrations_make_the_schema_that_a_new_store_gets(where: str) -> None:
    open_store(where).close()
    made = columns(where)
    engine = engine_of(where)
    with engine.begin() as connection:
        schema.metadata.drop_all(connection)
        config = Config()
        config.set_main_option("script_location", str(database.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, schema.HEAD)
    engine.dispose()
    assert columns(where) == made


def test_the_newest_migration_is_the_schema_of_this_version() -> None:
    newest = max(p.name[:4] for p in (database.MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert newest == schema.HEAD


def test_an_older_store_is_migrated_at_opening_and_keeps_its_rows(
    where: str, migrations: Path
) -> None:
    with closing(open_store(where)) as store:
        new_study(store)
        store.append("digits", one_trial())
        before = store.load("digits")
    migrated(where, second(migrations))
    assert "note" in [name for name, *_ in columns(where)["study"]]
    engine = engine_of(where)
    with engine.connect() as connection:
        assert connection.execute(sa.select(schema.revision.c.version_num)).scalar() == "0004"
    engine.dispose()
    with pytest.raises(StoreError, match="upgrade danlu"):
        open_store(where)  # what is newer than this version knows
    if "://" not in where:
        with closing(open_store(Path(where, "danlu.db.schema-0003"))) as copy:
            assert same(copy.load("digits"), before)


def test_a_failed_migration_leaves_the_store_as_it_was(where: str, migrations: Path) -> None:
    with closing(open_store(where)) as store:
        new_study(store)
        store.append("digits", one_trial())
        before = store.load("digits")
    made = columns(where)
    with pytest.raises(ZeroDivisionError):
        migrated(where, second(migrations, "1 / 0"))
    assert columns(where) == made
    with closing(open_store(where)) as store:
        assert same(store.load("digits"), before)
    migrated(where, second(migrations))  # with its mistake corrected
    assert columns(where) != made
