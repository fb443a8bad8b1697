"""The section [space]: a table for each parameter, or a plain value for a constant."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.sentence import say
from danlu.core.space import Space, nearest
from danlu.errors import SpaceError
from danlu.studyfile.document import Document, shown
from danlu.studyfile.keys import (
    FLAG,
    NUMBER,
    TEXT,
    Key,
    check_values,
    is_flag,
    is_number,
    is_text,
    table_of,
)

TYPES = ("float", "int", "choice")


def is_value(value: Any) -> bool:
    """Whether it is text, a finite number, true, false or none."""
    return value is None or isinstance(value, str | bool) or is_number(value)


def is_condition(value: Any) -> bool:
    """Whether it is a table of parameter name → value or list of values."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(name, str) for name in value)
        and all(is_value(v) or _are_values(v) for v in value.values())
    )


def _are_values(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_value, value))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))


VALUE = {"type": ["string", "number", "boolean", "null"]}
VALUES = {"type": "array", "items": VALUE, "minItems": 1}
CONDITION = {
    "type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [VALUE, VALUES]}
}  # fmt: skip

NUMERIC = {
    "low": Key("a number", is_number, schema=NUMBER),
    "high": Key("a number", is_number, schema=NUMBER),
    "log": Key(say("true or false"), is_flag, schema=FLAG),
    "int": Key(say("true or false"), is_flag, schema=FLAG),
    "default": Key("a number", is_number, schema=NUMBER),
    "limits": Key(
        say("a list of two numbers, the lowest and the highest value"), _is_pair,
        schema={"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2},
    ),
}  # fmt: skip
CHOICES = {
    "choices": Key(say("a list of texts, numbers, true or false"), _are_values, schema=VALUES),
    "default": Key(say("one of the choices"), is_value, schema=VALUE),
}
EITHER = {
    "type": Key(
        say('"float", "int" or "choice"'), lambda value: value in TYPES, schema={"enum": TYPES}
    ),
    "when": Key(say('a table such as { optimizer = "sgd" }'), is_condition, schema=CONDITION),
    "role": Key(say('a text such as "lr"'), is_text, schema=TEXT),
}
ALL_KEYS = (*NUMERIC, "choices", *EITHER)


def read_space(document: Document) -> Space | None:
    """The space of a study file; None, with the mistakes noted, if it cannot be."""
    table = table_of(document, "space")
    if not table:
        document.mistake(("space",), say("at least one parameter is needed, but there is none."))
        return None
    made = {name: p for name in table if (p := _read_parameter(document, name, table[name]))}
    _check_conditions(document, made, table)
    if len(made) < len(table) or not document.sound:
        return None
    try:
        return Space(made)
    except SpaceError as error:  # conditions in a circle
        for problem in error.problems:
            document.mistake(("space",), problem)
        return None


def _read_parameter(document: Document, name: Any, given: Any) -> Parameter | None:
    path = ("space", str(name))
    try:
        Space({name: 0})
    except SpaceError as error:
        document.mistake(path, error.problems[0])
        return None
    if isinstance(given, dict):
        return _from_table(document, name, given)
    if is_value(given) and given is not None:
        return Choice(given)
    hint = (
        say(" For a choice write {name} = { choices = [...] }.", name=name)
        if isinstance(given, list)
        else ""
    )
    text = say(
        "a table such as { low = 0.0, high = 1.0 } or one plain value is needed, "
        "but got {value}.{hint}",
        value=shown(given),
        hint=hint,
    )
    document.mistake(path, text)
    return None


def _from_table(document: Document, name: str, table: Mapping[str, Any]) -> Parameter | None:
    path = ("space", name)
    unknown = [key for key in table if key not in ALL_KEYS]
    if unknown and all(isinstance(table[key], dict) for key in table):
        text = say(
            'this is a table of tables. Quote a name with dots: "{name}.{unknown}" = { … }',
            name=name,
            unknown=unknown[0],
        )
        document.mistake(path, text)
        return None
    for key in unknown:
        text = say("this key is unknown; a parameter knows {keys}.", keys=list(ALL_KEYS))
        document.mistake((*path, key), text + nearest(str(key), ALL_KEYS))
    kind = _kind(document, path, table)
    if kind is None:
        return None
    keys = {**(CHOICES if kind is Choice else NUMERIC), **EITHER}
    fields = check_values(document, path, table, keys)
    if unknown or len(fields) < len(table):
        return None
    return _make(document, path, kind, fields)


def _kind(
    document: Document, path: tuple[str, str], table: Mapping[str, Any]
) -> Callable[..., Parameter] | None:
    """Which parameter a table describes; None, with a mistake noted, if that is not clear."""
    numeric = [key for key in ("low", "high", "log", "int", "limits") if key in table]
    named = table.get("type")
    if "choices" in table and (numeric or named in ("float", "int")):
        other = f"type = {shown(named)}" if not numeric else " and ".join(numeric)
        document.mistake(
            path,
            say("either choices or a range is possible, but got both ({other}).", other=other),
        )
        return None
    if "choices" in table or named == "choice":
        return _complete(document, path, table, ["choices"], Choice)
    if named == "float" and table.get("int") is True:
        document.mistake(path, say('type = "float" and int = true contradict each other.'))
        return None
    kind = Int if named == "int" or table.get("int") is True else Float
    return _complete(document, path, table, ["low", "high"], kind)


def _complete(
    document: Document,
    path: tuple[str, str],
    table: Mapping[str, Any],
    needed: list[str],
    kind: Callable[..., Parameter],
) -> Callable[..., Parameter] | None:
    missing = [key for key in needed if key not in table]
    if not missing:
        return kind
    if len(missing) == 2 and not table.get("type"):
        text = say("low and high, or choices, are missing.")
    elif len(missing) == 2:
        text = say("low and high are missing.")
    else:
        text = say("{name} is missing.", name=missing[0])
    document.mistake(path, text)
    return None


def _make(
    document: Document,
    path: tuple[str, str],
    kind: Callable[..., Parameter],
    fields: dict[str, Any],
) -> Parameter | None:
    rest = {key: value for key, value in fields.items() if key not in ("type", "int", "choices")}
    try:
        return kind(*fields.get("choices", ()), **rest)
    except SpaceError as error:
        for problem in error.problems:
            spot = next((word for word in re.findall(r"\w+", problem) if word in fields), None)
            document.mistake((*path, spot) if spot else path, problem)
        return None


def _check_conditions(
    document: Document, made: Mapping[str, Parameter], table: Mapping[str, Any]
) -> None:
    """Note conditions on unknown parameters and values, of parameters with other mistakes too."""
    for name, given in table.items():
        when: Any = given.get("when") if isinstance(given, dict) else None
        for parent, wanted in (when if is_condition(when) else {}).items():
            path = ("space", str(name), "when", parent)
            if parent not in table:
                hint = nearest(parent, [str(known) for known in table])
                document.mistake(
                    path,
                    say("there is no parameter {parent}.{hint}", parent=repr(parent), hint=hint),
                )
            elif parent in made:
                values = wanted if isinstance(wanted, list) else [wanted]
                for text in filter(None, map(made[parent].problem, values)):
                    document.mistake(
                        path, say("this can never hold: {parent} {text}", parent=parent, text=text)
                    )
