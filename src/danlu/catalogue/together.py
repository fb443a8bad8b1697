"""Rules about several parameters at once."""

import re
from collections.abc import Iterator
from dataclasses import replace

from danlu.catalogue import thresholds as t
from danlu.catalogue.families import parameter_of
from danlu.catalogue.lines import line_of
from danlu.catalogue.roles import kind_of, known, role_of
from danlu.catalogue.subject import Subject
from danlu.catalogue.verdict import verdict
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice, Int, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import NAME

NUMBERED = re.compile(r"(.*?)_?(\d+)$")


def conditions(subject: Subject) -> Iterator[Finding]:
    """Parameters that mean nothing for some values of another, and exist all the same."""
    for name in subject.space.free:
        role = subject.roles.get(name)
        for parent_role, wanted in (known(role).when if role else {}).items():
            for parent, p in subject.having(parent_role):
                if isinstance(p, Choice):
                    yield from _condition(subject, name, parent, p, wanted)


def _condition(
    subject: Subject, name: str, parent: str, p: Choice, wanted: tuple[str, ...]
) -> Iterator[Finding]:
    met = subject.space[name].when.get(parent, p.values)
    useful = tuple(value for value in p.values if _means(value, wanted) is not False)
    useless = [value for value in met if _means(value, wanted) is False]
    if not useful:
        yield from verdict(
            "never_used", "warning", name,
            say(
                "it means something only with {wanted}, which {parent} never is: drop it.",
                wanted=' or '.join(wanted), parent=parent,
            ),
            Advice("freeze", name), needs=list(wanted),
        )  # fmt: skip
    elif useless:
        better = _with_condition(subject.space[name], parent, useful)
        listed = ", ".join(str(value) for value in useless)
        yield from verdict(
            "condition_missing", "warning", name,
            say(
                "it means nothing with {parent} = {listed}, where the search would still tune it.",
                parent=parent, listed=listed,
            ),
            Advice("check", name), better=better, parent=parent,
        )  # fmt: skip


def _means(value: Value, wanted: tuple[str, ...]) -> bool | None:
    """Whether a value of the parent is one of those wanted; None if the value is not known."""
    if not isinstance(value, str):
        return None
    if value.lower() in wanted:
        return True
    kind = kind_of(value)
    return None if kind is None and not _is_schedule(value) else kind in wanted


def _is_schedule(value: str) -> bool:
    return value.lower() in known("lr schedule").choices


def _with_condition(p: Parameter, parent: str, values: tuple[Value, ...]) -> Parameter:
    when = {**p.when, parent: values}
    if isinstance(p, Choice):
        return Choice(*p.values, default=p.default, when=when, role=p.role)
    return replace(p, when=when)


def numbered(subject: Subject) -> Iterator[Finding]:
    """``units_3`` that exists with one layer."""
    depths = [
        (name, p)
        for name, p in subject.having("layers")
        if isinstance(p, Int) and not p.constant and p.high <= t.DEEPEST
    ]
    for name in subject.space.free:
        match, p = NUMBERED.fullmatch(name), subject.space[name]
        if match is None or subject.roles.get(name) not in ("width", "dropout"):
            continue
        for depth, layers in depths:
            index = int(match[2])
            if depth not in p.when and layers.low < index <= layers.high and index > 1:
                deep_enough = tuple(range(index, layers.high + 1))
                yield from verdict(
                    "condition_missing", "warning", name,
                    say(
                        "with fewer than {index} {depth} it means nothing, where the search "
                        "would still tune it.",
                        index=index, depth=depth,
                    ),
                    Advice("check", name), better=_with_condition(p, depth, deep_enough),
                    parent=depth,
                )  # fmt: skip


def shared_rate(subject: Subject) -> Iterator[Finding]:
    """One learning rate for optimizers that want different ones."""
    for name, p in subject.having("lr"):
        kinds = [kind for kind in subject.kinds(name) if kind is not None]
        if p.constant or isinstance(p, Choice) or len(kinds) < 2:
            continue
        usual = {kind: known("lr", kind).default for kind in kinds}
        listed = ", ".join(f"{kind} {value:g}" for kind, value in usual.items())
        yield from verdict(
            "shared_rate", "info", name,
            say(
                "each optimizer wants its own (usual: {listed}), in place of one for all.",
                listed=listed,
            ),
            Advice("check", name, why="one for each optimizer"), usual=usual,
            line=_own_rates(subject, name),
        )  # fmt: skip


def _own_rates(subject: Subject, name: str) -> str:
    """A learning rate for each optimizer with which ``name`` exists, a line for each."""
    optimizer, p = next((n, p) for n, p in subject.having("optimizer") if isinstance(p, Choice))
    lines = []
    for value in subject.space[name].when.get(optimizer, p.values):
        kind = kind_of(value) if isinstance(value, str) else None
        own, when = f"{name}_{value}", {optimizer: (value,)}
        rate = replace(known("lr", kind), limits=None)
        made = replace(parameter_of(rate, when), role=None)
        if NAME.fullmatch(own):
            named = role_of(own, made) == "lr"
            lines.append(line_of(own, made if named else replace(made, role="lr")))
    return "\n".join(lines)


def counted_twice(subject: Subject) -> Iterator[Finding]:
    """Class weights beside balanced batches or oversampling."""
    for name, p in subject.having("class weights"):
        for role in ("balanced batches", "oversample"):
            for other, q in subject.having(role):
                if _may_be_on(p) and _may_be_on(q) and other not in p.when and name not in q.when:
                    yield from verdict(
                        "counted_twice", "warning", name,
                        say(
                            "together with {other} rare classes count twice: let one exclude the "
                            "other.",
                            other=other,
                        ),
                        Advice("check", name), other=other,
                    )  # fmt: skip


def _may_be_on(p: Parameter) -> bool:
    if isinstance(p, Choice):
        return any(v not in (False, None, 0, "none", "off") for v in p.values)
    return p.high > 0


def follows_validation(subject: Subject) -> Iterator[Finding]:
    """Schedules that depend on how the validation loss goes."""
    for name, p in subject.having("lr schedule"):
        if isinstance(p, Choice) and not p.constant and "plateau" in p.values:
            yield from verdict(
                "plateau_schedule", "info", name,
                say(
                    "a rate that follows the validation loss cannot be compared between short "
                    "and long trainings; cosine or linear can."
                ),
                Advice("drop choice", name, "plateau"),
            )  # fmt: skip


RULES = (conditions, numbered, shared_rate, counted_twice, follows_validation)
