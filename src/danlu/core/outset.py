"""What a person sets out, as a spec: reading objectives and constraints, comparing two specs."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from danlu.core.sentence import say
from danlu.core.spec import Constraint, Objective, Spec
from danlu.errors import StudyError, joined

FILES = ("data", "val", "model")  # settings of training that may name files

log = logging.getLogger("danlu")


def read_objectives(given: str | Objective | Sequence[str | Objective]) -> list[Objective]:
    """Objectives as objects, at least one.

    Raises:
        StudyError: If there is none, or one cannot be read.
    """
    found = []
    for one in [given] if isinstance(given, str | Objective) else given:
        objective = Objective.parse(one) if isinstance(one, str) else one
        if isinstance(one, str) and objective.inferred:
            log.warning("Objective: %s. The direction follows from the name.", objective)
        found.append(objective)
    if not found:
        raise StudyError(
            say('an objective is needed, such as "min val_loss", but got an empty list.')
        )
    return found


def read_constraints(given: Sequence[str | Constraint]) -> tuple[Constraint, ...]:
    """Constraints as objects.

    Raises:
        StudyError: If it is a lone text, or one cannot be read.
    """
    if isinstance(given, str):
        raise StudyError(
            say("constraints must be a list of texts, but got {given} alone.", given=repr(given))
        )
    return tuple(Constraint.parse(c) if isinstance(c, str) else c for c in given)


def differences(old: Spec, new: Spec) -> list[str]:
    """What makes two specs of one name different studies."""
    changes = []
    if dict(old.space.parameters) != dict(new.space.parameters):
        changed = [
            name
            for name in dict.fromkeys([*old.space, *new.space])
            if old.space.parameters.get(name) != new.space.parameters.get(name)
        ]
        changes.append(say("its space differs in {changed}", changed=list(changed)))
    aims = [", ".join(map(str, spec.objectives)) for spec in (old, new)]
    if aims[0] != aims[1]:
        changes.append(say("its objective is {aims}, not {now}", aims=aims[0], now=aims[1]))
    limits = [", ".join(map(str, spec.constraints)) or "none" for spec in (old, new)]
    if limits[0] != limits[1]:
        changes.append(
            say("its constraints are {limits}, not {now}", limits=limits[0], now=limits[1])
        )
    if old.epochs != new.epochs:
        changes.append(
            say(
                "its trials have {epochs} epochs, not {now}",
                epochs=old.epochs,
                now=new.epochs,
            )
        )
    before, now = (_same_data(spec.training) for spec in (old, new))
    if differ := [n for n in {**before, **now} if before.get(n) != now.get(n)]:
        changes.append(say("its [train] differs in {differ}", differ=list(differ)))
    return changes


def other_study(name: str, changes: Sequence[str]) -> StudyError:
    """The refusal to go on with a study that is another one (`differences`)."""
    return StudyError(say(
        "study '{name}' is there already, but {changes}. Use another name, or remove it first "
        "with: danlu rm {quoted}",
        name=name, changes=joined(changes, "; "), quoted=shlex.quote(name),
    ))  # fmt: skip


def _same_data(training: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of training without what may change: the device, and the folders of files."""
    files = {n: str(training[n]).rpartition("/")[2] for n in FILES if n in training}
    return {n: v for n, v in {**training, **files}.items() if n != "device"}
