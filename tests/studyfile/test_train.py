"""The section [train]: a data file is enough for a study."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from danlu.core.spec import Objective, decode_spec, encode_spec
from danlu.errors import StudyFileError
from danlu.kit.settings import Settings
from danlu.studyfile import StudyFile, load

pytest.importorskip("pandas")

ROWS = "\n".join(f"{i % 7},{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(60))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text(f"n,c,label\n{ROWS}\n")
    (tmp_path / "mine.py").write_text("def build(config, shape):\n    ...\n")
    return tmp_path


def read(folder: Path, text: str, name: str = "wine 2.toml") -> StudyFile:
    (folder / name).write_text(text)
    return load(folder / name)


MINIMAL = '[train]\ndata = "data.csv"\ntarget = "label"\n'


def test_three_lines_are_a_study(folder: Path) -> None:
    file = read(folder, MINIMAL)
    spec = file.spec
    assert spec.name == "wine 2"
    assert spec.objective == Objective("val_accuracy", "max")
    assert spec.epochs == 30
    assert spec.budget.trainings == 20
    assert {"lr_adamw", "units", "dropout"} <= set(spec.space)
    assert file.notes == ("60 samples; label has 3 classes.",)
    assert spec.training == {"data": str(folder / "data.csv"), "target": "label"}


def test_training_is_named_so_that_another_process_makes_it(folder: Path) -> None:
    function = read(folder, MINIMAL).run.function
    assert function is not None
    name, _, arguments = function.partition("(")
    assert name == "danlu.kit.training:Training"
    assert Settings.of(json.loads(arguments[:-1])).data == str(folder / "data.csv")


def test_the_settings_stay_with_the_study(folder: Path) -> None:
    spec = read(folder, MINIMAL).spec
    assert decode_spec(json.loads(json.dumps(encode_spec(spec)))) == spec


def test_what_the_file_says_comes_before_the_defaults(folder: Path) -> None:
    spec = read(
        folder,
        MINIMAL + '[study]\nname = "mine"\nobjective = "min val_loss"\nepochs = 7\n'
        "[space]\nlr = { low = 1e-3, high = 1e-1, log = true }\nunits = 8\n"
        '[run]\nbudget = "3 trials"\n',
    ).spec
    assert (spec.name, str(spec.objective), spec.epochs) == ("mine", "min val_loss", 7)
    assert list(spec.space) == ["lr", "units"]
    assert (spec.budget.trials, spec.budget.trainings) == (3, None)


def test_a_builder_beside_the_file_is_found(folder: Path) -> None:
    text = MINIMAL + 'model = "mine:build"\n[space]\nwidth = { low = 1, high = 9, int = true }\n'
    file = read(folder, text)
    assert file.spec.training["model"] == f"{folder / 'mine.py'}:build"
    assert list(file.spec.space) == ["width"]


MISTAKES = [
    ('[train]\ndata = "no.csv"\n', r":2: train\.data: there is no file no\.csv\."),
    ('[train]\ntarget = "y"\n', r":1: train: data is missing"),
    (MINIMAL.replace("label", "lable"), r":3: train\.target: .* Did you mean 'label'\?"),
    (MINIMAL + 'model = "mpl"\n', r":4: train\.model: .* Did you mean 'mlp'\?"),
    (MINIMAL + 'metric = "rmse"\n', r":4: train\.metric: .*does not go with classification"),
    (MINIMAL + "val = 2\n", r":4: train\.val: a share between 0 and 1, or a file"),
    (MINIMAL + "batchsize = 8", r"train\.batchsize: .* Write batch_size in \[space\]"),
    (MINIMAL + 'modle = "mlp"\n', r":4: train\.modle: this key is unknown.*'model'"),
    (MINIMAL + "[space]\nbach_size = 3\n", r":5: space\.bach_size: .* Did you mean 'batch_size'"),
    (MINIMAL + '[run]\ncommand = "x"\n', r":5: run\.command: either \[train\] or command"),
    (MINIMAL + 'model = "mine:build"\n', r":4: train\.model: \[space\] is needed"),
    (
        MINIMAL + '[study]\nobjective = "max val_acuracy"\n',
        r":5: study\.objective: there is no metric 'val_acuracy'.* Did you mean 'val_accuracy'",
    ),
    (
        MINIMAL + '[study]\nconstraints = ["size < 9"]\n',
        "there is no metric 'size'; .*parameters",
    ),
    (MINIMAL + "[study]\nepochs = 0\n", r":5: study\.epochs: a whole number from 1"),
]


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_mistake_is_told_alone_and_with_its_line(folder: Path, text: str, words: str) -> None:
    with pytest.raises(StudyFileError, match=words) as caught:
        read(folder, text)
    assert len(caught.value.problems) == 1


def test_reading_a_study_of_a_data_file_does_not_import_torch(folder: Path) -> None:
    (folder / "s.toml").write_text(MINIMAL)
    code = "import sys, danlu.studyfile as s; s.load('s.toml'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_several_mistakes_are_told_at_once(folder: Path) -> None:
    with pytest.raises(StudyFileError) as caught:
        read(folder, '[train]\ndata = "no.csv"\n[study]\nepochs = 0\n[run]\nworkers = 0\n')
    assert len(caught.value.problems) == 3
