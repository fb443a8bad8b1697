"""Study files are read as written, and refused with every mistake on its line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.core.parameter import Choice, Float, Int
from danlu.errors import StudyFileError
from danlu.executors.cluster import Cluster
from danlu.studyfile import StudyFile, load

TOML = """
[study]
name = "shakespeare"
objective = "min val_loss"
epochs = 8
seed = 3
[space]
lr = { low = 1e-5, high = 1e-1, log = true, default = 1e-3, limits = [1e-7, 1.0], role = "lr" }
units = { low = 16, high = 512, log = true, int = true }
layers = { low = 1, high = 3, type = "int" }
optimizer = { choices = ["sgd", "adam"] }
momentum = { low = 0.0, high = 0.99, when = { optimizer = "sgd" } }
batch_size = 64
[plan]
strategy = "halving"
eta = 4
[run]
command = '''python train.py --lr {lr} --units={units} {layers} --opt {optimizer}
  --momentum {momentum} --name "a b" {batch_size} --seed {seed}'''
metrics = 'train (?P<train_loss>\\S+), val (?P<val_loss>\\S+)'
workers = 2
budget = ["20x", "2h"]
"""
YAML = """
study: {name: shakespeare, objective: min val_loss, epochs: 8, seed: 3}
space:
  lr: {low: 1e-5, high: 1e-1, log: true, default: 1e-3, limits: [1e-7, 1], role: lr}
  units: {low: 16, high: 512, log: true, int: true}
  layers: {low: 1, high: 3, type: int}
  optimizer: {choices: [sgd, adam]}
  momentum: {low: 0, high: 0.99, when: {optimizer: sgd}}
  batch_size: 64
plan: {strategy: halving, eta: 4}
run:
  command: [python, train.py, --lr, "{lr}", "--units={units}", "{layers}", --opt, "{optimizer}",
    --momentum, "{momentum}", --name, a b, "{batch_size}", --seed, "{seed}"]
  metrics: 'train (?P<train_loss>\\S+), val (?P<val_loss>\\S+)'
  workers: 2
  budget: [20x, 2h]
