"""From a data file to predictions, by commands alone."""

import csv
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.cli.conftest import Call

pytest.importorskip("pandas")
pytest.importorskip("torch")
pytestmark = pytest.mark.torch

ROWS = [f"{i * 0.37:.2f},{'ab'[i % 2]},{'no' if i % 2 else 'yes'}" for i in range(60)]
STUDY = """
[train]
data = "data.csv"
target = "label"
[study]
epochs = 2
[space]
units = { low = 4, high = 8, int = true }
lr = 0.05
batch_size = 8
"""
BEST = """
[train]
data = "data.csv"
target = "label"
[final]
epochs = 3
[params]
units = 4
lr = 0.05
batch_size = 8
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text("\n".join(["n,c,label", *ROWS]) + "\n")
    (tmp_path / "new.csv").write_text("\n".join(["n,c", "3,a", "3,b", ",c"]) + "\n")
    (tmp_path / "best.toml").write_text(BEST)
    return tmp_path


def test_a_study_of_a_data_file_ends_in_predictions(call: Call, folder: Path) -> None:
    (folder / "study.toml").write_text(STUDY)
    ran = call("run", "study.toml", "--budget", "2 trials", "--no-check")
    assert ran.exit_code == 0, ran.output
    assert "60 samples; label has 2 classes." in ran.output
    best = call("best", "--toml").output
    table = tomllib.loads(best)
    assert table["train"] == {"data": str(folder / "data.csv"), "target": "label"}
    assert table["final"]["horizon"] == 2
    assert table["params"]["lr"] == 0.05
    (folder / "won.toml").write_text(best)
    trained = call("train", "won.toml", "--output", "m", "--epochs", "20")
    assert trained.exit_code == 0, trained.output
    assert "epoch 20 of 20: train_loss" in trained.output
    told = call("predict", "m", "new.csv", "--probabilities")
    assert told.exit_code == 0, told.output
    rows = list(csv.DictReader(told.output.splitlines()))
    assert [row["prediction"] for row in rows[:2]] == ["yes", "no"]
    for row in rows:
        assert float(row["p_yes"]) + float(row["p_no"]) == pytest.approx(1, abs=1e-4)


def test_predictions_go_to_a_file_if_asked(call: Call, folder: Path) -> None:
    assert call("train", "best.toml", "--quiet").output == ""
    assert (
        "3 predictions in out.csv" in call("predict", "model", "new.csv", "-o", "out.csv").output
    )
    assert (folder / "out.csv").read_text().startswith("prediction,probability\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "best.toml has no section [train]"),
        ("x = ", "best.toml cannot be read as TOML"),
        (
            BEST.replace("epochs = 3", "epochs = 0"),
            "[final] epochs must be a whole number, at least 1",
        ),
        (BEST.replace("data.csv", "gone.csv"), "there is no file gone.csv"),
        (BEST.replace("lr = 0.05", "lr = -1"), "lr must lie in"),
        (BEST.replace("lr = 0.05", "rl = 0.05"), "no parameter 'rl'"),
        (BEST.replace('target = "label"', 'traget = "label"'), "Did you mean 'target'?"),
    ],
)
def test_a_file_that_cannot_be_trained_from_is_told(
    call: Call, folder: Path, text: str, words: str
) -> None:
    (folder / "best.toml").write_text(text)
    result = call("train", "best.toml")
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


def test_what_is_missing_is_told(call: Call, folder: Path) -> None:
    assert (
        "there is no file none.toml: write one with `danlu best"
        in call("train", "none.toml").output
    )
    assert "there is no model in none" in call("predict", "none", "new.csv").output
    call("train", "best.toml", "-q")
    result = call("predict", "model", "data.toml")
    assert result.exit_code == 1
    assert "there is no file or folder data.toml" in result.output


def test_an_interrupt_is_told_with_the_epoch_and_saves_nothing(folder: Path) -> None:
    arguments = ["train", "best.toml", "--epochs", "1000000"]
    training = subprocess.Popen(
        [sys.executable, "-m", "danlu", *arguments], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert training.stdout is not None
    assert "epoch 1 of 1000000" in (first := training.stdout.readline())
    assert "left" in first
    training.send_signal(signal.SIGINT)
    _, errors = training.communicate(timeout=60)
    assert training.returncode == 130
    assert "of 1000000: nothing was saved" in errors
    assert "Traceback" not in errors
    assert not (folder / "model").exists()
