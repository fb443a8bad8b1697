"""What an experienced practitioner expects of each parameter, by its role.

The search's own numbers lie in ``experts.json`` beside this file; roles are found by
`danlu.catalogue`. Defaults that the user gave win over the experts'.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from danlu.catalogue.roles import roles_of
from danlu.core.parameter import Choice, Float, Int, Parameter, Value
from danlu.core.space import Space

TWO_DECADES = 100.0
USER_SPREAD = 0.25  # of the range: how far from a user's default good values are expected


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of one parameter.

    Attributes:
        default: A value to try first; None if nothing is known.
        usual: What experts would try, where the default is the user's own.
        spread: How far good values lie from it, in ``decades`` or as a share of the range.
        decades: Whether ``spread`` counts decades, if the scale is logarithmic.
        ell: Lengthscale relative to the other parameters'.
        scale: ``"linear"``, ``"log"`` or ``"one minus"``: the scale to search on.
    """

    default: Value = None
    usual: Value = None
    spread: float = USER_SPREAD
    decades: bool = False
    ell: float = 1.0
    scale: str = "linear"


@cache
def _roles() -> Mapping[str, Mapping[str, Any]]:
    text = files("danlu.strategies").joinpath("experts.json").read_text(encoding="utf-8")
    roles: Mapping[str, Mapping[str, Any]] = json.loads(text)["roles"]
    return roles


def expectations(space: Space) -> dict[str, Expectation]:
    """What is expected of every free parameter of a space."""
    roles = roles_of(space)
    present = frozenset(roles[name] for name in space.free if name in roles)
    return {name: _expect(space[name], roles.get(name), present) for name in space.free}


def _expect(p: Parameter, role: str | None, present: frozenset[str]) -> Expectation:
    known = _roles().get(role, {}) if role else {}
    ell = known.get("ell", 1.0)
    if isinstance(p, Choice):
        default = _choice_default(p, known, present)
        return Expectation(default, None, USER_SPREAD, True, ell)
    usual = _number_default(p, known, present)
    default = usual if p.default is None else p.default
    spread = known.get("spread", USER_SPREAD)
    return Expectation(default, usual, spread, bool(known), ell, _scale(p, known))


def _number(known: Mapping[str, Any], present: frozenset[str]) -> float | None:
    """The role's usual value in a space that has the roles ``present``."""
    special = [v for role, v in known.get("with", {}).items() if role in present]
    return special[0] if special else known.get("default")


def _number_default(
    p: Float | Int, known: Mapping[str, Any], present: frozenset[str]
) -> float | int | None:
    """The role's usual value if it lies well inside the range.

    A range that excludes it, or whole numbers where fractions are usual, mean that the parameter
    is counted in other units than the role's.
    """
    usual = _number(known, present)
    if usual is None or not p.low < usual < p.high or (isinstance(p, Int) and usual < 1):
        return None
    return round(usual) if isinstance(p, Int) else float(usual)


def _choice_default(p: Choice, known: Mapping[str, Any], present: frozenset[str]) -> Value:
    if p.default is not None:
        return p.default
    for wanted in known.get("choices", ()):
        for value in p.values:
            if isinstance(value, str) and value.lower() == wanted:
                return value
    usual = _number(known, present)
    numbers = [v for v in p.values if isinstance(v, int | float) and not isinstance(v, bool)]
    if usual is None or len(numbers) < len(p.values) or not min(numbers) <= usual <= max(numbers):
        return None
    return min(numbers, key=lambda v: abs(v - usual))


def _scale(p: Float | Int, known: Mapping[str, Any]) -> str:
    """The declared scale, or the role's where the declared linear one would waste the range."""
    if p.log:
        return "log"
    scale = known.get("scale")
    if scale == "one minus" and isinstance(p, Float) and p.low >= 0 and p.high < 1:
        return "one minus"
    if scale == "log" and isinstance(p, Float) and p.low > 0 and p.high / p.low > TWO_DECADES:
        return "log"
    return "linear"


def unit_spread(expected: Expectation, length: float) -> float:
    """The spread as a share of an axis that is ``length`` long on its own scale."""
    if expected.decades and expected.scale != "linear":
        return expected.spread * math.log(10.0) / length
    return expected.spread