"""
SOUND = """[study]
name = "s"
objective = "min loss"
epochs = 2
[space]
x = { low = 0.0, high = 1.0 }
[run]
command = "train {x}"
"""


def loaded(folder: Path, text: str, name: str = "study.toml") -> StudyFile:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load(path)


def problems(folder: Path, text: str, name: str = "study.toml") -> list[str]:
    """The messages without the folder."""
    with pytest.raises(StudyFileError) as caught:
        loaded(folder, text, name)
    return [p.removeprefix(f"{folder}{os.sep}") for p in caught.value.problems]


def test_everything_a_file_says_is_in_the_study(tmp_path: Path) -> None:
    spec, run = (file := loaded(tmp_path, TOML)).spec, file.run
    assert (spec.name, str(spec.objective), spec.epochs) == ("shakespeare", "min val_loss", 8)
    assert (spec.seed, spec.strategy, spec.options) == (3, "halving", {"eta": 4})
    assert str(spec.budget) == "20x, 7200s"
    assert spec.space["lr"] == Float(
        1e-5, 0.1, log=True, default=1e-3, limits=(1e-7, 1.0), role="lr"
    )
    assert spec.space["units"] == Int(16, 512, log=True)
    assert spec.space["layers"] == Int(1, 3)
    assert spec.space["optimizer"] == Choice("sgd", "adam")
    assert spec.space["momentum"] == Float(0.0, 0.99, when={"optimizer": ("sgd",)})
    assert spec.space["batch_size"] == Choice(64)
    assert run.workers == 2
    assert run.command == spec.command
    assert spec.command[:6] == (
        "python",
        "train.py",
        "--lr",
        "{lr}",
        "--units={units}",
        "{layers}",
    )
    assert "a b" in spec.command


def test_yaml_says_the_same_as_toml(tmp_path: Path) -> None:
    assert loaded(tmp_path, YAML, "study.yaml") == loaded(tmp_path, TOML)


def test_defaults_are_few(tmp_path: Path) -> None:
    file = loaded(tmp_path, SOUND)
    assert (file.spec.seed, file.spec.strategy, file.run.workers) == (0, "auto", 1)
    assert str(file.spec.budget) == "no limit"


def test_what_a_worker_of_a_cluster_gets_is_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    text = SOUND + 'executor = "ray"\naddress = "10.0.0.1:6379"\ncpus = 2\ngpus = 0.25\n'
    file.write_text(text)
    assert load(file).run.cluster == Cluster("10.0.0.1:6379", 2, 0.25)
    file.write_text(text.replace("0.25", "1.5"))
    with pytest.raises(StudyFileError, match=r"run\.gpus: gpus must be a fraction up to 1"):
        load(file)
    file.write_text(text.replace('"ray"', '"processes"'))
    with pytest.raises(StudyFileError, match='address is of executor = "ray" only'):
        load(file)


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[study]
name = "x"
objective = "min val_los"
epochs = "8"
sead = 1
[space]
lr = { low = 0, high = 1e-1, log = true }
dropout = { low = 0.9, high = 0.7 }
units = { low = "1e-3", high = 512 }
optimizer = { choices = ["sgd", "adam", "sgd"] }
momentum = { low = 0.0, hihg = 0.99 }
[space.wd]
low = 0.0
high = 1.0
default = 3
when = { optimzer = "sgd", dropot = 1 }
[run]
function = "a:b"
command = "python train.py {lr} {dropot}"
workers = 0
budget = "20y"
[rum]
"""
    found = problems(tmp_path, text)
    starts = [p.partition(": ")[0] + ": " + p.split(": ")[1] for p in found]
    assert starts == [
        "study.toml:4: study.epochs",
        "study.toml:5: study.sead",
        "study.toml:7: space.lr.log",
        "study.toml:8: space.dropout.low",
        "study.toml:9: space.units.low",
        "study.toml:10: space.optimizer",
        "study.toml:11: space.momentum.hihg",
        "study.toml:11: space.momentum",
        "study.toml:15: space.wd.default",
        "study.toml:16: space.wd.when.optimzer",
        "study.toml:16: space.wd.when.dropot",
        "study.toml:18: run.function",
        "study.toml:19: run.command",
        "study.toml:19: run.command",
        "study.toml:20: run.workers",
        "study.toml:21: run.budget",
        "study.toml:22: rum",
    ]
    assert "Did you mean 'seed'?" in found[1]
    assert "without quotes: low = 1e-3" in found[4]
    assert "Did you mean 'high'?" in found[6]
    assert "Did you mean 'dropout'?" in found[10]
    assert "Did you mean 'run'?" in found[-1]


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("x = {", "y = 1\nx = { when = { z = 1 },", 7, "there is no parameter 'z'"),
        ("x = {", "y = 1\nx = { when = { y = 2 },", 7, "can never hold: y must be one of 1"),
        ("x = { low = 0.0, high = 1.0 }", "x = [1, 2]", 6, "choices = [...]"),
        ("x = { low = 0.0, high = 1.0 }", "x = {}", 6, "low and high, or choices, are missing"),
        ("x = { low = 0.0, high = 1.0 }", "x.y = { low = 0, high = 1 }", 6, 'Quote a name: "x.y"'),
        ("x = { low", "x = { choices = [1], low", 6, "either choices or a range"),
        ("x = { low", 'x = { type = "flaot", low', 6, '"float", "int" or "choice"'),
        ("x = { low = 0.0", "x = { int = true, low = 0.5", 6, "whole numbers are needed"),
        ("x = { low = 0.0", "x = { low = nan", 6, "a number is needed, but got nan"),
        ('"min loss"', '"speed"', 3, 'write "min speed" or "max speed"'),
        ('name = "s"', 'name = "../s"', 2, "no good name"),
        ("epochs = 2", "", 1, "epochs is missing"),
        ("epochs = 2", "epochs = true", 4, "a whole number from 1"),
        ("epochs = 2", 'epochs = 2\nbudget = "2x"', 5, "It belongs in [run]"),
        ('"train {x}"', '"train {x"', 8, "a brace stands alone"),
        ('"train {x}"', '"train \'{x}"', 8, "cannot be split"),
        ('"train {x}"', '"train {x} {fodler}"', 8, "Did you mean 'folder'?"),
        ('"train {x}"', '"train {x}"\nmetrics = "("', 9, "no regular expression"),
        ('"train {x}"', '"train {x}"\nmetrics = "loss (.*)"', 9, "must name at least one metric"),
        ('"train {x}"', '"train {x}"\nmetrics = "(?P<los>.*)"', 9, "Did you mean 'los'?"),
        ('command = "train {x}"', "", 7, "what trains is missing"),
        ('command = "train {x}"', 'function = "train"', 8, '"module:function"'),
        ("[run]", '[plan]\nstrategy = "halvin"\n[run]', 8, "Did you mean 'halving'?"),
        ("[run]", '[plan]\nstrategy = "halving"\neat = 3\n[run]', 9, "Did you mean 'eta'?"),
        (
            "[run]",
            '[plan]\nstrategy = "freeze-thaw"\nfractions = [0.3]\n[run]',
            9,
            "the command takes no share of the data: give it {data_fraction}",
        ),
        ("[run]", "[plan]\nday = 2024-01-01\n[run]", 8, "not 2024-01-01"),
        ("epochs = 2", "epochs = 2\nepochs = 3", 5, "no valid TOML: Cannot overwrite a value"),
        ("x = {", "x = {\n", 6, "must stand on one line"),
    ],
)
def test_a_mistake_is_told_on_its_line(
    tmp_path: Path, old: str, new: str, line: int, expected: str
) -> None:
    found = problems(tmp_path, SOUND.replace(old, new))
    told = [p for p in found if expected.replace("Quote a name:", "Quote a name with dots:") in p]
    assert told, found
    assert told[0].startswith(f"study.toml:{line}: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("study: {name: a}\nstudy: {name: b}", ":2: this is no valid YAML: found duplicate key"),
        ("study: [1,\n  2", "no valid YAML"),
        ("- 1", ":1: a study file must hold sections"),
        ("study: 2024-13-45", "month must be in 1..12"),
        ("study: &a [*a]", "too large or too deep"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
            for a, b in zip("abcdef", "bcdefg", strict=True)
        ), "too large or too deep"),
        ("study:\n  name: !!python/object:os.system x", ":2: this is no valid YAML"),
        ("space:\n  lr: {low: 0, high: 1}\n  1: 2", ":3: space.1: 1 is no good name"),
        ("space:\n  lr:\n", ":2: space.lr: a table such as"),
    ],
)  # fmt: skip
def test_bad_yaml_is_refused_in_a_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in p for p in problems(tmp_path, text, "study.yaml"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"[study]\nname = '\xff'", ":2: the file must be UTF-8"),
        (b"#" * (1 << 20) + b"##", "1 MiB at most"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"", "name is missing"),
        (b"\xef\xbb\xbf[study]\nnome = 1", ":2: study.nome"),
        (b"a = " + b"9" * 5000, "no valid TOML"),
    ],
)
def test_strange_files_are_refused_in_a_sentence(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(data)
    with pytest.raises(StudyFileError, match=expected):
        load(path)


def test_missing_files_folders_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name, expected in (
        ("no.toml", "no such file"),
        ("folder.toml", "cannot be read"),
        ("study.json", "must end in .toml, .yaml or .yml"),
    ):
        with pytest.raises(StudyFileError, match=expected):
            load(tmp_path / name)


def test_a_module_beside_the_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "train_it.py").touch()
    for function in ("train_it:go", "train_it.py:go"):
        text = SOUND.replace('command = "train {x}"', f'function = "{function}"')
        assert loaded(tmp_path, text).run.function == f"{tmp_path / 'train_it.py'}:go"
    text = SOUND.replace('command = "train {x}"', 'function = "elsewhere.module:go"')
    assert loaded(tmp_path, text).run.function == "elsewhere.module:go"


