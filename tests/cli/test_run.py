"""``danlu run`` tunes real functions and commands, resumes, and refuses what it cannot run."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bowl import bowl
from tests.cli.conftest import Call, json_lines

from danlu.stores import open_store

SCRIPT = """
import argparse, time
p = argparse.ArgumentParser()
p.add_argument("--x", type=float)
p.add_argument("--shift", type=float)
p.add_argument("--sleep", type=float, default=0.0)
a = p.parse_args()
for epoch in range(1, 4):
    print(f"epoch {epoch}: loss {(a.x - 0.3) ** 2 + 1 / epoch:.4f}", flush=True)
    time.sleep(a.sleep)
"""
FUNCTION = """
def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, loss=(trial.params["x"] - 0.3) ** 2 + 1 / epoch)
"""


@pytest.fixture
def study(call: Call, tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    return bowl(tmp_path, FUNCTION)


def command(*options: str) -> list[str]:
    return [
        "run", "-n", "cmd", "--objective", "loss", "--metrics", r"loss (?P<loss>\S+)", *options,
        "--", sys.executable, "script.py", "--x~uniform(0,1)", "--shift~uniform(-1,0)",
    ]  # fmt: skip


def danlu(*arguments: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, with its signals."""
    return subprocess.Popen(
        [sys.executable, "-m", "danlu", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_study_file_with_a_function_is_tuned_and_told_line_by_line(
    call: Call, study: Path
) -> None:
    result = call("run", study)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("bowl: min loss over x; 2 epochs, 3 trials\n")
    assert "#3 starts" in result.output
    assert "Done: " in result.output
    assert "Best: #" in result.output
    assert "Next: danlu show bowl" in result.output


def test_a_command_with_parameters_inside_is_tuned_as_json_lines(call: Call, study: Path) -> None:
    result = call(
        *command("--epochs", "3", "--budget", "3 trials", "--strategy", "random", "--json")
    )
    assert result.exit_code == 0, result.output
    rows = json_lines(result.output)
    finished = [row for row in rows if row["event"] == "finished"]
    assert [row["epoch"] for row in finished] == [3, 3, 3]
    assert all(-1 <= row["config"]["shift"] <= 0 for row in rows if "config" in row)  # type: ignore[index]
    assert rows[-1]["event"] == "ended"
    line = call("best", "--command").output
    assert "script.py --x 0." in line
    assert "--shift=-0." in line


def test_a_reader_that_goes_away_does_not_end_the_study(study: Path) -> None:
    with danlu(*command("--epochs", "3", "--budget", "6 trials", "--strategy", "random")) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.readline()
        run.stdout.close()
        assert (run.wait(60), run.stderr.read()) == (0, "")
    with contextlib.closing(open_store(".danlu")) as store:
        assert len(store.load("cmd").trials) == 6


def test_a_direction_and_a_length_that_were_assumed_are_said(call: Call, study: Path) -> None:
    text = call(*command("--budget", "1 trials")).output
    assert 'write "min loss" to be sure' in text
    assert "say with --epochs" in text


def test_the_same_command_again_goes_on_and_a_larger_budget_is_taken(
    call: Call, study: Path
) -> None:
    assert call("run", study, "-q").output == ""
    again = call("run", study)
    assert "Goes on after 3 trials." in again.output
    assert "#4 starts" not in again.output
    more = call("run", study, "--budget", "5 trials")
    assert more.exit_code == 0
    assert "#5 starts" in more.output
    assert "5 of 5 trials" in call("ls").output


def test_help_shows_an_example_on_a_line_of_its_own(call: Call) -> None:
    assert "\n  danlu run study.toml\n" in call("run", "--help").output


def test_options_override_the_file(call: Call, study: Path) -> None:
    result = call(
        "run", study, "-n", "other", "--epochs", "1", "--strategy", "grid", "--seed", "9",
        "--store", "elsewhere",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (
        "other: min loss · 1 parameter · 1 epoch · grid · budget 3 trials · seed 9"
        in call("show", "--store", "elsewhere").output
    )


def test_a_study_of_that_name_with_another_space_is_refused(call: Call, study: Path) -> None:
    assert call("run", study).exit_code == 0
    study.write_text(study.read_text().replace("high = 1.0", "high = 2.0"))
    result = call("run", study)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "space differs in x" in result.stderr


def test_every_mistake_of_a_file_is_printed_and_nothing_is_created(
    call: Call, study: Path, tmp_path: Path
) -> None:
    sound = study.read_text()
    study.write_text(sound.replace("epochs = 2", "epochs = 0").replace("high = 1.0", "high = -1"))
    result = call("run", study)
    assert result.exit_code == 1
    first, *rest = result.stderr.splitlines()
    assert first == "Error: 2 mistakes"
    assert rest[0].startswith(f"  {study}:5: study.epochs: ")
    assert rest[1].startswith(f"  {study}:7: space.x.low: low must not exceed high")
    assert not (tmp_path / ".danlu").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run"], 2, "a study file, or a command after --, is needed"),
        (["run", "no.toml"], 1, "no.toml: there is no such file"),
        (["run", "study.toml", "more"], 2, "nothing else may stand"),
        (["run", "study"], 2, "needs --name"),
        (["run", "-n", "a", "--objective", "loss", "study"], 2, "neither a study file"),
        (["run", "-n", "a", "--", "train", "--x~int(1,2)"], 2, "needs --objective"),
        (["run", "-n", "a", "--objective", "speed", "--", "t", "--x~int(1,2)"], 1, '"max speed"'),
        (["run", "-n", "a", "--objective", "loss", "--", "t", "--x~itn(1,2)"], 1, "mean 'int'"),
        (["run", "-n", "/", "--objective", "loss", "--", "t", "--x~int(1,2)"], 1, "no good name"),
        (["run", "study.toml", "--budget", "20y"], 1, "cannot be read"),
        (["run", "study.toml", "--strategy", "rnadom"], 1, "Did you mean 'random'?"),
        (["run", "study.toml", "--metrics", "(?P<a>.)"], 2, "training is a function"),
        (["run", "study.toml", "--workers", "0"], 2, "0 is not in the range"),
        (["run", "study.toml", "--gpus", "0.5"], 2, "--gpus needs --executor ray"),
        (["run", "-n", "a", "--objective", "loss", "--metrics", "(", "--", "t", "--x~int(1,2)"],
         1, "no regular expression"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_in_a_sentence(
    call: Call, study: Path, arguments: list[str], code: int, message: str
) -> None:
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_command_that_does_not_exist_ends_with_its_reason(call: Call, study: Path) -> None:
    result = call("run", "-n", "a", "--objective", "loss", "--", "no-such-program", "--x~int(1,9)")
    assert result.exit_code == 1
    assert "no-such-program" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_function_whose_module_breaks_ends_with_its_reason(call: Call, study: Path) -> None:
    (study.parent / "bowl.py").write_text("raise RuntimeError('no data here')")
    result = call("run", study)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "no data here" in result.stderr
    assert "mistakes" not in result.stderr


@pytest.fixture
def slow_run(study: Path) -> Iterator[subprocess.Popen[str]]:
    """A command in its first trial, which takes half a minute; an epoch of it is reported."""
    slow = command("--epochs", "3", "--strategy", "random")
    process = danlu(*slow, "--sleep", "10")
    try:
        deadline = time.monotonic() + 30
        while not _has_reported(".danlu") and time.monotonic() < deadline:
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.communicate()


def _has_reported(where: str) -> bool:
    if not Path(where, "danlu.db").exists():
        return False
    store = open_store(where)
    trials = store.load("cmd").trials if "cmd" in store.studies() else {}
    store.close()
    return any(t.reports for t in trials.values())


def test_stop_now_ends_a_running_study_and_it_goes_on_later(
    call: Call, slow_run: subprocess.Popen[str]
) -> None:
    assert call("ls").output.splitlines()[1].split()[1] == "running"
    assert "Running (pid" in call("show").output
    again = call(*command("--epochs", "3", "--strategy", "random"), "--sleep", "10")
    assert again.exit_code == 1
    assert f"pid {slow_run.pid}" in again.stderr
    assert call("stop", "--now").exit_code == 0
    output, errors = slow_run.communicate(timeout=20)
    assert slow_run.returncode == 0, errors
    assert "Stopped: a person asked to stop now" in output


def test_two_interrupts_end_a_run_with_its_reports_kept(
    call: Call, slow_run: subprocess.Popen[str]
) -> None:
    os.kill(slow_run.pid, signal.SIGINT)
    time.sleep(0.5)
    assert slow_run.poll() is None, "the first interrupt lets the slice come to its end"
    os.kill(slow_run.pid, signal.SIGINT)
    output, errors = slow_run.communicate(timeout=20)
    assert slow_run.returncode == 130, errors
    assert "Finishing what runs; Ctrl-C again ends it at once.\nEnding now.\n" in errors
    assert "Interrupted" in output
    assert "Traceback" not in errors
    assert "1 trial" in output
    assert "interrupted" in call("ls").output


def test_on_a_terminal_the_live_view_comes_and_goes_and_the_summary_stays(
    call: Call, study: Path
) -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [sys.executable, "-m", "danlu", *command("--budget", "2 trials", "--epochs", "3")],
        stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while chunk := os.read(ours, 65536):
                written += chunk
        assert process.stderr is not None
        assert process.stderr.read() == b""
    os.close(ours)
    text = written.decode()
    assert process.returncode == 0
    assert " · min loss · " in text
    assert "epoch 0/" in text
    last_view = text.rindex(" · min loss · ")
    assert text.rindex("Done: ") > last_view
    assert "\x1b[?25h" in text[last_view:], "the cursor is shown again"
