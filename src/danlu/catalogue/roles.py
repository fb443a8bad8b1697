"""What a parameter is, by its own ``role`` or by its name, and what is known of each role."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

from danlu.core.parameter import Float, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Space

Kind: TypeAlias = Literal["float", "int", "choice", "flag"]
TREES = frozenset({"rounds", "tree depth", "booster"})  # roles that tell boosted trees
# How roles are found, not what they are.
NOT_KNOWLEDGE = ("names", "complement", "optimizers", "with_trees")
OTHER = "other"  # the role of which nothing is known


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
    """The parameter's role: its own if that is known, or the first whose pattern fits its name.

    Names are compared as lower-case words with underscores: ``learningRate``, ``--learning-rate``
    and ``learning_rate`` are one. Of a name with dots or slashes the last part speaks alone if the
    whole tells nothing. What has to be below one but reaches it on a log scale is meant as the
    rest to one: ``opt_momentum`` from 0.001 to 1.
    """
    if parameter.role in catalogue()["roles"]:
        return parameter.role
    role = _role_of_name(name)
    if role is not None and _reaches_one(parameter):
        return str(catalogue()["roles"][role].get("complement", role))
    return role


def _reaches_one(p: Parameter) -> bool:
    """Whether its range is a decade or more of a log scale that ends at one."""
    return isinstance(p, Float) and bool(p.log) and p.low <= 0.1 and p.high >= 1.0


def roles_of(space: Space) -> dict[str, str]:
    """Name → role of every parameter that has one, constants too.

    Some names mean something of boosted trees only: where nothing else tells of trees, alpha and
    gamma are not known.
    """
    found = {name: role_of(name, p) for name, p in space.parameters.items()}
    trees = bool(TREES & set(found.values()))
    return {
        name: role
        for name, role in found.items()
        if role is not None and role != OTHER and (trees or not _with_trees(space[name], role))
    }


def _with_trees(parameter: Parameter, role: str) -> bool:
    """Whether the name alone has told a role that makes sense beside trees only."""
    return parameter.role != role and bool(catalogue()["roles"][role].get("with_trees"))


@cache
def _role_of_name(name: str) -> str | None:
    fits = (_fitting(words(part)) for part in (name, re.split(r"[./]", name)[-1]))
    return next(filter(None, fits), None)


def _fitting(plain: str) -> str | None:
    return next((role for role, pattern in _patterns() if pattern.search(plain)), None)


def words(name: str) -> str:
    """A name as lower-case words with underscores between them."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[\W_]+", "_", apart).strip("_").lower()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a role, perhaps with one kind of optimizer; None and empty where nothing.

    Attributes:
        role: Its name.
        about: What it is, in a few words.
        type: ``"float"``, ``"int"``, ``"choice"`` or ``"flag"``.
        default: What to train with when nothing else is known.
        range: Lowest and highest value of the coarse search.
        choices: The values of the coarse search.
        scale: ``"linear"``, ``"log"``, or ``"one minus"``: 1 − x is logarithmic.
        limits: To where a search may move a range whose edge is best.
        valid: What is possible at all: bounds by ``above``, ``from``, ``below``, ``to``.
        order: Rank of importance, 1 first, until it is measured.
        when: Role of another parameter → the values with which this one means anything; for the
            optimizer its kinds.
        searched: Whether it is tuned at all.
        note: What else to know.
        source: Where that is from.
    """

    role: str
    about: str = ""
    type: Kind = "float"
    default: Value = None
    range: tuple[float, float] | None = None
    choices: tuple[Value, ...] = ()
    scale: str = "linear"
    limits: tuple[float, float] | None = None
    valid: Mapping[str, float] = field(default_factory=dict)
    order: int = 99
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    searched: bool = True
    note: str = ""
    source: str = ""


@cache
def known(role: str, kind: str | None = None) -> Known:
    """What is known of a role, with a kind of optimizer if that makes a difference."""
    table = catalogue()["roles"][role]
    return known_by({**table, **table.get("optimizers", {}).get(kind, {}), "role": role})


def known_by(table: Mapping[str, Any]) -> Known:
    """A table of the catalogue's keys as `Known`."""
    fields = {key: value for key, value in table.items() if key not in NOT_KNOWLEDGE}
    for key in ("range", "limits", "choices"):
        if key in fields:
            fields[key] = tuple(fields[key])
    for key in ("about", "note"):
        if key in fields:
            fields[key] = say(fields[key])
    when = fields.get("when", {})
    fields["when"] = {r: (v,) if isinstance(v, str) else tuple(v) for r, v in when.items()}
    return Known(**fields)


@cache
def kind_of(optimizer: str) -> str | None:
    """The kind of an optimizer: ``"AdamW"`` is of kind ``"adam"``; None if it is not known."""
    low = optimizer.lower()
    return next((kind for kind, names in catalogue()["optimizers"].items() if low in names), None)