def test_a_command_that_takes_shares_of_the_data_may_be_given_fractions(tmp_path: Path) -> None:
    plan = '[plan]\nstrategy = "freeze-thaw"\nfractions = [0.3]\n[run]'
    text = SOUND.replace("[run]", plan).replace("{x}", "{x} --share={data_fraction}")
    assert loaded(tmp_path, text).spec.options == {"fractions": [0.3]}


def test_a_command_may_read_all_parameters_from_its_environment(tmp_path: Path) -> None:
    assert loaded(tmp_path, SOUND.replace("{x}", "")).spec.command == ("train",)
    two = SOUND.replace("[run]", "y = 1\n[run]")
    (problem,) = problems(tmp_path, two)
    assert "never uses {y}" in problem


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(["1e-3", "{x", "(", "a:b", "20x", "min loss", "float"]),
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(
        ["study", "space", "plan", "run", "name", "objective", "epochs", "seed", "strategy",
         "constraints", "command", "function", "metrics", "workers", "budget", "low", "high",
         "log", "int", "default", "choices", "when", "limits", "role", "type", "x", "eta"]
    ),
    st.text(max_size=3),
)  # fmt: skip
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, ANYTHING, max_size=5), max_size=4))
def test_whatever_stands_in_a_file_it_is_loaded_or_refused(
    tmp_path: Path, data: dict[str, Any]
) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
    refused: tuple[str, ...] = ()
    try:
        load(path)
    except StudyFileError as error:
        refused = error.problems
    assert all(p.startswith(f"{path}:") for p in refused)


