"""What a power cut may leave: writes that were not synced are missing, or cut anywhere.

The disk itself is not cut here: files are put into the states that they may be in afterwards. That
SQLite's own files survive a cut is its promise with `synchronous = FULL`; what is tested is that
any beginning of its log is a beginning of the study.
"""

import os
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tests.conformance.stores import new_study, one_trial, reports

from danlu.core.job import Job
from danlu.executors.launched import recovered
from danlu.stores import open_store
from danlu.worker import checkpoint
from danlu.worker.spool import evaluation, write_line


class State:
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def state_dict(self) -> dict[str, object]:
        return {"epochs": self.epochs, "weights": list(range(500))}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epochs = state["epochs"]


def test_any_beginning_of_a_report_file_is_a_beginning_of_its_epochs(tmp_path: Path) -> None:
    (tmp_path / "log-1.txt").touch()
    path = tmp_path / "reports-1.jsonl"
    for epoch in range(1, 6):
        write_line(path, evaluation(epoch, None, {"val_loss": 1 / epoch}))
    whole = path.read_bytes()
    job = Job("s", 1, {}, 1, until=9, epochs=9, folder=tmp_path)
    for size in range(0, len(whole) + 1, 3):
        path.write_bytes(whole[:size])
        epochs = [e.epoch for e in recovered(job, None, script=False)]  # type: ignore[union-attr]
        assert epochs == list(range(1, len(epochs) + 1))
        assert len(epochs) >= whole[:size].count(b"\n")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to make a checkpoint last, in its order."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"  # noqa: PTH112
        done.append(f"sync {kind}")
        sync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    return done


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, calls: list[str]
) -> None:
    checkpoint.save(tmp_path, 1, [State(1)])
    assert calls == ["sync file", "rename", "sync folder"]


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_what_a_cut_leaves_of_a_checkpoint_is_passed_over(tmp_path: Path, size: int) -> None:
    checkpoint.save(tmp_path, 1, [State(1)])
    before = next(tmp_path.glob("checkpoint-1-*"))
    kept = before.read_bytes()
    checkpoint.save(tmp_path, 2, [State(2)])
    new = next(tmp_path.glob("checkpoint-2-*"))
    data = new.read_bytes()
    new.rename(tmp_path / ".checkpoint-99")  # the rename had not come to the disk
    os.truncate(tmp_path / ".checkpoint-99", min(size, len(data)))
    state = State(0)
    assert checkpoint.restore(tmp_path, [state])[0] == state.epochs == 1
    new.write_bytes(data[:size])  # a disk that lies about what it has synced
    epoch, damaged = checkpoint.restore(tmp_path, [state])
    assert (epoch, damaged) == (1, [new])
    assert before.read_bytes() == kept


def test_any_beginning_of_the_databases_log_is_a_beginning_of_the_study(tmp_path: Path) -> None:
    store = open_store(tmp_path / "whole")
    new_study(store)
    steps = [0]
    for first in range(1, 31, 3):
        store.append("digits", one_trial(3) if first == 1 else reports(1, range(first, first + 3)))
        steps.append(store.load("digits").version)
    wal = (tmp_path / "whole" / "danlu.db-wal").read_bytes()
    draw = random.Random(1)
    sizes = [draw.randrange(len(wal)) for _ in range(40)]
    seen = set()
    for size in [*sizes, len(wal)]:
        copy = tmp_path / f"cut-{size}"
        copy.mkdir()
        shutil.copy(tmp_path / "whole" / "danlu.db", copy)
        (copy / "danlu.db-wal").write_bytes(wal[:size])
        with closing(open_store(copy)) as cut:
            version = cut.load("digits").version if cut.studies() else 0
        assert version in steps
        seen.add(version)
    assert len(seen) > 5
    assert steps[-1] in seen
    store.close()
