"""The section [run]: what trains, and the checks of its template and expression."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from danlu.core.command import EXTRA, fields_of, pattern
from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import LaunchError
from danlu.studyfile.document import Document


def read_command(document: Document, run: dict[str, Any]) -> tuple[str, ...] | None:
    """The command as a template; a string is split as a shell would split it."""
    given = run.get("command")
    if given is None or isinstance(given, list):
        return None if given is None else tuple(given)
    try:
        return tuple(shlex.split(given))
    except ValueError as error:
        reason = str(error).lower()
        document.mistake(
            ("run", "command"), say("it cannot be split into arguments: {reason}.", reason=reason)
        )
        return None


def check_target(document: Document, run: dict[str, Any]) -> None:
    """Note when there is no training, or two of them."""
    given = document.data.get("run")
    named = [k for k in ("command", "function") if isinstance(given, dict) and k in given]
    if len(named) == 2:
        document.mistake(("run", "function"), say("either command or function, but got both."))
    elif named and "train" in document.data:
        text = say("either [train] or {named}, but got both.", named=named[0])
        document.mistake(("run", named[0]), text)
    elif not named and "train" not in document.data:
        text = say(
            'what trains is missing: command = "python train.py --lr {code}" or function = "m:f".',
            code="{lr}",
        )
        document.mistake(("run",), text)
    if "metrics" in run and "function" in run:
        text = say("only what a command prints is read, but training is a function here.")
        document.mistake(("run", "metrics"), text)


def check_shares(document: Document, template: Sequence[str], options: dict[str, Any]) -> None:
    """Note shares of the data that the command is never told."""
    field = "{data_fraction}"
    if "fractions" in options and not any(field in part for part in template):
        text = say(
            "the command takes no share of the data: give it {field}, or leave fractions out.",
            field=field,
        )
        document.mistake(("plan", "fractions"), text)


def template_problems(template: Sequence[str], names: Iterable[str]) -> list[str]:
    """Every mistake in a command's template, as sentences.

    A command that takes no parameter by its arguments may read them all from ``DANLU_CONFIG``.

    Args:
        template: The arguments.
        names: Names of the parameters.
    """
    known, used, problems = list(names), set(), []
    for part in template:
        try:
            used.update(fields_of(part))
        except ValueError:
            problems.append(
                say(
                    "in {part} a brace stands alone; for the character write {{ or }}.",
                    part=repr(part),
                )
            )
    for name in sorted(used - {*known, *EXTRA}):
        hint = nearest(name, [*known, *EXTRA])
        problems.append(
            say(
                "{{name}} is no parameter.{hint} Besides the parameters there are {extra}; "
                "for braces as text write {{{name}}}.",
                name=name,
                hint=hint,
                extra=list(EXTRA),
            )
        )
    unused = [name for name in known if name not in used]
    if len(unused) < len(known) or problems:
        problems += [_unused_problem(unused)] if unused else []
    return problems


def _unused_problem(names: Sequence[str]) -> str:
    listed = ", ".join(f"{{{name}}}" for name in names)
    return say(
        "it never uses {listed}: add what the script takes, drop the rest from [space].",
        listed=listed,
    )


def check_command(document: Document, template: Sequence[str]) -> None:
    space = document.data.get("space")
    names = [str(name) for name in space] if isinstance(space, dict) else []
    for problem in template_problems(template, names):
        document.mistake(("run", "command"), problem)


def check_metrics(document: Document, metrics: str, watched: Sequence[str]) -> None:
    """Note an expression that cannot be compiled, or that does not give what is watched.

    Args:
        document: The file.
        metrics: The expression.
        watched: The metrics of objectives and constraints.
    """
    path = ("run", "metrics")
    try:
        compiled = pattern(metrics)
    except LaunchError as error:
        document.mistake(path, error.told)
        return
    assert compiled is not None
    groups = [name for name in compiled.groupindex if name != "epoch"]
    for metric in dict.fromkeys(watched):
        if metric not in groups:
            text = say(
                "the metric {metric} is none of its groups ({groups}).",
                metric=repr(metric),
                groups=list(groups),
            )
            document.mistake(path, text + nearest(metric, groups))


def find_function(path: Path, function: str) -> str:
    """The function's name with its module's file, if that lies beside the study file."""
    module, _, name = function.rpartition(":")
    is_file = module.endswith(".py")
    beside = path.parent / (module if is_file else f"{module.replace('.', '/')}.py")
    return f"{beside}:{name}" if beside.is_file() else function
