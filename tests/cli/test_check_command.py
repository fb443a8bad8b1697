"""``danlu check`` of a bare command: what two short trainings by real processes report."""

import math
from pathlib import Path

import pytest
from tests.cli.conftest import Call

import danlu

SCRIPT = """
import math, os, random, sys
epochs, seed, fault = int(sys.argv[1]), int(sys.argv[2]), os.environ.get("FAULT", "")
assert os.environ["DANLU_CONFIG"]
rng = random.Random(None if fault == "unseeded" else seed)
if fault == "crash":
    sys.exit("no such data: train.csv")
for epoch in range(1, epochs + 1):
    loss = math.log(10) / epoch + rng.uniform(0, 0.1)
    if fault == "huge":
        loss *= 1e4
    if fault == "nan":
        loss = math.nan
    train = "" if fault == "one curve" else f"train loss {loss:.6f}, "
    print(f"epoch {epoch}: {train}val loss {loss * 1.01:.6f}", flush=True)
"""
STUDY = r"""
[study]
name = "bare"
objective = "min val_loss"
epochs = 3
[space]
lr = { low = 1e-4, high = 1e-1, log = true }
[run]
command = "python train.py {until} {seed} --lr {lr}"
metrics = 'epoch (?P<epoch>\d+): (train loss (?P<train_loss>\S+), )?val loss (?P<val_loss>\S+)'
classes = 10
budget = "2 trials"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def lines(text: str) -> dict[str, str]:
    """Code → sign of each check's line."""
    return {line[2:4]: line[0] for line in text.splitlines() if line[2:3] == "R"}


def test_a_sound_command_passes_all_four(call: Call, study: Path) -> None:
    result = call("check", study)
    assert result.exit_code == 0, result.output
    assert lines(result.stdout) == dict.fromkeys(("R1", "R2", "R3", "R4"), "✓")
    (line,) = (x for x in result.stdout.splitlines() if "R3" in x)
    assert "loss after an epoch" in line
    assert "of chance" in line


@pytest.mark.parametrize(
    ("fault", "code", "sign", "text"),
    [
        ("unseeded", "R4", "!", "two trainings with one seed differ"),
        ("one curve", "R2", "!", "Report train_loss too."),
        ("huge", "R3", "!", "far above the 2.303 of knowing nothing"),
        ("nan", "R1", "✗", "val_loss is nan"),
        ("crash", "R1", "✗", "no such data: train.csv"),
    ],
)
def test_what_its_reports_show_to_be_wrong_is_named(
    call: Call, study: Path, monkeypatch: pytest.MonkeyPatch, fault: str, code: str, sign: str,
    text: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("FAULT", fault)
    result = call("check", study)
    assert result.exit_code == (1 if sign == "✗" else 0), result.output
    assert lines(result.stdout)[code] == sign
    assert text in result.stdout
    assert {c for c, s in lines(result.stdout).items() if s in "!✗"} == {code}


def test_without_the_number_of_classes_it_says_how_to_tell_it(call: Call, study: Path) -> None:
    study.write_text(STUDY.replace("classes = 10\n", ""))
    result = call("check", study)
    assert result.exit_code == 0
    assert lines(result.stdout)["R3"] == "–"
    assert "classes = … in [run] tells it" in result.stdout


def test_a_run_knows_what_chance_is_without_a_check(call: Call, study: Path) -> None:
    assert call("run", study, "-q").exit_code == 0
    task = danlu.Study.open("bare").history.task
    assert task.classes == 10
    assert task.baseline_loss == task.baseline_metric == pytest.approx(math.log(10))


@pytest.mark.parametrize("classes", ["1", "0.5", '"ten"'])
def test_a_number_of_classes_that_cannot_be_is_refused(
    call: Call, study: Path, classes: str
) -> None:
    study.write_text(STUDY.replace("classes = 10", f"classes = {classes}"))
    result = call("check", study)
    assert result.exit_code == 1
    assert "run.classes: a whole number from 2 (of a classification) is needed" in result.stderr
