"""A damaged database: a clear error or what is still right, never a traceback, never a change."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conformance.stores import new_study, one_trial

from danlu.errors import StoreError, StudyError
from danlu.stores import open_store


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small database, all of it in one file."""
    folder = tmp_path_factory.mktemp("sound")
    with closing(open_store(folder)) as store:
        new_study(store)
        store.append("digits", one_trial(20))
        store.request("digits", "stop", data={"text": "now"})
    with closing(sqlite3.connect(folder / "danlu.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "danlu.db"


def used(folder: Path) -> None:
    """All that a reader does."""
    with closing(open_store(folder, create=False, read_only=True)) as store:
        for study in store.studies():
            store.load(study)
            store.requests(study)


mutations = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["set", "zero", "cut", "flip"]),
              st.integers(0, 255)),
    min_size=1, max_size=4,
)  # fmt: skip


def mutated(content: bytes, changes: list[tuple[int, str, int]]) -> bytes:
    changed = bytearray(content)
    for place, kind, value in changes:
        at = place % max(1, len(changed))
        if kind == "cut":
            del changed[at:]
        elif kind == "zero":
            changed[at : at + 16 * value] = bytes(len(changed[at : at + 16 * value]))
        elif changed:
            changed[at] = value if kind == "set" else changed[at] ^ (1 << value % 8)
    return bytes(changed)


@settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # there is nothing to learn by shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=mutations)
def test_any_damage_is_an_error_that_says_so_or_does_no_harm(
    tmp_path: Path, sound: Path, changes: list[tuple[int, str, int]]
) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    content = mutated(sound.read_bytes(), changes)
    (tmp_path / "danlu.db").write_bytes(content)
    with suppress(StoreError, StudyError):  # anything else is a traceback for a person
        used(tmp_path)
    if content:  # an empty file becomes a store
        assert (tmp_path / "danlu.db").read_bytes() == content


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE spec SET data = '{'", "spec of a study"),
        ("UPDATE spec SET data = '[]'", "spec of a study"),
        ("UPDATE spec SET data = '{\"name\": 3}'", "spec of a study"),
        ("DELETE FROM spec", "spec of a study"),
        ("UPDATE request SET data = '{'", "request"),
        ("UPDATE event SET data = '[]' WHERE kind = 'started'", "event"),
        ("UPDATE event SET at = 'then'", "event"),
        ("UPDATE report SET epoch = 'last' WHERE epoch = 3", "event"),
        ("UPDATE report SET metrics = '[1]'", "event"),
    ],
)
def test_rows_that_others_wrote_are_refused_with_what_they_are(
    tmp_path: Path, sound: Path, statement: str, said: str
) -> None:
    (tmp_path / "danlu.db").write_bytes(sound.read_bytes())
    with closing(sqlite3.connect(tmp_path / "danlu.db")) as database:
        database.execute(statement)
        database.commit()
    with pytest.raises(StoreError, match=said):
        used(tmp_path)
