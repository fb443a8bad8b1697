"""A config as something to copy: TOML, a Python dict, a command line."""

import math
import re
import shlex
import string
from collections.abc import Mapping, Sequence

from danlu.core.parameter import Value

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(config: Mapping[str, Value]) -> str:
    """The config as lines of TOML; a value of none becomes a comment, since TOML has no word."""
    lines = [
        f"# {_key(name)} has no value" if value is None else f"{_key(name)} = {_toml(value)}"
        for name, value in config.items()
    ]
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escape(c) for c in escaped) + '"'


def _escape(char: str) -> str:
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def _toml(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _quoted(value) if isinstance(value, str) else repr(value)


def as_python(config: Mapping[str, Value]) -> str:
    """The config as a Python dict, one line for each parameter."""
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in config.items())
    return "{\n" + lines + "}"


def as_command(template: Sequence[str], config: Mapping[str, Value]) -> str:
    """The command line of a config, quoted for a POSIX shell.

    A word whose parameter is not active is left out, with the option that stands before it.

    Args:
        template: The command's words with ``{name}`` where values go.
        config: Name → value; further names such as ``seed`` may be added.
    """
    words: list[str] = []
    for word in template:
        if all(name in config for _, name in _pieces(word) if name is not None):
            words.append("".join(head + _word(config, name) for head, name in _pieces(word)))
        elif word.startswith("{") and words and words[-1].startswith("-"):
            words.pop()
    return shlex.join(words)


def _pieces(word: str) -> list[tuple[str, str | None]]:
    """Literal text and the name in braces after it; doubled braces stand for themselves."""
    return [(head, name) for head, name, _, _ in string.Formatter().parse(word)]


def _word(config: Mapping[str, Value], name: str | None) -> str:
    value = None if name is None else config[name]
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
