"""What a person reads of an error in training begins in his own file."""

import re
import sys
from pathlib import Path

import pytest

import danlu
from danlu.executors.server import load_function
from danlu.executors.traces import trace_of

FRAME = re.compile(r'  File "(.+?)", line (\d+)')


def frames(text: str) -> list[tuple[str, int]]:
    return [(Path(file).name, int(line)) for file, line in FRAME.findall(text)]


@pytest.mark.parametrize(
    ("name", "code", "line", "last"),
    [
        (
            "raises_in_import",
            "import json\n\njson.loads('{')\n",
            3,
            "json.decoder.JSONDecodeError",
        ),
        ("bad_syntax", "def train(trial):\n    1 +\n", 2, "SyntaxError"),
        ("asks_for_more", "\nimport no_such_module_anywhere\n", 2, "ModuleNotFoundError"),
        ("says_no", "raise SystemExit('no data')\n", 1, "SystemExit: no data"),
    ],
)
def test_an_error_while_a_module_is_imported_begins_there(
    name: str, code: str, line: int, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"{name}.py"
    file.write_text(code)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises((Exception, SystemExit)) as caught:
        load_function(f"{file}:train")
    own = caught.value.with_traceback(caught.tb.tb_next)  # without the frame of this function
    text = trace_of(own)
    assert frames(text)[0] == (file.name, line)
    assert last in text.splitlines()[-1]


def helper(numbers: list[float]) -> float:
    return numbers[3]


def train(trial: danlu.Trial) -> None:
    try:
        helper([])
    except IndexError as error:
        raise ValueError("too few numbers") from error


def test_an_error_in_a_trial_begins_in_its_function_and_keeps_its_cause() -> None:
    study = danlu.Study(
        "s", space=danlu.Space(x=danlu.Float(0, 1)), objective="min loss", epochs=1,
        budget="1 trials",
    )  # fmt: skip
    study.run(train, executor="inline")
    log = study.trials[0].log
    assert [name for name, _ in frames(log)] == [Path(__file__).name] * 3
    assert "direct cause" in log
    assert log.rstrip().endswith("ValueError: too few numbers")
