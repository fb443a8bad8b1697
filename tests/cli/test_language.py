"""Commands in Chinese: all that danlu says itself; what others wrote stays as it is."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.cli.conftest import Call
from tests.cli.test_check import LEAKY, written
from tests.cli.test_lint import GOOD, STUDY

import danlu
from danlu.cli.app import COMMANDS

ENGLISH = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}")
"""Three words in a row, none of which is a name."""

STUDY_MODULE = """
def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, loss=1.1 / epoch + trial.params["lr"])
        if trial.number == 2:
            raise SystemExit(3)
"""


def english(text: str, *but: str) -> list[str]:
    """Runs of English words in a text, without what stands in back-quotes and some others."""
    text = re.sub(r"`[^`]*`|danlu [a-z]+( [\w.-]+)?", "", text)
    for allowed in but:
        text = text.replace(allowed, "")
    return ENGLISH.findall(text)


def train(trial: danlu.Trial) -> None:
    if trial.number == 5:
        raise ValueError("no such column")
    for epoch in trial.epochs():
        loss = 1.1 / epoch + float(trial.params["lr"] or 0)
        trial.report(epoch, train_loss=1 / epoch, val_loss=loss)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that the tuner made, with stages, findings, a log-book and a failure."""
    store = tmp_path_factory.mktemp("tuned") / "studies"
    space = danlu.Space(
        lr=danlu.Float(1e-4, 1.0, log=True, default=1e-2),
        units=danlu.Int(8, 64, log=True),
        optimizer=danlu.Choice("sgd", "adam"),
        momentum=danlu.Float(0.0, 0.99, when={"optimizer": "sgd"}),
    )
    study = danlu.Study(
        "digits", space=space, objective="min val_loss", epochs=9, budget="12x", store=str(store)
    )
    study.run(train, executor="inline")
    return store


@pytest.mark.parametrize(
    "words", [["show"], ["why"], ["why", "1"], ["why", "5"], ["best"]], ids=str
)
def test_a_study_is_told_without_an_english_sentence(
    call: Call, tuned: Path, words: list[str]
) -> None:
    result = call(*words, "--lang", "zh", "--store", tuned)
    assert result.exit_code == 0, result.output
    assert english(result.output, "no such column", "most recent call last") == []


def test_a_run_is_told_without_an_english_sentence(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANLU_LANG", "zh")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "told.py").write_text(STUDY_MODULE)
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(lr=GOOD, when="").replace("lines:", "told:"))
    result = call("run", path, "--budget", "3 trials", "--store", tmp_path / "s")
    assert result.exit_code == 0, result.output
    assert "退出状态 3" in result.output
    assert "已完成" in result.output
    assert english(result.output) == []


def test_the_linter_speaks_chinese_to_the_last_line(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(lr=GOOD, when=""))
    result = call("lint", path, "--lang", "zh")
    assert "条" in result.output
    assert "取自参数目录" in result.output
    assert english(result.output) == []


@pytest.mark.torch
@pytest.mark.parametrize("split", [LEAKY], ids=["leaky"])
def test_checks_tell_measures_and_limits_in_chinese(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, split, model=True)
    result = call("check", path, "--all", "--lang", "zh", "--store", tmp_path / "s")
    assert "验证集的" in result.output
    assert english(result.output, str(tmp_path)) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "digitz"], "没有研究“digitz”。 是否想写“digits”？"),
        (["why", "digits", "999"], "没有试验 999"),
    ],
)
def test_errors_are_told_in_chinese(call: Call, tuned: Path, words: list[str], said: str) -> None:
    result = call(*words, "--lang", "zh", "--store", tuned)
    assert result.exit_code == 1
    assert result.stderr.startswith("错误：")
    assert said in result.stderr
    assert english(result.stderr) == []


MISTAKES = """
[study]
name = 3
objective = "min loss"
epochs = "30"
[space]
lr = { low = 1e-3, high = 1e-5, log = true }
units = { low = 8 }
optimizer = { choices = [] }
momentum = { low = 0.0, high = 0.9, when = { optimzer = "sgd" } }
size = [1, 2]
[run]
metric = "loss"
workers = 0
budget = "ten"
report_timeout = "soon"
[plan]
strategy = "bayess"
"""


def test_each_mistake_in_a_study_file_is_told_in_chinese(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(MISTAKES)
    result = call("run", path, "--lang", "zh", "--store", tmp_path / "s")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) > 12
    assert english(result.stderr, str(tmp_path)) == []


@pytest.mark.parametrize(
    "words",
    [
        ["ls"], ["rm", "digits"], ["rm", "digitz"], ["note", "good"], ["pin", "1"], ["pin", "99"],
        ["stop"],
        ["extend", "ten"], ["enqueue", "lr=99"], ["enqueue", "lr"], ["predict", "m", "x"],
        ["train", "none.toml"], ["run"], ["run", "no.toml"], ["run", "a.toml", "b"],
        ["run", "-n", "a", "--objective", "loss", "--", "x", "--lr~log(1)"], ["shwo"],
        ["run", "-n", "a", "--objective", "up x", "--", "x", "--lr~log(1e-3,1)"],
        ["ls", "--store", "ftp://x"], ["export"], ["show", "--store", "none"], ["lint"],
        ["report", "-o", "/proc/x"],
        ["stop", "--now", "--trial", "3"], ["best", "--command"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_whatever_one_types_the_answer_is_chinese(
    call: Call, tuned: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DANLU_LANG")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("DANLU_STORE", str(tuned))
    result = call(*words, input="n\n")
    assert english(result.output) == []
    assert re.search(r"[\u4e00-\u9fff]", result.output)


def test_the_language_is_that_of_the_option_then_of_the_environment(
    call: Call, tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DANLU_LANG")
    for name, value, option, said in (
        ("LANG", "zh_CN.UTF-8", [], "研究"), ("LANG", "de_DE.UTF-8", [], "study"),
        ("LC_ALL", "zh_TW", [], "研究"), ("LANG", "zh_CN.UTF-8", ["--lang", "en"], "study"),
        ("DANLU_LANG", "en", ["--lang", "zh"], "研究"), ("DANLU_LANG", "zh", [], "研究"),
    ):  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            for known in ("LC_ALL", "LC_MESSAGES", "LANG"):
                patch.delenv(known, raising=False)
            patch.setenv(name, value)
            assert call("ls", *option, "--store", tuned).output.startswith(said), (name, value)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_chinese_and_fits_the_terminal(
    call: Call, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANLU_LANG", "zh")
    monkeypatch.setenv("COLUMNS", "80")
    told = call(*filter(None, [name]), "--help").output
    assert told.startswith("用法：danlu")
    assert english(told.replace("min val_loss", "")) == []
    free = [line for line in told.splitlines() if "danlu" not in line]  # examples are not wrapped
    assert max(map(cell_len, free)) <= 80


def test_an_option_that_is_none_and_a_value_that_is_wrong_are_told(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no option --bogus" in call("run", "--bogus").stderr
    with monkeypatch.context() as patch:
        patch.setenv("DANLU_LANG", "zh")
        assert "没有选项 --bogus" in call("run", "--bogus").stderr
    wrong = call("run", "x.toml", "--epochs", "many").stderr
    assert "Invalid value for '--epochs'" in wrong
    assert "`danlu run --help` tells more" in wrong