def test_a_condition_is_checked_also_where_the_parameter_has_another_mistake(
    tmp_path: Path,
) -> None:
    text = """[study]
name = "x"
objective = "min loss"
epochs = 3
[space]
lr = { low = 0.1, high = 1.0 }
m = { low = 0.0, high = 1.0, default = 2.0, when = { lrr = 0.5 } }
[run]
function = "train:train"
"""
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(StudyFileError) as caught:
        load(path)
    assert any(
        ":7: space.m.when.lrr: there is no parameter 'lrr'." in p for p in caught.value.problems
    )
    assert any(":7: space.m.default:" in p for p in caught.value.problems)


SEVERAL = """[study]
name = "x"
objective = ["max val_accuracy", "min params"]
constraints = ["latency_ms < 20", "params <= 1e6"]
epochs = 3
[space]
lr = { low = 0.1, high = 1.0 }
[plan]
strategy = "auto"
[run]
function = "train:train"
"""


def test_several_objectives_and_constraints_are_read(tmp_path: Path) -> None:
    spec = loaded(tmp_path, SEVERAL).spec
    assert [str(o) for o in spec.objectives] == ["max val_accuracy", "min params"]
    assert [str(c) for c in spec.constraints] == ["latency_ms < 20", "params <= 1e+06"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"min params"]', '"params"]', ":3: study.objective.1: whether 'params' should grow"),
        ('"min params"]', '"min val_accuracy"]', ":3: study.objective.1: 'val_accuracy' is an"),
        ('["max val_accuracy", "min params"]', "[]", ":3: study.objective: a text such as"),
        ("params <= 1e6", "1e6 >= params", ":4: study.constraints.1: a constraint must read"),
        (
            '["latency_ms < 20", "params <= 1e6"]',
            '"params <= 1e6"',
            ":4: study.constraints: a lis",
        ),
        ('"auto"', '"halving"', ":9: plan.strategy: strategy 'halving' follows one objective"),
    ],
)
def test_mistakes_in_objectives_and_constraints_are_told_with_their_lines(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in SEVERAL
    assert any(problem in p for p in problems(tmp_path, SEVERAL.replace(old, new)))


def test_an_expression_must_give_every_metric_that_is_watched(tmp_path: Path) -> None:
    text = SEVERAL.replace(
        'function = "train:train"',
        "command = \"train {lr}\"\nmetrics = 'acc (?P<val_accuracy>.+) (?P<param>.+)'",
    )
    first, second = problems(tmp_path, text)
    assert "the metric 'params' is none of its groups (val_accuracy, param)" in first
    assert "the metric 'latency_ms' is none of its groups" in second
