"""``danlu lint`` says what is unusual in a study file, and exits as scripts expect."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call, json_lines

STUDY = """
[study]
name = "s"
objective = "min loss"
epochs = 2
[space]
lr = {{ {lr} }}
optimizer = {{ choices = ["sgd", "adam"] }}
momentum = {{ low = 0.0, high = 0.99{when} }}
[plan]
strategy = "random"
[run]
function = "lines:train"
budget = "200 trials"
"""
TRAIN = """
def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, loss=trial.params["lr"] / epoch)
"""
WHEN = ', when = { optimizer = "sgd" }'
GOOD = "low = 1e-4, high = 1e-1, log = true"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "lines.py").write_text(TRAIN)
    return tmp_path / "study.toml"


def test_a_usual_space_is_clean(call: Call, study: Path) -> None:
    study.write_text(STUDY.format(lr=GOOD, when=WHEN))
    result = call("lint", "--strict", study)
    assert result.exit_code == 0
    assert "warning" not in result.output
    assert "Taken from the catalogue: lr: limits 1e-06 … 10; momentum:" in result.output


def test_warnings_have_their_line_and_a_better_one_and_fail_only_when_strict(
    call: Call, study: Path
) -> None:
    study.write_text(STUDY.format(lr=GOOD, when=""))
    result = call("lint", study)
    assert result.exit_code == 0
    assert f"{study}:9: warning: momentum: it means nothing with optimizer = adam" in result.output
    assert 'momentum = { low = 0.0, high = 0.99, when = { optimizer = "sgd" } }' in result.output
    assert call("lint", "--strict", study).exit_code == 1


def test_errors_fail(call: Call, study: Path) -> None:
    study.write_text(STUDY.format(lr="low = -1.0, high = 0.1", when=WHEN))
    result = call("lint", study)
    assert result.exit_code == 1
    assert (
        "error: lr: -1 is no possible value (learning rate): it must be above 0." in result.output
    )


def test_json_has_a_finding_in_each_line(call: Call, study: Path) -> None:
    study.write_text(STUDY.format(lr="low = 1e-4, high = 1e-1, log = false", when=WHEN))
    found = {row["code"]: row for row in json_lines(call("lint", "--json", study).output)}
    evidence = found["linear_scale"]["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["line"] == "lr = { low = 0.0001, high = 0.1, log = true }"


def test_the_schema_is_printed(call: Call) -> None:
    assert "space" in json.loads(call("lint", "--schema").output)["properties"]


def test_a_file_is_needed(call: Call) -> None:
    assert call("lint").exit_code == 2
    missing = call("lint", "nosuch.toml")
    assert missing.exit_code == 1
    assert "there is no such file" in missing.stderr


def test_run_says_it_in_three_lines_at_most_and_only_once(
    call: Call, study: Path, tmp_path: Path
) -> None:
    text = STUDY.format(lr="low = 1e-4, high = 1e-1, log = false", when="")
    study.write_text(text.replace("[plan]", "dropout = { low = 0.0, high = 0.95 }\n[plan]"))
    first = call("run", study, "--store", tmp_path / "kept", "--budget", "2 trials")
    assert first.exit_code == 0, first.output
    remarks = [r for r in first.output.splitlines() if r.startswith(("Lint: ", "Taken from "))]
    assert len(remarks) == 3
    assert remarks[1].endswith("more: danlu lint)")
    again = call("run", study, "--store", tmp_path / "kept", "--budget", "3 trials")
    assert "Lint: " not in again.output
    quiet = call("run", study, "--store", tmp_path / "other", "--quiet", "--budget", "1 trials")
    assert quiet.output == ""
