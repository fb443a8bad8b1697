"""Study files: every parameter, the plan and how to train, in one place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from danlu.core.limits import DEFAULT, Limits
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective, Spec
from danlu.errors import StudyError
from danlu.executors.cluster import Cluster
from danlu.strategies.names import STRATEGIES, check_serves, make
from danlu.studyfile.command import (
    check_command,
    check_metrics,
    check_shares,
    check_target,
    find_function,
    read_command,
)
from danlu.studyfile.document import Document, shown
from danlu.studyfile.keys import check_sections, checked
from danlu.studyfile.parameters import read_space
from danlu.studyfile.reading import read_document
from danlu.studyfile.train import TrainSection, check_space, check_watched, read_training


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the trials of a study are trained.

    Attributes:
        command: The arguments of a command with ``{name}`` for parameters.
        function: ``"module:function"`` or ``"path/to/file.py:function"``; either this or
            ``command`` is given.
        metrics: Regular expression over the command's output; its named groups are metrics.
        workers: How many trials train at once.
        problem: ``"module:name"`` of the `Problem` that pre-flight checks.
        classes: How many classes are told apart, where no problem says it.
        check: Whether to check before the first trial; ``"warn"``: errors do not end the run.
        executor: ``"auto"``, ``"fused"``, ``"processes"`` or ``"ray"``.
        cluster: What of a Ray cluster each worker takes.
        limits: How long a trial may be silent or train.
    """

    command: tuple[str, ...] | None = None
    function: str | None = None
    metrics: str | None = None
    workers: int = 1
    problem: str | None = None
    check: bool | Literal["warn"] = True
    executor: Literal["auto", "fused", "processes", "ray"] = "auto"
    cluster: Cluster = field(default_factory=Cluster)
    limits: Limits = DEFAULT
    classes: int | None = None


@dataclass(frozen=True, slots=True)
class StudyFile:
    """What a study file says.

    Attributes:
        spec: The study.
        run: How its trials are trained.
        notes: What was assumed of the data of ``[train]``, as sentences.
    """

    spec: Spec
    run: RunSettings
    notes: tuple[str, ...] = ()


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
    training = read_training(document, path)
    study, run = checked(document, "study"), checked(document, "run")
    objectives = _read_objectives(document, study)
    constraints = _read_constraints(document, study)
    space = training.space if training else None
    if "space" in document.data or "train" not in document.data:
        space = read_space(document)
        if training is not None and space is not None:
            check_space(document, training, space)
    watched = [*(o.metric for o in objectives), *(c.metric for c in constraints)]
    if training is not None:
        check_watched(document, training, watched)
    settings = _read_run(document, run, watched, path, training)
    strategy, options = _read_plan(document, len(objectives), len(constraints))
    if settings.command is not None:
        check_shares(document, settings.command, options)
    budget = _read_budget(document, run)
    name = _read_name(document, study)
    if not document.sound:
        document.refuse()
    assert space is not None
    seed, command = study.get("seed", 0), settings.command or ()
    first, *further = objectives
    spec = Spec(
        name, space, first, study["epochs"], seed, budget, strategy, options, command,
        tuple(further), constraints, training.settings.table() if training else {},
    )  # fmt: skip
    return StudyFile(spec, settings, training.notes if training else ())


def _read_objectives(document: Document, study: dict[str, Any]) -> list[Objective]:
    given = study.get("objective", [])
    found: dict[str, Objective] = {}
    for i, text in enumerate([given] if isinstance(given, str) else given):
        path: list[str | int] = ["study", "objective", i]
        if isinstance(given, str):
            path.pop()
        try:
            objective = Objective.parse(text)
        except StudyError as error:
            document.mistake(path, error.told)
            continue
        if objective.metric in found:
            document.mistake(
                path, say("{metric} is an objective twice.", metric=repr(objective.metric))
            )
        found[objective.metric] = objective
    return list(found.values())


def _read_constraints(document: Document, study: dict[str, Any]) -> tuple[Constraint, ...]:
    found = []
    for i, text in enumerate(study.get("constraints", [])):
        try:
            found.append(Constraint.parse(text))
        except StudyError as error:
            document.mistake(("study", "constraints", i), error.told)
    return tuple(found)


def _read_name(document: Document, study: dict[str, Any]) -> str:
    name: str = study.get("name", "study")
    try:
        Spec(name, Space(any=0), Objective("any", "min"), 1)
    except StudyError as error:
        document.mistake(("study", "name"), error.told)
    return name


def _read_budget(document: Document, run: dict[str, Any]) -> Budget:
    given = run.get("budget")
    text = ", ".join(given) if isinstance(given, list) else given
    try:
        return Budget.parse(text)
    except StudyError as error:
        document.mistake(("run", "budget"), error.told)
        return Budget()


def _read_run(
    document: Document, run: dict[str, Any], watched: Sequence[str], path: Path,
    training: TrainSection | None,
) -> RunSettings:  # fmt: skip
    check_target(document, run)
    command = read_command(document, run)
    if command is not None:
        check_command(document, command)
    if "metrics" in run:
        check_metrics(document, run["metrics"], watched)
    function = find_function(path, run["function"]) if "function" in run else None
    if training is not None:
        function = training.settings.reference
    problem = find_function(path, run["problem"]) if "problem" in run else None
    return RunSettings(
        command, function, run.get("metrics"), run.get("workers", 1), problem,
        run.get("check", True), run.get("executor", "auto"), _read_cluster(document, run),
        Limits.parse(run.get("report_timeout"), run.get("trial_timeout")), run.get("classes"),
    )  # fmt: skip


def _read_cluster(document: Document, run: dict[str, Any]) -> Cluster:
    given = {key: run[key] for key in ("address", "cpus", "gpus") if key in run}
    if given and run.get("executor") not in (None, "ray"):
        key = next(iter(given))
        document.mistake(("run", key), say('{key} is of executor = "ray" only.', key=key))
    try:
        return Cluster(**given)
    except StudyError as error:
        key = next((k for k in given if str(error).startswith(k)), "cpus")
        document.mistake(("run", key), error.told)
        return Cluster()


def _read_plan(
    document: Document, objectives: int, constraints: int
) -> tuple[str, dict[str, Any]]:
    plan = checked(document, "plan", open_ended=True)
    strategy = plan.get("strategy", "auto")
    table = document.data.get("plan")
    given = table if isinstance(table, dict) else {}
    options = {key: value for key, value in given.items() if key != "strategy"}
    for key, value in options.items():
        if not isinstance(key, str) or not _is_plain(value):
            text = say(
                "text, numbers, true, false, lists and tables are possible, not {shown}.",
                shown=shown(value),
            )
            document.mistake(("plan", str(key)), text)
    if "strategy" in plan or "strategy" not in given:
        _check_options(document, strategy, options)
        if strategy in STRATEGIES:
            _check_serves(document, strategy, objectives, constraints)
    return strategy, options


def _check_options(document: Document, strategy: str, options: dict[str, Any]) -> None:
    try:
        make(strategy, options)
    except StudyError as error:
        key = next((k for k in options if k in re.findall(r"[\w-]+", str(error))), "strategy")
        document.mistake(("plan", key), error.told)


def _check_serves(document: Document, strategy: str, objectives: int, constraints: int) -> None:
    try:
        check_serves(strategy, max(1, objectives), constraints)
    except StudyError as error:
        document.mistake(("plan", "strategy"), error.told)


def _is_plain(value: Any) -> bool:
    """Whether it is made of what a store can keep as JSON."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float)
