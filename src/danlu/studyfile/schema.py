"""The JSON schema of study files, for editors; made from the tables that the reader checks by.

It says what a schema can: keys, types and bounds. What depends on several values at once, such as
a default within its range, only the reader tells. With a section [train] all others may be left
out, and nothing else may train.
"""

from collections.abc import Mapping
from typing import Any

from danlu.core.space import NAME
from danlu.studyfile.keys import SECTIONS, Key
from danlu.studyfile.parameters import CHOICES, EITHER, NUMERIC, VALUE

TARGETS = [{"required": ["command"]}, {"required": ["function"]}]
RUN_ALONE = {"oneOf": TARGETS, "not": {"required": ["metrics", "function"]}}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema as plain JSON; TOML and YAML files are checked by it alike."""
    sections = {name: _table(keys) for name, keys in SECTIONS.items()}
    sections["space"] = _space()
    sections["plan"]["additionalProperties"] = True  # the strategy's own keys
    study = sections["study"].pop("required")
    return {
        "$schema": DRAFT,
        "title": "danlu study file",
        **_object(sections, []),
        "if": {"required": ["train"]},
        "then": {"properties": {"run": {"not": {"anyOf": TARGETS}}}},
        "else": {
            "required": ["study", "space", "run"],
            "properties": {"study": {"required": study}, "run": RUN_ALONE},
        },
    }


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _table(keys: Mapping[str, Key]) -> dict[str, Any]:
    needed = [name for name, key in keys.items() if key.needed]
    return _object({name: _described(key) for name, key in keys.items()}, needed)


def _described(key: Key) -> dict[str, Any]:
    return {"description": key.wanted, **key.schema}


def _space() -> dict[str, Any]:
    constant = {"description": "a constant", **VALUE, "type": ["string", "number", "boolean"]}
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"anyOf": [constant, _choice(), _range()]},
    }


def _range() -> dict[str, Any]:
    made = _table({**NUMERIC, **EITHER})
    made["properties"]["type"] = {"enum": ["float", "int"]}
    return {**made, "required": ["low", "high"]}


def _choice() -> dict[str, Any]:
    made = _table({**CHOICES, **EITHER})
    made["properties"]["type"] = {"const": "choice"}
    return {**made, "required": ["choices"]}
