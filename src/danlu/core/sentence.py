"""Sentences for people: English text that remembers what it was made of.

`say` makes a `Sentence` from a template and values. It is its English text wherever text is
wanted; a catalogue that has the template renders it in another language from the same values
(`danlu.reporting.language`). The templates themselves are the keys of the catalogues.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

Part: TypeAlias = "str | tuple[str, ...]"

JOINED = "{a}{b}"  # template of a sentence that was put together with ``+``
SAY, WITH = "say", "with"  # keys of a sentence as JSON
FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


class Sentence(str):
    """English text, and the template and values that it was made of.

    Attributes:
        template: The text with ``{name}`` for each value.
        values: Each value as text; a tuple is a list of things. What is a sentence itself is
            rendered in the other language too.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Part]

    def __new__(cls, template: str, values: Mapping[str, Part]) -> "Sentence":
        made = super().__new__(cls, filled(template, values, ", "))
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentence, (self.template, self.values)

    def __add__(self, other: str) -> "Sentence":
        return Sentence(JOINED, {"a": self, "b": other})

    def __radd__(self, other: str) -> "Sentence":
        return Sentence(JOINED, {"a": other, "b": self})


def say(template: str, /, **values: object) -> str:
    """A `Sentence` from a template, whose fields may carry formats as of `str.format`.

    Args:
        template: English, a literal: ``"{count} of {share:.0%}"``.
        values: What the fields hold; a list or tuple is told item by item.
    """
    name, formats = _parsed(template)
    return Sentence(name, {key: _part(values[key], formats[key]) for key in formats})


def listed(items: Iterable[str]) -> str:
    """Things one after the other: ``a, b, c``."""
    return say("{items}", items=tuple(items))


@lru_cache(maxsize=2048)
def _parsed(template: str) -> tuple[str, dict[str, str]]:
    """The template without formats, and the format of each field."""
    formats = {found[1]: found[2] or "" for found in FIELD.finditer(template)}
    return FIELD.sub(r"{\1}", template), formats


def _part(value: object, spec: str) -> Part:
    if isinstance(value, list | tuple):
        return tuple(item if isinstance(item, Sentence) else format(item, spec) for item in value)
    return value if isinstance(value, Sentence) else format(value, spec)


def filled(template: str, values: Mapping[str, Part], comma: str) -> str:
    """A template with its values; ``comma`` stands between things of a list."""

    def text(found: re.Match[str]) -> str:
        part = values.get(found[1], found[0])
        return part if isinstance(part, str) else comma.join(part)

    return FIELD.sub(text, template)


# ---- as JSON


def encode_sentences(value: Any) -> Any:
    """JSON values with each sentence as a table of template and values."""
    if isinstance(value, Sentence):
        return {SAY: value.template, WITH: encode_sentences(dict(value.values))}
    if isinstance(value, Mapping):
        return {key: encode_sentences(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [encode_sentences(inner) for inner in value]
    return value


def decode_sentences(value: Any) -> Any:
    """What `encode_sentences` gave; text that an older version wrote stays plain text."""
    if isinstance(value, Mapping):
        inner = {key: decode_sentences(v) for key, v in value.items()}
        if inner.keys() == {SAY, WITH} and isinstance(inner[WITH], dict):
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in inner[WITH].items()}
            return Sentence(str(inner[SAY]), values)
        return inner
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [decode_sentences(inner) for inner in value]
    return value
