"""Whole studies of commands, in the three ways that they can report."""

import sys
from pathlib import Path

import pytest

import danlu

ARGPARSE = """
import argparse, danlu
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--name")
parser.add_argument("--momentum", type=float, default=-1.0)
given = parser.parse_args()
for epoch in range(1, 4):
    danlu.report(epoch, val_loss=(given.lr - 0.3) ** 2 + 1 / epoch, momentum=given.momentum)
"""
PRINTS = """
import sys
lr = float(sys.argv[1])
for i in range(3):
    print(f"\\rbatch 1/2 \\rbatch 2/2 \\nEpoch {i}/2 - loss: {(lr - 0.3) ** 2 + 1 / (1 + i):.4f}")
"""
PLAIN = """
import json, os, sys
try:
    import danlu
except ImportError:
    pass
else:
    sys.exit("danlu should not be here")
for i in range(3):
    with open(os.environ["DANLU_REPORTS"], "a") as file:
        print(json.dumps({"loss": (float(sys.argv[1]) - 0.3) ** 2}), file=file)
"""
SPACE = danlu.Space(
    lr=danlu.Float(0.0, 1.0),
    name=danlu.Choice("plain", "two words", "$(boom) 'x'", "{lr}"),
    momentum=danlu.Float(0.0, 1.0, when={"name": ("plain",)}),
)


@pytest.fixture
def study(tmp_path: Path) -> danlu.Study:
    return danlu.Study(
        "commands", space=SPACE, objective="min val_loss", epochs=3, store=tmp_path / "store",
        strategy="halving", options={"eta": 3, "min_epochs": 1},
    )  # fmt: skip


def script(tmp_path: Path, text: str) -> str:
    (tmp_path / "train.py").write_text(text)
    return str(tmp_path / "train.py")


def test_an_argparse_script_is_tuned(study: danlu.Study, tmp_path: Path) -> None:
    command = [
        sys.executable, script(tmp_path, ARGPARSE),
        "--lr={lr}", "--name", "{name}", "--momentum", "{momentum}",
    ]  # fmt: skip
    best = study.run(danlu.Command(command), workers=2, budget="6 trials")
    assert best is not None
    assert len(study.trials) == 6
    assert not [t for t in study.trials if t.state in ("failed", "lost")]
    for trial in study.trials:
        given = trial.reports[0].metrics["momentum"]
        assert given == trial.config.get("momentum", -1.0), "inactive: the option is left out"


def test_a_script_that_only_prints_is_tuned(tmp_path: Path) -> None:
    study = danlu.Study(
        "prints", space=danlu.Space(lr=danlu.Float(0.0, 1.0)), objective="min loss", epochs=3,
        strategy="halving", options={"eta": 3, "min_epochs": 1}, store=tmp_path / "store",
    )  # fmt: skip
    command = danlu.Command(
        [sys.executable, script(tmp_path, PRINTS), "{lr}"],
        r"Epoch (?P<epoch>\d+)/\d+ - loss: (?P<loss>\S+)",
    )
    best = study.run(command, workers=2, budget="6 trials")
    assert best is not None
    assert [r.epoch for r in best.reports] == [1, 2, 3]
    assert study.history.trainings <= 6


def test_a_script_where_danlu_is_not_installed_is_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = danlu.Study(
        "plain", space=danlu.Space(lr=danlu.Float(0.0, 1.0)), objective="min loss", epochs=3,
        strategy="random", store=tmp_path / "store",
    )  # fmt: skip
    alone = [sys.executable, "-I", "-S", script(tmp_path, PLAIN), "{lr}"]
    best = study.run(danlu.Command(alone), budget="3 trials")
    assert best is not None
    assert {t.state for t in study.trials} == {"finished"}


def test_a_misspelt_parameter_is_found_before_anything_runs(study: danlu.Study) -> None:
    with pytest.raises(danlu.LaunchError, match="Did you mean 'lr'"):
        study.run(danlu.Command("python train.py {lrr}"), budget="3 trials")
    assert not study.trials


def test_a_command_that_is_not_there_ends_the_study_with_its_name(study: danlu.Study) -> None:
    with pytest.raises(danlu.LaunchError, match="no-such-program: No such file"):
        study.run(danlu.Command("no-such-program {lr}"), budget="50 trials")
    assert len(study.trials) == 3
    assert study.history.outcome == "failed"


def test_a_command_that_fails_ends_the_study_with_what_it_said(
    study: danlu.Study, tmp_path: Path
) -> None:
    broken = script(tmp_path, "import torhc")
    with pytest.raises(danlu.LaunchError, match="No module named 'torhc'"):
        study.run(danlu.Command([sys.executable, broken]), budget="50 trials")
    assert len(study.trials) == 3
