"""What is wrong or noteworthy, how sure, on what evidence, and the advice as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change, as data that a strategy can use.

    Attributes:
        action: ``"stop"`` (this trial); for its value ``"multiply"``, ``"add"``, ``"set"``; for
            its range in the next stage ``"raise low"``, ``"lower high"``, ``"raise high"``,
            ``"lower low"``, ``"add choice"``, ``"drop choice"``; ``"freeze"``; ``"enable"``;
            ``"check"`` (a person must look at data or code).
        parameter: Name or role of the parameter to change, if any.
        amount: By how much, or what to set: a factor for ``"multiply"``, a difference for
            ``"add"``, else a value or bound of the parameter.
        group: ``"optimisation"``, ``"capacity"``, ``"regularisation"``, ``"data"``, ``"budget"``
            or ``"code"``: what kind of change it is.
        why: The reason in a few words, where the finding's message does not say it.
    """

    action: str
    parameter: str | None = None
    amount: float | int | str | bool | None = None
    group: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about a trial, a study, the data or the model.

    Attributes:
        code: Short name of the verdict, such as ``"not_finite"``.
        severity: ``"info"``, ``"warning"`` or ``"error"``.
        confidence: From 0 to 1.
        message: A sentence or two for a colleague: what is seen, what it means, what to try.
        evidence: The epochs and numbers it rests on.
        advice: What to change, first moves first.
        epoch: The epoch up to which a trial was judged: it holds until the trial is judged
            again. None for what holds for good.
    """

    code: str
    severity: Severity
    confidence: float
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()
    epoch: int | None = None
