import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.conformance.stores import new_study, one_trial

from danlu.errors import StoreError
from danlu.stores import open_store


def sqlite_file(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def refused(where: str | Path, *, create: bool = True) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(where, create=create)
    return str(caught.value)


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    open_store(tmp_path / "a" / ".danlu").close()
    folder = tmp_path / "a" / ".danlu"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [f.name for f in folder.iterdir()] == ["danlu.db"]


def test_the_folder_of_studies_is_dot_danlu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_store()) as store:
        new_study(store)
        monkeypatch.chdir("/")
        assert list(store.studies()) == ["digits"]  # wherever the process goes
    assert (tmp_path / ".danlu" / "danlu.db").exists()


def test_an_open_study_is_there_after_closing_and_opening(where: str) -> None:
    with closing(open_store(where)) as store:
        new_study(store)
    with closing(open_store(where, create=False)) as store:
        assert list(store.studies()) == ["digits"]


def test_a_file_can_be_given_itself(tmp_path: Path) -> None:
    open_store(tmp_path / "mine.db").close()
    with closing(open_store(tmp_path / "mine.db")) as store:
        new_study(store)
    assert (tmp_path / "mine.db").is_file()


def test_odd_names_of_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20e;ü"
    with closing(open_store(folder)) as store:
        new_study(store)
    assert (folder / "danlu.db").is_file()


def test_looking_creates_nothing(tmp_path: Path) -> None:
    text = refused(tmp_path / "none", create=False)
    assert "no studies" in text
    assert not list(tmp_path.iterdir())


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "danlu.db").touch()
    with closing(open_store(tmp_path)) as store:
        new_study(store)


def test_a_file_of_garbage_is_refused_and_left_alone(tmp_path: Path) -> None:
    garbage = b"this is no database at all\n" * 100
    (tmp_path / "danlu.db").write_bytes(garbage)
    assert "no SQLite file" in refused(tmp_path)
    assert (tmp_path / "danlu.db").read_bytes() == garbage


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        new_study(store)
    path = tmp_path / "danlu.db"
    path.write_bytes(path.read_bytes()[:5000])
    assert "damaged" in refused(tmp_path)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM event WHERE kind = 'started'", "damaged"),
        ("UPDATE event SET kind = 'merged' WHERE kind = 'began'", "newer"),
        ("UPDATE report SET metrics = '{,'", "by hand"),
        ("DROP TABLE report", "no such table"),
    ],
)
def test_rows_changed_by_hand_are_told(tmp_path: Path, statement: str, said: str) -> None:
    with closing(open_store(tmp_path)) as store:
        new_study(store)
        store.append("digits", one_trial())
        sqlite_file(tmp_path / "danlu.db", statement)
        with pytest.raises(StoreError, match=said):
            store.load("digits")


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "danlu.db", "CREATE TABLE study (id INTEGER)")
    before = path.read_bytes()
    assert "another program" in refused(tmp_path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_what_to_do(where: str) -> None:
    with closing(open_store(where)) as store:
        new_study(store)
    if "://" in where:
        import psycopg

        with psycopg.connect(where) as connection:
            connection.execute("UPDATE danlu_schema SET version_num = '9001'")
    else:
        sqlite_file(Path(where, "danlu.db"), "UPDATE danlu_schema SET version_num = '9001'")
    text = refused(where)
    assert "9001" in text
    assert "upgrade danlu" in text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    text = refused(tmp_path / "file" / "studies")
    assert str(tmp_path / "file" / "studies") in text
    assert "Give a folder" in text


def test_what_cannot_be_opened_is_named_with_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "danlu.db").mkdir()
    text = refused(tmp_path)
    assert str(tmp_path / "danlu.db") in text
    assert "check" in text


@pytest.mark.parametrize("where", ["mysql://u:secret@host/x", "sqlite:///x.db", "http://a/b"])
def test_other_addresses_are_refused_with_the_two_that_work(where: str) -> None:
    text = refused(where)
    assert "postgresql://" in text
    assert ".danlu" in text
    assert "secret" not in text


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    text = refused("postgresql://me:secret@127.0.0.1:1/studies")
    assert "me:***@127.0.0.1:1" in text
    assert "refused" in text
    assert "secret" not in text


@pytest.mark.parametrize("where", ["postgresql://me:secret@host:port/x", "postgresql://[::1/x"])
def test_an_address_that_cannot_be_read_is_no_traceback(where: str) -> None:
    pytest.importorskip("psycopg")
    assert "secret" not in refused(where)


def test_without_psycopg_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    assert "danlu[postgres]" in refused("postgresql://me@host/x")


@pytest.mark.postgres
def test_a_postgres_database_with_other_tables_of_our_names_is_left_alone(postgres: str) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE TABLE event (id INTEGER)")
    assert "event" in refused(postgres)
    with psycopg.connect(postgres) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema"
        ).fetchall()
    assert rows == [("event",)]


def test_the_store_in_memory_and_the_seam_do_without_sqlalchemy() -> None:
    code = "import sys, danlu.stores.memory; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_opening_does_not_import_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from danlu.stores import open_store; "
        f"open_store({str(tmp_path)!r}).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert (tmp_path / "danlu.db").exists()
