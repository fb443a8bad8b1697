"""The JSON schema accepts what the reader accepts, and refuses what a schema can refuse."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from danlu.errors import StudyFileError
from danlu.studyfile import load
from danlu.studyfile.schema import schema

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(schema())
GOOD = """
[study]
name = "s"
objective = "min loss"
epochs = 3
[space]
lr = { low = 1e-4, high = 1e-1, log = true, default = 1e-3, limits = [1e-6, 1.0] }
units = { low = 16, high = 64, int = true }
kind = { choices = ["a", 3, true], default = "a" }
only = { type = "float", low = 0.0, high = 1.0, when = { kind = ["a", 3] }, role = "dropout" }
batch_size = 64
[plan]
strategy = "halving"
eta = 3
[run]
command = "train {lr} {units} {kind} {only} {batch_size}"
workers = 2
budget = ["20x", "2h"]
"""


def refuses(text: str) -> bool:
    return not VALIDATOR.is_valid(tomllib.loads(text))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())
    assert json.loads(json.dumps(schema())) == schema()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.toml")), ids=lambda p: p.name)
def test_the_examples_are_accepted(path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(path.read_text()))


def test_what_the_reader_accepts_is_accepted(tmp_path: Path) -> None:
    load(written(tmp_path, GOOD))
    VALIDATOR.validate(tomllib.loads(GOOD))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "s"', ""),
        ('name = "s"', 'name = " "'),
        ('name = "s"', "name = 3"),
        ('name = "s"', 'name = "s"\nepoch = 3'),
        ("epochs = 3", "epochs = 0"),
        ("epochs = 3", "epochs = 2.5"),
        ("epochs = 3", 'epochs = "3"'),
        ("epochs = 3", "epochs = true"),
        ('objective = "min loss"', "objective = []"),
        ("epochs = 3", 'epochs = 3\nconstraints = "x < 1"'),
        ("batch_size = 64", "batch_size = [64]"),
        ("batch_size = 64", "batch_size = { low = 1 }"),
        ("batch_size = 64", "batch_size = { low = 1, high = 2, choices = [1] }"),
        ("batch_size = 64", 'batch_size = { low = "1", high = 2 }'),
        ("batch_size = 64", 'batch_size = { low = 1, high = 2, type = "choice" }'),
        ("batch_size = 64", "batch_size = { choices = [] }"),
        ("batch_size = 64", "batch_size = { choices = [[1]] }"),
        ("batch_size = 64", "batch_size = { choices = [1], when = {} }"),
        ("batch_size = 64", "batch_size = { low = 1, high = 2, limits = [1] }"),
        ("batch_size = 64", "batch_size = { low = 1, high = 2, lgo = true }"),
        ("batch_size = 64", '"9x" = 64'),
        ("workers = 2", "workers = 0"),
        ("workers = 2", 'function = "m:f"'),
        ('budget = ["20x", "2h"]', "budget = 0"),
        ('budget = ["20x", "2h"]', "budget = []"),
        ('strategy = "halving"', "strategy = 3"),
        ("[plan]", "[plans]"),
        ("command = ", "function = "),
    ],
)
def test_what_the_reader_rejects_is_rejected(tmp_path: Path, old: str, new: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(StudyFileError):
        load(written(tmp_path, text))
    assert refuses(text)


@pytest.mark.parametrize("section", ["study", "space", "run"])
def test_a_missing_section_is_rejected(tmp_path: Path, section: str) -> None:
    text = re.sub(rf"\[{section}\].*?(?=\n\[|\Z)", "", GOOD, flags=re.DOTALL)
    with pytest.raises(StudyFileError):
        load(written(tmp_path, text))
    assert refuses(text)


TRAIN = """
[train]
data = "wine.csv"
target = "kind"
val = 0.25
"""


def test_data_alone_make_a_study() -> None:
    assert not refuses(TRAIN)


@pytest.mark.parametrize(
    "text",
    [
        TRAIN.replace("data =", "date ="),
        TRAIN.replace("0.25", "1.5"),
        TRAIN + 'drop = "id"\n',
        TRAIN + '[run]\ncommand = "true"\n',
    ],
)
def test_a_bad_section_of_data_is_rejected_before_they_are_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudyFileError):
        load(written(tmp_path, text))
    assert refuses(text)
