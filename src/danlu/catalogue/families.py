"""Ready spaces for families of models, with the names that the training kit takes."""

from collections.abc import Mapping
from typing import Any

from danlu.catalogue.roles import Known, catalogue, kind_of, known, known_by, role_of
from danlu.core.parameter import Choice, Condition, Float, Int, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Space, nearest
from danlu.errors import SpaceError

OWN_FOR_EACH = "lr"  # a learning rate says nothing of another optimizer's


def space(family: str, /, **overrides: Any) -> Space:
    """A space that experts would begin with.

    With several optimizers each has a learning rate of its own: ``lr_adamw`` exists only with
    ``adamw``. With one it is ``lr``; an ``lr`` given here is shared by all of them. What needs
    another optimizer, such as ``momentum``, is left out.

    Example:
        >>> list(space("rnn", cell="lstm", units=Int(32, 128, log=True)))[:3]
        ['schedule', 'optimizer', 'lr']

    Args:
        family: ``"mlp"``, ``"cnn"``, ``"rnn"``, ``"text"`` or ``"finetune"`` (a pretrained
            transformer).
        overrides: Parameters, or plain values for constants, in place of those of the family
            or in addition to them.

    Raises:
        SpaceError: If there is no such family, or the parameters do not make a space.
    """
    families = catalogue()["families"]
    if family not in families:
        hint = nearest(str(family), [*families])
        raise SpaceError(say(
            "there is no family {family}: known are {families}.{hint}",
            family=repr(family), families=list(families), hint=hint,
        ))  # fmt: skip
    made: dict[str, Any] = {}
    names = families[family]["parameters"]
    optimizers = _optimizers(names["optimizer"], overrides)
    for name, differs in names.items():
        if name in overrides:
            made[name] = overrides[name]
        elif not isinstance(differs, dict):
            made[name] = differs
        elif name == OWN_FOR_EACH:
            made |= _for_each(name, differs, optimizers)
        elif (p := _one(name, differs, made, optimizers)) is not None:
            made[name] = p
    return Space({**made, **overrides})


def _optimizers(differs: Mapping[str, Any], overrides: Mapping[str, Any]) -> tuple[Value, ...]:
    """The optimizers of the space that is made."""
    given = overrides.get("optimizer")
    if given is None:
        return known_by({**catalogue()["roles"]["optimizer"], **differs, "role": ""}).choices
    p = _parameter(given)
    if not isinstance(p, Choice):
        raise SpaceError(say("optimizer: the name of one or a choice of several is needed."))
    return p.values


def _for_each(
    name: str, differs: Mapping[str, Any], optimizers: tuple[Value, ...]
) -> dict[str, Parameter]:
    """The parameter once for each optimizer, under that condition; a single one needs none."""
    one = len(optimizers) == 1
    return {
        name if one else f"{name}_{optimizer}": parameter_of(
            _known(name, differs, kind_of(str(optimizer))),
            {} if one else {"optimizer": (optimizer,)},
        )
        for optimizer in optimizers
    }


def _one(
    name: str, differs: Mapping[str, Any], made: Mapping[str, Any], optimizers: tuple[Value, ...]
) -> Parameter | None:
    """The parameter under its condition; None if that can never hold."""
    found = _known(name, differs, None)
    wanted: dict[str, list[Value]] = dict(differs.get("when", {}))
    if kinds := known(found.role).when.get("optimizer"):
        wanted["optimizer"] = [o for o in optimizers if kind_of(str(o)) in kinds]
    when: dict[str, tuple[Value, ...]] = {}
    for parent, values in wanted.items():
        p = _parameter(made[parent])
        possible = tuple(value for value in values if not p.problem(value))
        if not possible:
            return None
        if not p.constant:
            when[parent] = possible
    return parameter_of(found, when)


def _parameter(given: Any) -> Parameter:
    return Space(given=given)["given"]


def _known(name: str, differs: Mapping[str, Any], kind: str | None) -> Known:
    """What a family knows of a parameter: what holds for its role, then what differs."""
    role = role_of(name, Choice(True))
    assert role is not None, f"the catalogue has no role for {name!r}"
    table = catalogue()["roles"][role]
    own = {key: value for key, value in differs.items() if key != "when"}
    with_kind = (part.get("optimizers", {}).get(kind, {}) for part in (table, own))
    return known_by({**table, **next(with_kind), **own, **next(with_kind), "role": role})


def parameter_of(found: Known, when: Condition) -> Parameter:
    """The parameter to search with what is known of it."""
    if found.type == "flag":
        return Choice(False, True, default=found.default, when=when, role=found.role)
    if found.type == "choice":
        default = found.default if found.default in found.choices else found.choices[0]
        return Choice(*found.choices, default=default, when=when, role=found.role)
    assert found.range is not None, f"the catalogue has no range for {found.role!r}"
    low, high = found.range
    around = _around(low, high, found.limits)
    fields: Any = (low, high, found.scale == "log", found.default, when, around, found.role)
    return Int(*fields) if found.type == "int" else Float(*fields)


def _around(
    low: float, high: float, limits: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Limits that a range keeps to, opened where it goes further."""
    return None if limits is None else (min(low, limits[0]), max(high, limits[1]))
