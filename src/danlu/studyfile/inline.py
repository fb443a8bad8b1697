"""Parameters written into a command: ``python train.py --lr~'log(1e-5, 1e-1)'``.

=========================  =========================================================
``--lr~'log(1e-5,1e-1)'``  becomes ``--lr VALUE``, two arguments; one, ``--lr=VALUE``,
                           if a value may begin with ``-``
``--lr=~'log(...)'``       becomes ``--lr=VALUE``, one argument
``lr~'log(...)'``          becomes ``lr=VALUE``, as Hydra reads it
=========================  =========================================================

Kinds are ``uniform(low, high)``, ``log(low, high)``, ``int(low, high)``, ``logint(low, high)``
and ``choice(a, b, ...)``, each with an optional ``default=``. Elsewhere in the command ``{lr}``
stands for the same value, as do ``{seed}``, ``{epochs}``, ``{folder}`` and so on.
"""

import re
from collections.abc import Sequence
from typing import Any

from danlu.core.command import EXTRA, fields_of
from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Space, nearest
from danlu.errors import SpaceError

NAME = r"[^\W\d][\w.\-]*"
PARAMETER = re.compile(rf"(?P<flag>[-+]*(?P<name>{NAME}))(?P<sign>=?)~(?P<what>.*)", re.DOTALL)
CALL = re.compile(r"\s*(?P<kind>\w+)\s*\((?P<body>.*)\)\s*", re.DOTALL)
PIECE = re.compile(r"""\s*(?:default\s*=\s*(?P<default>))?("[^"]*"|'[^']*'|[^,"']*)\s*(?:,|$)""")
PLACEHOLDER = re.compile(rf"\{{({NAME})\}}")
INT = re.compile(r"[-+]?(0|[1-9]\d*)")
FLOAT = re.compile(r"[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
KINDS = ("uniform", "log", "int", "logint", "choice")
EXAMPLE = "--lr~'log(1e-5, 1e-1)'"


def parse_command(arguments: Sequence[str]) -> tuple[Space, tuple[str, ...]]:
    """A command with parameters inside, as their space and a template.

    Example:
        >>> space, template = parse_command(["train", "--lr~log(1e-5,1e-1)", "--x=~int(1,4)"])
        >>> template
        ('train', '--lr', '{lr}', '--x={x}')

    Raises:
        SpaceError: With every mistake; also when no parameter is there.
    """
    parameters: dict[str, Parameter] = {}
    template: list[str] = []
    problems: list[str] = []
    for argument in arguments:
        match = _parameter_in(argument)
        try:
            template += _taken(match, parameters) if match else [_literal(argument)]
        except SpaceError as error:
            problems += [
                say("{where}: {text}", where=argument, text=text) for text in error.problems
            ]
    if not problems and not parameters:
        problems.append(
            say(
                "the command holds no parameter to tune: write, for example, {example}.",
                example=EXAMPLE,
            )
        )
    problems += [] if problems else _unknown_fields(template, parameters)
    if problems:
        raise SpaceError(*problems)
    return Space(parameters), tuple(template)


def _parameter_in(argument: str) -> re.Match[str] | None:
    """An argument as a parameter; one that only holds a tilde, like a file's name, is none."""
    match = PARAMETER.fullmatch(argument)
    if match and (match["flag"].startswith("-") or "(" in match["what"]):
        return match
    return None


def _taken(match: re.Match[str], parameters: dict[str, Parameter]) -> list[str]:
    """The arguments that stand for a parameter, which is added to ``parameters``."""
    name, flag = match["name"], match["flag"]
    if name in parameters:
        raise SpaceError(
            say("{name} stands twice; write {{name}} for its value elsewhere.", name=name)
        )
    if name in EXTRA:
        raise SpaceError(
            say("{name} is a name of danlu's own; write {{name}} for its value.", name=name)
        )
    parameters[name] = p = parse_parameter(match["what"])
    joined = match["sign"] or not flag.startswith("-") or _may_look_like_option(p)
    return [f"{flag}={{{name}}}"] if joined else [flag, f"{{{name}}}"]


def _may_look_like_option(p: Parameter) -> bool:
    if isinstance(p, Choice):
        return any(str(value).startswith("-") for value in p.values)
    return p.low < 0


def _literal(argument: str) -> str:
    """An argument as template: braces that hold no name, as in JSON, mean themselves."""
    pieces = PLACEHOLDER.split(argument)
    for i in range(0, len(pieces), 2):
        pieces[i] = pieces[i].replace("{", "{{").replace("}", "}}")
    return "".join(f"{{{text}}}" if i % 2 else text for i, text in enumerate(pieces))


def _unknown_fields(template: Sequence[str], parameters: dict[str, Parameter]) -> list[str]:
    known = (*parameters, *EXTRA)
    return [
        say(
            "{part}: {{name}} is no parameter.{hint} There are {known}.",
            part=part,
            name=name,
            hint=nearest(name, known),
            known=list(known),
        )
        for part in template
        for name in fields_of(part)
        if name not in known
    ]


def parse_parameter(text: str) -> Parameter:
    """A parameter such as ``log(1e-5, 1e-1, default=1e-3)``.

    Raises:
        SpaceError: With every mistake.
    """
    call = CALL.fullmatch(text)
    if call is None or call["kind"] not in KINDS:
        kind = call["kind"] if call else re.split(r"\W", text, maxsplit=1)[0]
        hint = "" if kind in KINDS else nearest(kind, KINDS)
        raise SpaceError(say(
            "a parameter is written as one of {kinds} with its values in brackets, "
            "such as log(1e-5, 1e-1), but got {text}.{hint}",
            kinds=list(KINDS), text=repr(text), hint=hint,
        ))  # fmt: skip
    values, default = _values(call["body"])
    if call["kind"] == "choice":
        return Choice(*values, default=default)
    return _numeric(call["kind"], values, default)


def _numeric(kind: str, values: Sequence[Any], default: Any) -> Parameter:
    given = [*values, *([] if default is None else [default])]
    odd = [repr(v) for v in given if isinstance(v, str)]
    if len(values) != 2 or odd:
        got = f"{', '.join(odd)}" if odd else f"{len(values)} values"
        raise SpaceError(say(
            "{kind} needs two numbers, as in {kind}(1, 10), but got {got}.", kind=kind, got=got,
        ))  # fmt: skip
    low, high = values
    made = Int if kind in ("int", "logint") else Float
    return made(low, high, log=kind in ("log", "logint"), default=default)


def _values(body: str) -> tuple[list[Value], Value]:
    """The values in the brackets, and the default if one is given."""
    values: list[Value] = []
    default: Value = None
    at = 0
    while at < len(body):
        piece = PIECE.match(body, at)
        if piece is None:
            raise SpaceError(
                say("the values are separated by commas, but got {body}.", body=repr(body[at:]))
            )
        if not piece[2].strip():
            raise SpaceError(say("a value is empty in ({body}).", body=body))
        if piece["default"] is None:
            values.append(_value(piece[2].strip()))
        else:
            default = _value(piece[2].strip())
        at = piece.end()
    return values, default


def _value(text: str) -> Value:
    """A number where it reads as one; anything else, and what is quoted, is text."""
    if text[0] in "\"'":
        return text[1:-1]
    if INT.fullmatch(text) and len(text) < 300:  # longer ones are infinite as floats
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text
