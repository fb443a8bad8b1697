"""Commands: templates, and whatever they print."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.executors.driving import closing, epochs, job, run

from danlu.core.event import Event, Failed, Finished, Reported
from danlu.core.job import Job
from danlu.errors import LaunchError
from danlu.executors.command import Command, matches
from danlu.executors.processes import ProcessExecutor

NASTY = [
    "two words",
    "",
    "'single' \"double\"",
    "$(rm -rf /) `id` $HOME",
    "-x --flag",
    "{lr} {{}}",
    "a;b|c&d>e<f*?[]~#!\\",
    "line\nbreak\ttab",
    "ünï 数",
]


def with_config(config: dict[str, Any]) -> Job:
    return Job("s", 1, config, 7, 3, 9, Path("/folder"))


# ---- templates


def test_a_string_is_split_before_values_come_in() -> None:
    command = Command("python train.py --lr={lr} --name '{name} x' {{literal}}")
    filled = command.arguments(with_config({"lr": 1e-05, "name": "a b"}))
    assert filled == ["python", "train.py", "--lr=1e-05", "--name", "a b x", "{literal}"]


@given(st.text())
def test_any_value_stays_one_argument_and_arrives_as_it_is(value: str) -> None:
    filled = Command(["run", "--a", "{a}", "--b={a}"]).arguments(with_config({"a": value}))
    assert filled == ["run", "--a", value, f"--b={value}"]


def test_an_inactive_parameter_takes_its_option_along() -> None:
    command = Command("run --opt {opt} --momentum {momentum} --nesterov={momentum} {momentum} -v")
    assert command.arguments(with_config({"opt": "adam"})) == ["run", "--opt", "adam", "-v"]
    assert "--momentum" in command.arguments(with_config({"opt": "sgd", "momentum": 0.9}))


def test_a_value_that_looks_like_an_option_is_not_taken_for_one() -> None:
    command = Command("run {offset} {momentum}")
    assert command.arguments(with_config({"offset": -3})) == ["run", "-3"]


def test_what_else_a_template_may_use() -> None:
    command = Command("run {seed} {until} {epochs} {folder} {trial} {data_fraction} {flag}")
    filled = command.arguments(with_config({"flag": True}))
    assert filled == ["run", "7", "3", "9", "/folder", "1", "1.0", "true"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "empty"),
        ("run 'open", "cannot be split: no closing quotation"),
        (["awk", "{print"], "a brace stands alone"),
        (["run", "}"], "a brace stands alone"),
        ("run {lr:.3f}", "without a format"),
        ("run {lr!r}", "without a format"),
        ("run {}", r"only \{name\} can stand in braces"),
    ],
)
def test_what_is_no_template_is_refused(template: Any, message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        Command(template)


def test_an_unknown_name_in_a_template_is_refused_with_the_nearest() -> None:
    with pytest.raises(LaunchError, match=r"\{lrr\}.*Did you mean 'lr'"):
        Command("run {lrr}").check(["lr"])
    Command("run {lr} {seed} {{x}}").check(["lr"])


@pytest.mark.parametrize("metrics", ["(", "loss (.*)", "(?P<epoch>.*)"])
def test_metrics_must_be_an_expression_with_named_groups(metrics: str) -> None:
    with pytest.raises(LaunchError, match="metrics"):
        Command("run", metrics)


@given(st.binary())
def test_any_line_of_output_can_be_searched(line: bytes) -> None:
    matches(re.compile(r"(?P<a>\S+) (?P<b>\S+)"), line)


# ---- running


def tried(tmp_path: Path, command: Command, **given: Any) -> list[Event]:
    executor = ProcessExecutor(command, "val_loss")
    try:
        return run(executor, job(tmp_path, **({"until": 3, "epochs": 3} | given)))
    finally:
        executor.close()


def losses(events: list[Event]) -> list[float]:
    return [e.metrics["val_loss"] for e in events if isinstance(e, Reported)]


def printing(tmp_path: Path, output: bytes, metrics: str, **given: Any) -> list[Event]:
    """The events of a command that prints some bytes."""
    (tmp_path / "output").write_bytes(output)
    return tried(tmp_path, Command(["cat", str(tmp_path / "output")], metrics), **given)


def test_values_arrive_literally(tmp_path: Path) -> None:
    script = 'printf "%s\\0" "$@" > seen; echo "{\\"val_loss\\": 1}" >> $DANLU_REPORTS'
    template = ["sh", "-c", f"cd {tmp_path}; " + script.replace("{", "{{").replace("}", "}}"), "-"]
    config = {f"v{i}": value for i, value in enumerate(NASTY)}
    executor = ProcessExecutor(
        Command([*template, *(f"{{{name}}}" for name in config)]), "val_loss"
    )
    try:
        run(executor, Job("s", 1, config, 7, 1, 1, tmp_path / "1"))
    finally:
        executor.close()
    assert (tmp_path / "seen").read_text().split("\0")[:-1] == NASTY


def test_json_lines_of_any_program_are_reports(tmp_path: Path) -> None:
    script = """
    for i in 1 2 3; do
        printf '{{"epoch": %d, "val_loss": 0.%d}}\\n' $i $i >> "$DANLU_REPORTS"
    done
    """
    events = tried(tmp_path, Command(["sh", "-c", script]))
    assert losses(events) == [0.1, 0.2, 0.3]
    assert isinstance(closing(events), Finished)


def test_lines_that_are_no_reports_do_no_harm(tmp_path: Path) -> None:
    lines = [
        "no json", "[1]", '{"danlu": "saved"}', '{"danlu": "saved", "epoch": "x"}',
        '{"danlu": "observed", "capability": "flying"}', '{"val_loss": "low"}',
        '{"val_loss": 0.5, "at": 1e300}', '{"val_loss": 0.4, "at": NaN}', "",
    ]  # fmt: skip
    (tmp_path / "lines").write_text("\n".join(lines))
    script = f'cat {tmp_path / "lines"} > "$DANLU_REPORTS"'
    events = tried(tmp_path, Command(["sh", "-c", script]))
    assert losses(events) == [0.5, 0.4]
    assert all(1e9 < event.at < 1e10 for event in events)


@pytest.mark.parametrize("epoch", ["1.5", '"two"', "1e999", "[]"])
def test_an_epoch_that_is_none_fails_the_trial(tmp_path: Path, epoch: str) -> None:
    script = f"""echo '{{{{"epoch": {epoch}, "val_loss": 1}}}}' >> $DANLU_REPORTS; sleep 600"""
    end = closing(tried(tmp_path, Command(["sh", "-c", script])))
    assert isinstance(end, Failed)
    assert end.cause == "order"
    assert "no whole number" in end.message


def test_a_script_that_only_prints_is_read(tmp_path: Path) -> None:
    output = (
        b"loading\nstep 10: train loss 2.5, val loss 2.0\nstep 20: train loss 1e-1, val loss nan\n"
    )
    metrics = r"step \d+: train loss (?P<train_loss>[^,]+), val loss (?P<val_loss>\S+)"
    events = printing(tmp_path, output, metrics)
    reports = [e for e in events if isinstance(e, Reported)]
    assert [r.epoch for r in reports] == [1, 2]
    assert reports[0].metrics == {"train_loss": 2.5, "val_loss": 2.0}
    assert reports[1].metrics["train_loss"] == 0.1


@pytest.mark.parametrize("first", [0, 1])
def test_a_group_epoch_counts_from_0_or_1(tmp_path: Path, first: int) -> None:
    output = "".join(f"Epoch {first + i}: {1 / (1 + i)}\n" for i in range(3)).encode()
    events = printing(tmp_path, output, r"Epoch (?P<epoch>\d+): (?P<val_loss>\S+)")
    assert epochs(events) == [1, 2, 3]
    assert isinstance(closing(events), Finished)


def test_output_of_all_sorts_is_survived(tmp_path: Path) -> None:
    output = (
        b"\xff\xfe\x00 loss=0.9\n"  # no UTF-8
        + b" 10%\r 50%\rloss=0.8\r100%\n"  # progress bars
        + b"x" * 300_000  # a huge line
        + b"\nloss=high loss=0.7 \x1b[1mloss=0.6\x1b[0m\n"  # two in a line, and colours
        + b"loss=0.5"  # without an end
    )
    events = printing(tmp_path, output, r"loss=(?P<val_loss>[\d.]+)", epochs=9, until=9)
    assert losses(events) == [0.9, 0.8, 0.7, 0.6, 0.5]


def test_steps_in_place_of_epochs_are_explained(tmp_path: Path) -> None:
    events = printing(
        tmp_path, b"step 500 loss 1\n", r"step (?P<epoch>\d+) loss (?P<val_loss>\S+)"
    )
    end = closing(events)
    assert isinstance(end, Failed)
    assert "its first report was of epoch 500, but a full trial has 3" in end.message


def test_a_pipe_in_a_command_ends_quietly(tmp_path: Path) -> None:
    script = "yes | head -n 1; echo '{{\"val_loss\": 1}}' >> $DANLU_REPORTS"
    tried(tmp_path, Command(["sh", "-c", script]))
    assert "Broken pipe" not in (tmp_path / "1" / "log-1.txt").read_text()


def test_a_script_finds_its_settings_in_the_environment(tmp_path: Path) -> None:
    script = f"env > {tmp_path / 'env'}; echo '{{{{\"val_loss\": 1}}}}' >> $DANLU_REPORTS"
    tried(tmp_path, Command(["sh", "-c", script]))
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert found["DANLU_CONFIG"] == '{"does": "train"}'
    assert (found["DANLU_SEED"], found["DANLU_EPOCHS"]) == ("7", "3")
