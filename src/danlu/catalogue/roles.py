"""What a parameter is, by its own ``role`` or by its name."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from danlu.core.parameter import Parameter


@cache
def catalogue() -> Mapping[str, Any]:
    """The content of ``catalogue.toml``; to be read only."""
    text = files("danlu.catalogue").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (role, re.compile("|".join(f"(?:{name})" for name in known["names"])))
        for role, known in catalogue()["roles"].items()
        if known["names"]
    )


def role_of(name: str, parameter: Parameter) -> str | None:
    """The parameter's role: its own if that is known, or the first whose pattern fits its name."""
    if parameter.role in catalogue()["roles"]:
        return parameter.role
    low = name.lower()
    return next((role for role, pattern in _patterns() if pattern.search(low)), None)
