"""``danlu check`` prints a checklist, ends with 1 on errors, and runs check before they begin."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call

pytestmark = pytest.mark.torch

MODULE = """
import numpy as np, danlu

def load():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6)) * 2
    def draw(n):
        y = rng.permutation(np.arange(n) % 3)
        return (centres[y] + rng.normal(size=(n, 6))) / 2, y
    (x, y), (x_val, y_val) = draw(300), draw(120)
    return SPLIT

def build(params):
    from torch import nn
    return nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))

problem = danlu.Problem(data=load, build=BUILD)

def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, train_loss=1 / epoch, val_loss=1.1 / epoch)
"""
STUDY = """
[study]
name = "cloud"
objective = "min val_loss"
epochs = 2
[space]
lr = { low = 1e-4, high = 1e-1, log = true, default = 3e-3 }
[plan]
strategy = "random"
[run]
function = "cloud.py:train"
problem = "cloud.py:problem"
budget = "2 trials"
"""
HEALTHY, LEAKY = "x, y, x_val, y_val", "x, y, x[:120], y[:120]"


def written(
    folder: Path, split: str = HEALTHY, study: str = STUDY, *, model: bool = False
) -> Path:
    """A study file and its module; without the model only the data is checked, which is quick."""
    text = MODULE.replace("SPLIT", split).replace("BUILD", "build" if model else "None")
    (folder / "cloud.py").write_text(text)
    path = folder / "study.toml"
    path.write_text(study)
    return path


def test_a_healthy_study_gets_a_line_for_each_check(call: Call, tmp_path: Path) -> None:
    result = call("check", written(tmp_path, model=True))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("✓ D01  values that are not finite")
    assert any(line.startswith("✓ M13  one batch learned by heart") for line in lines)
    assert any(line.startswith("✓ R4   equal seeds, equal reports") for line in lines)
    assert "What checks before training cannot see:" in lines
    assert "cloud/preflight.json" in lines[-1]


def test_errors_end_with_one_and_are_shown_afterwards(call: Call, tmp_path: Path) -> None:
    result = call("check", written(tmp_path, LEAKY))
    assert result.exit_code == 1
    assert "✗ D05  validation rows seen in training" in result.output
    assert "Remove duplicates before splitting" in result.output
    assert "M13" not in result.output
    shown = call("show", "cloud").output
    assert "Error: 100.0% of the validation rows" in shown


def test_all_goes_on_after_errors_and_json_has_everything(call: Call, tmp_path: Path) -> None:
    study = written(tmp_path, LEAKY, model=True)
    table = json.loads(call("check", study, "--all", "--no-training", "--json").stdout)
    codes = [line["code"] for line in table["lines"]]
    assert "M13" in codes
    assert "R1" not in codes
    assert table["task"]["classes"] == 3


def test_a_run_is_refused_by_errors_unless_forced_or_unchecked(call: Call, tmp_path: Path) -> None:
    study = written(tmp_path, LEAKY)
    refused = call("run", study)
    assert refused.exit_code == 1
    assert "'cloud' is not begun: pre-flight found 1 error" in refused.stderr
    assert "D05" in refused.stderr
    forced = call("run", study, "--force")
    assert forced.exit_code == 0, forced.output
    assert "Best: #" in forced.output
    unchecked = call("run", study, "--no-check", "-n", "other")
    assert unchecked.exit_code == 0
    assert "Checking" not in unchecked.output


def test_the_study_file_can_switch_it_off(call: Call, tmp_path: Path) -> None:
    study = written(tmp_path, LEAKY, STUDY + "check = false\n")
    assert call("run", study, "-q").exit_code == 0


def test_a_healthy_run_checks_once_and_says_so(call: Call, tmp_path: Path) -> None:
    study = written(tmp_path)
    first = call("run", study)
    assert first.exit_code == 0, first.output
    assert "Checking data and model …" in first.output
    assert "Checking" not in call("run", study, "--budget", "3 trials").output


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('check = "maybe"', 'run.check: true, false or "warn" is needed'),
        ("problem = 3", 'run.problem: a text of the form "module:name"'),
    ],
)
def test_mistakes_in_the_file_are_told(
    call: Call, tmp_path: Path, line: str, message: str
) -> None:
    key = line.partition(" ")[0]
    text = "\n".join(row for row in STUDY.splitlines() if not row.startswith(key))
    result = call("check", written(tmp_path, study=f"{text}\n{line}\n"))
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_module_that_cannot_be_imported_is_a_sentence(call: Call, tmp_path: Path) -> None:
    study = written(tmp_path)
    (tmp_path / "cloud.py").write_text("import torhc")
    result = call("check", study)
    assert result.exit_code == 1
    assert "No module named 'torhc'" in result.stderr
    assert "Traceback" not in result.output
