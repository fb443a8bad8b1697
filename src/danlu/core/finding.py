"""What is wrong or noteworthy, how sure, on what evidence, and the advice as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from danlu.core.sentence import say

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

    @property
    def about(self) -> tuple[str, str, str]:
        """What a later finding replaces: its code, and of what it speaks."""
        side = self.evidence.get("side", self.evidence.get("problem", ""))
        return self.code, str(self.evidence.get("parameter", "")), str(side)


SETTLED = "settled"
"""Key of the evidence that marks a finding as no longer true."""


def settled(finding: Finding) -> Finding:
    """That a finding holds no longer."""
    kept = {k: v for k, v in finding.evidence.items() if k in ("parameter", "side", "problem")}
    of = say(" of {parameter}", parameter=kept["parameter"]) if "parameter" in kept else ""
    message = say("No longer so: {code}{of}.", code=finding.code.replace("_", " "), of=of)
    return Finding(finding.code, "info", 1.0, message, {**kept, SETTLED: True})


def standing(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that still hold: the last on each matter, without those that were settled."""
    last: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        last.pop(finding.about, None)
        last[finding.about] = finding
    return [f for f in last.values() if not f.evidence.get(SETTLED)]
