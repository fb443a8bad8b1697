"""A config as something to copy: TOML, a Python dict, a command line."""

import math
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from danlu.core.command import Command
from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.spec import Spec

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


def as_command(spec: Spec, trial: TrialRecord) -> str:
    """The command that trains a trial's config in full on all data, quoted for a POSIX shell."""
    job = Job(spec.name, trial.number, trial.config, trial.seed, spec.epochs, spec.epochs, Path())
    return shlex.join(Command(spec.command).arguments(job))
