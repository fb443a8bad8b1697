"""The sections of a study file, and what each of their keys may hold."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from danlu.core.limits import parse_limit
from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import StudyError
from danlu.kit.params import NAMES
from danlu.studyfile.document import Document, shown


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a table may hold.

    Attributes:
        wanted: What it must be, for messages: ``"a whole number from 1"``.
        fits: Whether a value is that.
        needed: Whether the table must have it.
        schema: The same as JSON schema, as far as that can say it.
    """

    wanted: str
    fits: Callable[[Any], bool]
    needed: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)


FUNCTION = r"[^:\s][^:]*:[^\W\d]\w*"
TEXT = {"type": "string", "pattern": r"\S"}
NUMBER = {"type": "number"}
FLAG = {"type": "boolean"}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
LISTED = {"type": "array", "items": TEXT}
POSITIVE = {"type": "number", "exclusiveMinimum": 0}
SHARE_OR_FILE = {"anyOf": [TEXT, {**POSITIVE, "exclusiveMaximum": 1}]}


def whole_schema(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value


def is_number(value: Any) -> bool:
    """Whether it is a finite int or float that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -1.7e308 < value < 1.7e308


def is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def is_not_negative(value: Any) -> bool:
    return is_number(value) and value >= 0


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def whole(low: int, high: int) -> Callable[[Any], bool]:
    """A test for whole numbers from ``low`` to ``high``."""

    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return fits


def texts(value: Any) -> bool:
    return is_text(value) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    )


def one_of(*words: str) -> Callable[[Any], bool]:
    """A test for one of some words."""
    return lambda value: value in words


def listed(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_budget(value: Any) -> bool:
    return (is_number(value) and value > 0) or (texts(value) and bool(value))


def is_share_or_file(value: Any) -> bool:
    return is_text(value) or (is_number(value) and 0 < value < 1)


def is_function(value: Any) -> bool:
    return is_text(value) and bool(re.fullmatch(FUNCTION, value))


def is_limit(value: Any) -> bool:
    try:
        return parse_limit("", value) > 0
    except StudyError:
        return False


def is_check(value: Any) -> bool:
    return is_flag(value) or value == "warn"


def anything(_value: Any) -> bool:
    return True


STUDY = {
    "name": Key(say('a text such as "digits"'), is_text, True, TEXT),
    "objective": Key(say('a text such as "min val_loss", or a list of them'), texts, True, TEXTS),
    "epochs": Key(
        say("a whole number from 1 (the full length of a trial)"),
        whole(1, 10**9), True, whole_schema(1, 10**9),
    ),
    "seed": Key(
        say("a whole number from 0"), whole(0, 2**63 - 1), schema=whole_schema(0, 2**63 - 1)
    ),
    "constraints": Key(say('a list of texts such as ["params <= 1e6"]'), listed, schema=LISTED),
}  # fmt: skip
RUN = {
    "command": Key(
        say('a text such as "python train.py --lr {code}", or a list of texts', code="{lr}"),
        texts, schema=TEXTS,
    ),
    "function": Key(
        say('a text of the form "module:function"'), is_function,
        schema={"type": "string", "pattern": f"^{FUNCTION}$"},
    ),
    "metrics": Key(say("a regular expression with named groups, as text"), is_text, schema=TEXT),
    "workers": Key(say("a whole number from 1"), whole(1, 10_000), schema=whole_schema(1, 10_000)),
    "executor": Key(
        say('"auto", "fused", "processes" or "ray"'), one_of("auto", "fused", "processes", "ray"),
        schema={"enum": ["auto", "fused", "processes", "ray"]},
    ),
    "address": Key(say("the address of a Ray cluster's head, as text"), is_text, schema=TEXT),
    "cpus": Key(
        say("a number above 0 (CPUs of a worker of a cluster)"), is_positive, schema=POSITIVE
    ),
    "gpus": Key(
        say("0, a fraction or a whole number (GPUs of a worker of a cluster)"), is_not_negative,
        schema={"type": "number", "minimum": 0},
    ),
    "problem": Key(
        say('a text of the form "module:name" (of a danlu.Problem)'), is_function,
        schema={"type": "string", "pattern": f"^{FUNCTION}$"},
    ),
    "classes": Key(
        say("a whole number from 2 (of a classification)"), whole(2, 10**6),
        schema=whole_schema(2, 10**6),
    ),
    "check": Key(
        say('true, false or "warn"'), is_check,
        schema={"anyOf": [{"type": "boolean"}, {"const": "warn"}]},
    ),
    "budget": Key(
        say('a text such as "20x", "30 trials" or "2h", or a list of them'), is_budget,
        schema={"anyOf": [POSITIVE, *TEXTS["anyOf"]]},
    ),
}  # fmt: skip
LIMIT = Key(
    say('a time such as "10 min", seconds as a number, or "off"'), is_limit,
    schema={"anyOf": [POSITIVE, TEXT]},
)  # fmt: skip
RUN |= {"report_timeout": LIMIT, "trial_timeout": LIMIT}
PLAN = {"strategy": Key(say('a text such as "auto"'), is_text, schema=TEXT)}
TRAIN = {
    "data": Key(say('a text such as "wine.csv" or "module:function"'), is_text, True, TEXT),
    "target": Key(say("the name of a column"), is_text, schema=TEXT),
    "model": Key(
        say('"auto", "mlp", "cnn", "rnn", "text" or "module:builder"'), is_text, schema=TEXT
    ),
    "kind": Key(say('"auto", "classification" or "regression"'), is_text, schema=TEXT),
    "metric": Key(say('a text such as "balanced_accuracy"'), is_text, schema=TEXT),
    "val": Key(say("a share between 0 and 1, or a file"), is_share_or_file, schema=SHARE_OR_FILE),
    "groups": Key(say("the name of a column"), is_text, schema=TEXT),
    "text": Key(say("the name of a column"), is_text, schema=TEXT),
    "drop": Key(say("a list of columns"), listed, schema=LISTED),
    "categorical": Key(say("a list of columns"), listed, schema=LISTED),
    "size": Key(
        say("a whole number from 1 (pixels)"), whole(1, 4096), schema=whole_schema(1, 4096)
    ),
    "min_freq": Key(say("a whole number from 1"), whole(1, 10**6), schema=whole_schema(1, 10**6)),
    "max_len": Key(say("a whole number from 1"), whole(1, 10**6), schema=whole_schema(1, 10**6)),
    "patience": Key(
        say("a whole number from 0 (epochs)"), whole(0, 10**6), schema=whole_schema(0, 10**6)
    ),
    "split": Key(
        say("a whole number from 0 (a seed)"),
        whole(0, 2**63 - 1),
        schema=whole_schema(0, 2**63 - 1),
    ),
    "device": Key(say('a text such as "cpu" or "cuda:0"'), is_text, schema=TEXT),
}
SECTIONS: Mapping[str, Mapping[str, Key]] = {
    "study": STUDY, "space": {}, "plan": PLAN, "run": RUN, "train": TRAIN,
}  # fmt: skip


def check_sections(document: Document) -> None:
    """Note sections that are unknown or no tables."""
    for name in document.data:
        if name not in SECTIONS:
            text = say(
                "this is no section of a study file; those are {sections}.",
                sections=list(SECTIONS),
            )
            document.mistake(
                (str(name),), text + _elsewhere(name) + nearest(str(name), [*SECTIONS])
            )


def table_of(document: Document, section: str) -> dict[str, Any]:
    """A section's table; empty, with a mistake noted, if it is something else."""
    table = document.data.get(section, {})
    if isinstance(table, dict):
        return table
    document.mistake(
        (section,),
        say(
            "a table [{section}] is needed, but got {shown}.", section=section, shown=shown(table)
        ),
    )
    return {}


def checked(document: Document, section: str, *, open_ended: bool = False) -> dict[str, Any]:
    """The section's values that are what they should be; the others are noted as mistakes.

    Args:
        document: The file.
        section: Name of the section.
        open_ended: Whether it may hold further keys.
    """
    keys, table = SECTIONS[section], table_of(document, section)
    if not open_ended:
        for name in table:
            if name not in keys:
                known = say("[{section}] knows {keys}.", section=section, keys=list(keys))
                hint = _elsewhere(name) or nearest(str(name), [*keys])
                document.mistake(
                    (section, str(name)),
                    say("this key is unknown; {known}{hint}", known=known, hint=hint),
                )
    for name, key in keys.items():
        if name not in table and key.needed:
            document.mistake(
                (section,),
                say("{name} is missing: {wanted} is needed.", name=name, wanted=key.wanted),
            )
    return check_values(document, (section,), table, keys)


def check_values(
    document: Document, path: tuple[str, ...], table: Mapping[str, Any], keys: Mapping[str, Key]
) -> dict[str, Any]:
    """The values of known keys that fit; the others are noted as mistakes."""
    good: dict[str, Any] = {}
    for name, key in keys.items():
        if name not in table:
            continue
        if key.fits(table[name]):
            good[name] = table[name]
        else:
            text = say(
                "{wanted} is needed, but got {shown}.", wanted=key.wanted, shown=shown(table[name])
            )
            document.mistake((*path, name), text + _unquoted(name, table[name], key))
    return good


def _unquoted(name: str, value: Any, key: Key) -> str:
    """Advice when a number was given as text."""
    if not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    as_is = int(number) if number.is_integer() and abs(number) < 1e15 else number
    if not math.isfinite(number) or not key.fits(as_is):
        return ""
    return say(" Write it without quotes: {name} = {value}", name=name, value=value.strip())


def _elsewhere(name: Any) -> str:
    homes = [section for section, keys in SECTIONS.items() if name in keys]
    if homes:
        return say(" It belongs in [{homes}].", homes=homes[0])
    like = str(name).replace("_", "")
    if params := [n for n in NAMES if n.replace("_", "") == like]:
        return say(" Write {name} in [space], as a range or as the only value.", name=params[0])
    return ""
