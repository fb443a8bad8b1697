"""Study files: every parameter, the plan and how to train, in one place."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.errors import StudyError
from danlu.strategies.names import make
from danlu.studyfile.command import (
    check_command,
    check_metrics,
    check_target,
    find_function,
    read_command,
)
from danlu.studyfile.document import Document, shown
from danlu.studyfile.keys import check_sections, checked
from danlu.studyfile.parameters import read_space
from danlu.studyfile.reading import read_document


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the trials of a study are trained.

    Attributes:
        command: The arguments of a command with ``{name}`` for parameters.
        function: ``"module:function"`` or ``"path/to/file.py:function"``; either this or
            ``command`` is given.
        metrics: Regular expression over the command's output; its named groups are metrics.
        workers: How many trials train at once.
    """

    command: tuple[str, ...] | None = None
    function: str | None = None
    metrics: str | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class StudyFile:
    """What a study file says.

    Attributes:
        spec: The study.
        run: How its trials are trained.
    """

    spec: Spec
    run: RunSettings


def load(path: str | Path) -> StudyFile:
    """Read a study file, TOML (``.toml``) or YAML 1.2 (``.yaml``, ``.yml``).

    A function's module is looked for beside the study file first; commands run in the working
    folder.

    Raises:
        StudyFileError: With every mistake, each with file, line and what was expected.
    """
    path = Path(path)
    document = read_document(path)
    check_sections(document)
    study, run = checked(document, "study"), checked(document, "run")
    objective = _read_objective(document, study)
    space = read_space(document)
    settings = _read_run(document, run, objective, path)
    strategy, options = _read_plan(document)
    budget = _read_budget(document, run)
    name = _read_name(document, study)
    if not document.sound:
        document.refuse()
    assert space is not None
    assert objective is not None
    seed, command = study.get("seed", 0), settings.command or ()
    spec = Spec(name, space, objective, study["epochs"], seed, budget, strategy, options, command)
    return StudyFile(spec, settings)


def _read_objective(document: Document, study: dict[str, Any]) -> Objective | None:
    if "objective" not in study:
        return None
    try:
        return Objective.parse(study["objective"])
    except StudyError as error:
        document.mistake(("study", "objective"), str(error))
        return None


def _read_name(document: Document, study: dict[str, Any]) -> str:
    name: str = study.get("name", "study")
    try:
        Spec(name, Space(any=0), Objective("any", "min"), 1)
    except StudyError as error:
        document.mistake(("study", "name"), str(error))
    return name


def _read_budget(document: Document, run: dict[str, Any]) -> Budget:
    given = run.get("budget")
    text = ", ".join(given) if isinstance(given, list) else given
    try:
        return Budget.parse(text)
    except StudyError as error:
        document.mistake(("run", "budget"), str(error))
        return Budget()


def _read_run(
    document: Document, run: dict[str, Any], objective: Objective | None, path: Path
) -> RunSettings:
    check_target(document, run)
    command = read_command(document, run)
    if command is not None:
        check_command(document, command)
    if "metrics" in run:
        check_metrics(document, run["metrics"], objective.metric if objective else None)
    function = find_function(path, run["function"]) if "function" in run else None
    return RunSettings(command, function, run.get("metrics"), run.get("workers", 1))


def _read_plan(document: Document) -> tuple[str, dict[str, Any]]:
    plan = checked(document, "plan", open_ended=True)
    strategy = plan.get("strategy", "auto")
    table = document.data.get("plan")
    given = table if isinstance(table, dict) else {}
    options = {key: value for key, value in given.items() if key != "strategy"}
    for key, value in options.items():
        if not isinstance(key, str) or not _is_plain(value):
            text = (
                f"text, numbers, true, false, lists and tables are possible, not {shown(value)}."
            )
            document.mistake(("plan", str(key)), text)
    if "strategy" in plan or "strategy" not in given:
        _check_options(document, strategy, options)
    return strategy, options


def _check_options(document: Document, strategy: str, options: dict[str, Any]) -> None:
    try:
        make(strategy, options)
    except StudyError as error:
        key = next((k for k in options if k in re.findall(r"[\w-]+", str(error))), "strategy")
        document.mistake(("plan", key), str(error))


def _is_plain(value: Any) -> bool:
    """Whether it is made of what a store can keep as JSON."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)
