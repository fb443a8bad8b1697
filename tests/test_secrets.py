"""What lies in the environment or in an address is nowhere in what a study leaves behind."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

import danlu
from danlu.core.command import Command
from danlu.stores import open_store

SECRET = "correct-horse-battery-staple"


def written(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def train(trial: danlu.Trial) -> None:
    trial.report(1, val_loss=0.5)
    raise RuntimeError("with a traceback in the log")


@pytest.mark.parametrize("runs", ["function", "command"])
def test_the_environment_is_in_no_file_of_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    study = danlu.Study(
        "quiet", space=danlu.Space(x=danlu.Float(0.0, 1.0)), objective="min val_loss", epochs=2,
        budget="2 trials", strategy="random",
    )  # fmt: skip
    command = Command(
        ("sh", "-c", 'test -n "$WANDB_API_KEY" && echo "val_loss: 0.{trial}"; exit 1')
    )
    study.run(train if runs == "function" else command)
    assert len(study.trials) == 2
    left = written(tmp_path)
    assert b"quiet" in left
    assert SECRET.encode() not in left


def test_the_password_of_a_database_is_in_no_message() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(danlu.DanluError) as caught:
        open_store(f"postgresql://me:{SECRET}@127.0.0.1:1/studies")
    assert SECRET not in str(caught.value)


def test_without_a_umask_what_a_study_leaves_is_for_this_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = os.umask(0)
    try:
        study = danlu.Study(
            "open", space=danlu.Space(x=danlu.Float(0.0, 1.0)), objective="min val_loss",
            epochs=2, budget="2 trials", strategy="random",
        )  # fmt: skip
        study.run(train)
    finally:
        os.umask(before)
    folders = [path for path in (tmp_path / ".danlu").rglob("*") if path.is_dir()]
    assert folders
    for path in (tmp_path / ".danlu", *folders, *temporary.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
