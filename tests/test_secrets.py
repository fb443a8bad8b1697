"""What lies in the environment or in an address is nowhere in what a study leaves behind."""

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
