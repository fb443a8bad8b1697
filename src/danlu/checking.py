"""Checking a study before its first trial: whence its problem comes, and how it is recorded.

Checks run in a process of their own: whatever the user's code does there, the tuner stays light,
no thread of torch is in the way of its forks, and nothing that training will see is touched.
"""

import json
import logging
import math
import multiprocessing
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from danlu.core.event import Closing, Diagnosed, Event, Failed, Learned, Lost, Reported
from danlu.core.finding import settled, standing
from danlu.core.history import History
from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.core.spec import Spec
from danlu.core.task import UNKNOWN, Task
from danlu.errors import CheckError, DanluError
from danlu.executors.base import Executor
from danlu.executors.linux import die_with_parent
from danlu.executors.server import load_object
from danlu.preflight.checklist import CODE, Checklist
from danlu.preflight.examine import examine
from danlu.preflight.problem import Problem
from danlu.preflight.reports import Training, report_lines
from danlu.strategies.encoding import usual_config

T = TypeVar("T")
GivenProblem: TypeAlias = Problem | Callable[[], Problem] | str
"""A problem, what makes one, or the name ``"module:name"`` of either."""

log = logging.getLogger("danlu")

FILE = "preflight.json"
KIT = "danlu.kit."
TURN_S = 0.2  # between looks at a short training


def check(
    problem: Problem, params: Mapping[str, Value] | None = None, *, go_on: bool = False
) -> Checklist:
    """Check data, model and training loop, here and now; nothing of them is changed.

    Example:
        >>> print(danlu.check(problem, {"lr": 1e-3, "units": 64}))

    Args:
        problem: What to check.
        params: The config to check; by default the problem's own.
        go_on: Go on after errors, though what follows may only echo them.

    Raises:
        CheckError: If the problem is none, or PyTorch is not there.
    """
    if not isinstance(problem, Problem):
        raise CheckError(
            say("danlu.check takes a danlu.Problem, but got {problem:.80}.", problem=repr(problem))
        )
    if params is not None:
        problem = replace(problem, params=dict(params))
    return examine(problem, go_on=go_on)


def has_problem(train: object, problem: GivenProblem | None) -> bool:
    """Whether `problem_of` would find one; imports nothing."""
    if problem is not None or isinstance(train, Problem):
        return True
    if isinstance(train, str):  # a user's module is not imported only to look into it
        return train.startswith(KIT)
    return hasattr(train, "problem")


def problem_of(train: object, problem: GivenProblem | None = None) -> Problem:
    """The problem that was given, or that what trains has as its attribute ``problem``.

    Raises:
        CheckError: If there is none.
        LaunchError: If a name leads nowhere.
    """
    found: Any = train if problem is None else problem
    if isinstance(found, str):
        found = load_object(found)
    found = found if isinstance(found, Problem) else getattr(found, "problem", found)
    if callable(found):
        found = found()
    if not isinstance(found, Problem):
        raise CheckError(say(
            "a danlu.Problem is needed, or a function of it, but got {found:.80}.",
            found=repr(found),
        ))  # fmt: skip
    return found


def examined(
    spec: Spec, train: object, problem: GivenProblem | None, *, go_on: bool = False
) -> Checklist:
    """The checklist of a study's default config, made in a process of its own.

    Raises:
        CheckError: If it has no problem, or that process dies.
    """

    def work() -> Checklist:
        found = problem_of(train, problem)
        default = usual_config(spec.space)
        own = {k: v for k, v in found.params.items() if k not in spec.space}
        return examine(replace(found, params=own | default), go_on=go_on)

    checklist = _in_child(work)
    return replace(checklist, task=in_terms_of(spec.objective.metric, checklist.task))


def in_terms_of(metric: str, task: Task) -> Task:
    """The task with baselines in the metric that is tuned; those of another one are unknown."""
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    if task.baseline_loss is not None and "loss" in words:
        return replace(task, baseline_metric=task.baseline_loss, linear_metric=None)
    if "balanced" in words and task.classes:
        return replace(task, baseline_metric=1 / task.classes, linear_metric=None)
    if words & {"accuracy", "acc", "r2"}:
        return task
    return replace(task, baseline_metric=None, linear_metric=None)


