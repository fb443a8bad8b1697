"""Findings put into words and plain numbers."""

from collections.abc import Sequence
from typing import Any

from danlu.core.codec import encode_number
from danlu.core.finding import Advice, Finding, Severity
from danlu.diagnosis.confidence import confidence
from danlu.diagnosis.features import Features


def finding(
    code: str,
    severity: Severity,
    sure: float,
    message: str,
    advice: Sequence[Advice] = (),
    **evidence: Any,
) -> Finding:
    """A finding whose evidence is plain JSON with four significant digits."""
    numbers = {name: plain(value) for name, value in evidence.items()}
    return Finding(code, severity, round(sure, 3), message, numbers, tuple(advice))


def verdict(
    at: Features,
    code: str,
    rule: str,
    message: str,
    advice: Sequence[Advice] = (),
    *,
    severity: Severity = "warning",
    **evidence: Any,
) -> Finding:
    """A finding by one rule of a verdict: less sure while the curves are short."""
    sure, known = confidence(code, rule) * at.certainty, {"epochs": at.trial.epoch, "rule": rule}
    return finding(code, severity, sure, message, advice, **known, **evidence)


def plain(value: Any) -> Any:
    """A number with four significant digits, and no JSON that some readers refuse."""
    if isinstance(value, float):
        return encode_number(float(f"{value:.4g}"))
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def percent(share: float) -> str:
    """A share as a person says it: ``97 %``, ``99.6 %``, ``0.4 %``."""
    digits = 1 if not 0.02 <= share <= 0.98 and round(100 * share) != round(100 * share, 1) else 0
    return f"{100 * share:.{digits}f} %"
