"""Values to plain JSON and back: parameters, spaces, and floats that JSON has no word for."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode_number(value: float) -> float | str:
    """A float as JSON takes it: NaN and the infinities become words."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def decode_number(value: float | str) -> float:
    return NOT_FINITE[value] if isinstance(value, str) else float(value)


def encode_parameter(p: Parameter) -> dict[str, Any]:
    """A parameter as a table with ``type`` and the fields that it has."""
    if isinstance(p, Choice):
        table: dict[str, Any] = {"type": "choice", "choices": list(p.values)}
        names = ["default", "role"]
    else:
        table = {"type": type(p).__name__.lower()}
        names = [f.name for f in fields(p) if f.name != "when"]
    table |= {n: v for n in names if (v := getattr(p, n)) is not None}
    if p.when:
        table["when"] = {name: list(values) for name, values in p.when.items()}
    if "limits" in table:
        table["limits"] = list(table["limits"])
    return table


def decode_parameter(table: Mapping[str, Any]) -> Parameter:
    rest = dict(table)
    kind = rest.pop("type")
    if kind == "choice":
        return Choice(*rest.pop("choices"), **rest)
    if "limits" in rest:
        rest["limits"] = tuple(rest["limits"])
    return (Int if kind == "int" else Float)(**rest)


def encode_space(space: Space) -> dict[str, Any]:
    return {name: encode_parameter(p) for name, p in space.parameters.items()}


def decode_space(table: Mapping[str, Any]) -> Space:
    return Space({name: decode_parameter(p) for name, p in table.items()})
