"""What checks are made of: `Check`, and how they say that something is well or not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from danlu.core.codec import encode_number
from danlu.core.finding import Advice, Finding, Severity
from danlu.preflight.problem import Problem

Check: TypeAlias = Callable[[Problem], Iterable[Finding]]
"""Problem → findings. One of severity ``"info"`` says that all is well, with what was measured."""


@dataclass(frozen=True, slots=True)
class Skipped(Exception):  # noqa: N818 - nothing is in error
    """A check that has nothing to look at; ``why`` is a short phrase."""

    why: str


def well(code: str, measured: str, limit: str = "", **evidence: Any) -> Finding:
    """Nothing is wrong."""
    found = {"measured": measured, "limit": limit, **_plain(evidence)}
    return Finding(code, "info", 1.0, measured, found)


def wrong(
    code: str,
    severity: Severity,
    message: str,
    measured: str,
    limit: str = "",
    *advice: Advice,
    confidence: float = 0.9,
    **evidence: Any,
) -> Finding:
    """Something is noteworthy, doubtful or wrong.

    Args:
        code: Of the check.
        severity: Of the finding.
        message: What is seen, what it means and what to change.
        measured: The number, as text.
        limit: What it is held against, as text.
        advice: What to change, as data.
        confidence: From 0 to 1.
        evidence: Further numbers.
    """
    found = {"measured": measured, "limit": limit, **_plain(evidence)}
    return Finding(code, severity, confidence, message, found, advice)


def _plain(value: Any) -> Any:
    """Evidence as plain JSON: no NumPy numbers, nothing that is not finite."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return encode_number(float(value))
    return value


def look_at(why: str, group: str = "data") -> Advice:
    """Advice that a person must look at data or code."""
    return Advice("check", None, None, group, why)
