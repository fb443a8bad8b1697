"""What the docs and examples show must work as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from danlu import Study

ROOT = Path(__file__).parents[1]


def run(folder: Path, *arguments: str | Path) -> str:
    """Run this interpreter in a folder, where ``python`` means it too; its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_tutorial_finds_the_good_region_and_writes_its_report(tmp_path: Path) -> None:
    output = run(tmp_path, ROOT / "docs/tutorials/01_first_study.py")
    value = re.search(r"val_loss (\S+)", output)
    assert value is not None
    assert float(value[1]) < 0.2  # the default config has 0.35, the best 0.09
    assert (tmp_path / "tutorial.html").stat().st_size > 10_000


@pytest.mark.torch
def test_digits_study_file_tunes_a_network(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    run(tmp_path, "-m", "danlu", "run", ROOT / "examples/digits.toml", "--budget", "3x")
    best = Study.open("digits", store=tmp_path / ".danlu").best
    assert best is not None
    assert best.value is not None
    assert best.value > 0.9
    assert {"train_loss", "val_loss", "train_accuracy"} <= set(best.metric_names())


@pytest.mark.torch
def test_a_script_that_only_prints_is_tuned_as_it_stands(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run(tmp_path, "-m", "danlu", "run", "examples/script.toml", "--budget", "1.5x")
    study = Study.open(store=tmp_path / ".danlu")
    assert study.best is not None
    assert study.best.metric_names() == ["train_loss", "val_loss"]
    assert len(study.trials) >= 2


def test_a_function_without_torch_is_tuned(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    output = run(tmp_path, ROOT / "examples/no_torch.py")
    value = re.search(r"val_loss (\S+),", output)
    assert value is not None
    assert float(value[1]) < 0.2
