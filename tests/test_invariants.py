"""The checker that other tests trust: it finds what is broken, each kind of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.conformance.stores import new_study, one_trial
from tests.invariants import assert_sound, broken

from danlu.core.event import Continued, Ended, Failed, Finished, Paused, Saved, Started
from danlu.stores import open_store

BREAKING = {
    "I1": "DELETE FROM report WHERE epoch = 3",
    "I2: the sequence": "UPDATE event SET seq = 99 WHERE kind = 'ended'",
    "I3: trial 7": "UPDATE event SET trial = 7 WHERE kind = 'started' AND trial = 2",
    "I3: trial 9": "UPDATE event SET trial = 9 WHERE kind = 'saved'",
    "I4: trial 1, event 8": "UPDATE event SET kind = 'saved' WHERE kind = 'paused'",
    "I5: trial 1": "UPDATE event SET kind = 'finished' WHERE kind = 'continued'",
    "I5: trial 2": "UPDATE event SET data = '{\"cause\": \"\"}' WHERE kind = 'failed'",
    "I5: the run": "DELETE FROM event WHERE kind = 'ended'",
    "I7: nobody": "DELETE FROM event WHERE kind IN ('failed', 'ended')",
    "I7: trial 2": "DELETE FROM event WHERE kind = 'finished'",
    "I8: integrity": "DROP INDEX request_key; PRAGMA writable_schema = ON; "
    "UPDATE sqlite_schema SET rootpage = 9999 WHERE name = 'request'",
    "I8: foreign": "PRAGMA foreign_keys = OFF; "
    "INSERT INTO request VALUES (77, 1, 0, 'stop', NULL, '{}', '', NULL)",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_store(tmp_path)) as store:
        new_study(store)
        store.append("digits", one_trial())  # began, started, three reports
        store.append("digits", [Saved(110.0, 1, 3), Paused(111.0, 1)])
        store.append("digits", [Continued(112.0, 1, 5, 1), Finished(113.0, 1)])
        store.append("digits", [Started(114.0, 2, {"lr": 0.1}, 3, 8)])
        store.append("digits", [Failed(115.0, 2, "exit", "it ended with exit status 3.")])
        store.append("digits", [Ended(116.0, "done", "all is tried")])
    return tmp_path


def test_what_is_sound_is_called_so(folder: Path) -> None:
    assert_sound(folder, "digits", {(1, 1), (1, 2), (1, 3)})


@pytest.mark.parametrize("says", BREAKING)
def test_each_kind_of_damage_is_found(folder: Path, says: str) -> None:
    with closing(sqlite3.connect(folder / "danlu.db")) as database:
        database.executescript(BREAKING[says])
    found = list(broken(folder, "digits", {(1, 1), (1, 2), (1, 3)}))
    assert any(line.startswith(says) for line in found), found
