"""What ``import danlu`` brings into a training script: the standard library only, and not much."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import danlu

LOADED = "import sys; before = set(sys.modules); import danlu; print(*set(sys.modules) - before)"
HOMES = "import danlu; print(*(f'{n}={getattr(danlu, n).__module__}' for n in danlu.__all__))"


def printed(code: str) -> list[str]:
    """The words that some code prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def loaded_modules() -> set[str]:
    return set(printed(LOADED))


def test_importing_danlu_brings_the_standard_library_only() -> None:
    packages = {name.partition(".")[0] for name in loaded_modules()}
    assert packages - sys.stdlib_module_names == {"danlu"}


def test_importing_danlu_loads_nothing_that_only_the_search_needs() -> None:
    modules = loaded_modules()
    assert {"danlu.core.space", "danlu.worker.trial"} <= modules
    assert not modules & {
        *("danlu.study", "danlu.core.history", "danlu.core.event"),
        *("difflib", "hashlib", "random", "shutil", "tempfile", "subprocess", "socket"),
    }


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    stub = ast.parse(Path(danlu.__file__).with_suffix(".pyi").read_text())
    promised = [
        f"{alias.name}={node.module}"
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(promised) == sorted(printed(HOMES))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'danlu' has no attribute 'Sudy'"):
        _ = danlu.Sudy  # type: ignore[attr-defined]


def test_reporting_from_a_script_works_after_a_report_was_written(tmp_path: Path) -> None:
    code = "import danlu, danlu.reporting.html, danlu.cli.report\ndanlu.report(1, val_loss=0.3)\n"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