def _in_child(work: Callable[[], T]) -> T:
    """The result of some work in a fork of this process.

    Raises:
        CheckError: If it raises or dies.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(work, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        kind, found = ours.recv()
    except EOFError:
        child.join()
        raise CheckError(say(
            "the process that checks died (exit code {code}): too little memory, "
            "or a crash in the code that loads the data or builds the model. "
            "--no-check goes without.",
            code=child.exitcode,
        )) from None  # fmt: skip
    finally:
        if child.is_alive():
            child.join(1.0)
            child.kill()
        ours.close()
    if kind == "error":
        raise CheckError(found)
    return found  # type: ignore[no-any-return]


def _child(work: Callable[[], Any], out: Connection) -> None:
    """Work, and tell what came of it; runs in the child."""
    die_with_parent(os.getppid())
    os.dup2(2, 1)  # what the user's code prints must not mix with ours
    sys.path.append(str(Path.cwd()))
    if "torch" in sys.modules:  # threads do not survive a fork
        sys.modules["torch"].set_num_threads(1)
    try:
        out.send(("done", work()))
    except DanluError as error:
        out.send(("error", str(error)))
    except BaseException as error:  # noqa: BLE001 - any error of the user's code
        out.send(("error", f"the problem cannot be made: {type(error).__name__}: {error}"))
    out.close()
    os._exit(0)  # what the parent registered for its end is not the child's


def first_epochs(spec: Spec, place: Executor, folder: Path) -> tuple[Training, Training]:
    """The default config trained for one epoch, twice with one seed; leaves nothing behind.

    Raises:
        LaunchError: If training cannot be started.
    """
    try:
        return _first_epoch(spec, place, folder, 1), _first_epoch(spec, place, folder, 2)
    finally:
        place.close()
        shutil.rmtree(folder, ignore_errors=True)


def _first_epoch(spec: Spec, place: Executor, folder: Path, number: int) -> Training:
    config, seed = usual_config(spec.space), spec.trial_seed(1)
    place.launch(Job(spec.name, number, config, seed, 1, spec.epochs, folder / str(number)))
    metrics: dict[str, float] = {}
    while True:
        for event in place.collect(TURN_S):
            if isinstance(event, Reported) and event.trial == number:
                metrics = metrics or dict(event.metrics)
            elif isinstance(event, Failed | Lost):
                log = event.log if isinstance(event, Failed) else ""
                return Training(metrics, event.message, " | ".join(log.splitlines()[-3:]))
            elif isinstance(event, Closing):
                return Training(metrics)


def with_reports(
    spec: Spec, checklist: Checklist, trainings: tuple[Training, Training]
) -> Checklist:
    """The checklist with what the short trainings reported."""
    lines = report_lines(spec.objective.metric, *trainings, checklist.task)
    return replace(checklist, lines=(*checklist.lines, *lines))


def told(metric: str, classes: int | None) -> Task:
    """What the number of classes tells of a task that nobody can look at.

    Classes count as even: of uneven ones the best constant answer is better than that.
    """
    if classes is None:
        return UNKNOWN
    chance = Task("classification", classes=classes, baseline_loss=math.log(classes),
                  baseline_metric=1 / classes)  # fmt: skip
    return in_terms_of(metric, chance)


def check_done(checklist: Checklist) -> None:
    """Refuse an empty checklist.

    Raises:
        CheckError: If nothing was checked.
    """
    if not checklist.lines:
        raise CheckError(say(
            'there is nothing to check: give a danlu.Problem (problem = "module:name" '
            "in [run]), or let the default config be trained for an epoch.",
        ))  # fmt: skip


def events_of(history: History, checklist: Checklist) -> list[Event]:
    """What the history has to learn: facts, findings, and that earlier ones were mended."""
    now = time.time()
    found = checklist.findings
    known = standing(history.findings)
    about = {f.about for f in found}
    mended = [settled(f) for f in known if re.fullmatch(CODE, f.code) and f.about not in about]
    news = [f for f in found if f not in known]
    return [Learned(now, checklist.task), *(Diagnosed(now, None, f) for f in (*mended, *news))]


def write(checklist: Checklist, folder: Path) -> Path:
    """Keep the whole checklist beside the study's trials; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(json.dumps(checklist.as_json(), indent=1), encoding="utf-8")
    return path


def act_on(checklist: Checklist, name: str, *, warn: bool) -> None:
    """Log what is doubtful, and raise if there are errors, unless they are to be logged too.

    Raises:
        CheckError: With every error.
    """
    for finding in checklist.findings if warn else checklist.warnings:
        if finding.severity != "info":
            log.warning("%s: %s", finding.code, finding.message)
    if not warn:
        refuse(checklist, name)


def refuse(checklist: Checklist, name: str) -> None:
    """Raise if there are errors.

    Raises:
        CheckError: With every error.
    """
    if checklist.errors:
        raise CheckError("\n".join(_refusal(checklist, name)))


def _refusal(checklist: Checklist, name: str) -> Iterator[str]:
    count = len(checklist.errors)
    yield (
        f"{name!r} is not begun: pre-flight found {count} error{'s' if count > 1 else ''} "
        "(mend them, or begin all the same with --force, check='warn')."
    )
    yield from (f"  {f.code}: {f.message}" for f in checklist.errors)
