"""Findings of the linter in one form: the parameter, the advice, and the line to paste."""

from collections.abc import Iterator
from typing import Any

from danlu.catalogue.lines import line_of
from danlu.core.finding import Advice, Finding, Severity
from danlu.core.parameter import Parameter
from danlu.core.sentence import say

SURE, LIKELY, HINT = 0.95, 0.8, 0.6  # how often a practitioner would agree: ours, to be measured


def verdict(
    code: str,
    severity: Severity,
    name: str,
    message: str,
    *advice: Advice,
    better: Parameter | None = None,
    **evidence: Any,
) -> Iterator[Finding]:
    """One finding about the parameter ``name``, which would better be ``better``.

    Without a name it is about the whole space.
    """
    confidence = {"error": SURE, "warning": LIKELY, "info": HINT}[severity]
    known = {"parameter": name, **evidence} if name else evidence
    text = say("{name}: {message}", name=name, message=message) if name else message
    if better is not None:
        known["line"] = line_of(name, better)
    yield Finding(code, severity, confidence, text, known, advice)
