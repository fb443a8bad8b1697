"""What is wrong or noteworthy, how sure, on what evidence, and the advice as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to change, as data that a strategy can use.

    Attributes:
        action: ``"stop"`` (this trial), ``"raise"``, ``"lower"``, ``"extend"``, ``"cut"`` …
        parameter: Name or role of the parameter to change, if any.
        amount: By how much: a factor on log scales, else a difference.
    """

    action: str
    parameter: str | None = None
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about a trial, a study, the data or the model.

    Attributes:
        code: Short name of the verdict, such as ``"not_finite"``.
        severity: ``"info"``, ``"warning"`` or ``"error"``.
        confidence: From 0 to 1.
        message: A sentence or two for a colleague: what is seen, what it means, what to try.
        evidence: The epochs and numbers it rests on.
        advice: What to change.
    """

    code: str
    severity: Severity
    confidence: float
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[Advice, ...] = ()
