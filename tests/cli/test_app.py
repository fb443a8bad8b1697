"""Errors reach the person as sentences, and help costs next to nothing."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Call

import danlu
from danlu.cli import options
from danlu.cli.app import COMMANDS

WITHOUT_STORE = ("lint", "train", "predict")  # they know files only


def test_help_names_every_command(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert all(f"  {name}" in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(call: Call, name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    if name not in WITHOUT_STORE:
        assert "--store" in result.output
        assert "DANLU_STORE" in result.output
    assert result.output.startswith(f"Usage: danlu {name} [OPTIONS]")


def test_the_version_is_told(call: Call) -> None:
    assert call("--version").output == f"danlu {danlu.__version__}\n"


def test_an_unknown_command_is_refused_with_the_nearest(call: Call) -> None:
    result = call("shwo")
    assert result.exit_code == 2
    assert "Did you mean 'show'?" in result.stderr


def test_an_unexpected_error_is_one_message_and_debug_shows_where(
    call: Call, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("that was not expected\nat all")

    monkeypatch.setattr(options, "nearest", broken)
    result = call("show", "unknown", "--store", where)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ZeroDivisionError: that was not expected (")
    assert "danlu --debug" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in call("--debug", "show", "unknown", "--store", where).stderr


def test_a_database_of_another_program_is_refused_in_a_sentence(call: Call) -> None:
    Path("other.db").write_text("this is no database, but long enough to look like one" * 9)
    result = call("ls", "--store", "other.db")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output


def test_help_imports_none_of_the_heavy_libraries() -> None:
    script = (
        "import sys\n"
        "from danlu.cli.app import group\n"
        "group.main(['--help'], standalone_mode=False)\n"
        "heavy = {'rich', 'sqlalchemy', 'numpy', 'torch', 'ruamel', 'psutil', 'alembic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_help_takes_less_than_a_third_of_a_second_of_processor_time() -> None:
    assert min(_cpu_of_help() for _ in range(3)) < 0.3


def _cpu_of_help() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "danlu", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
