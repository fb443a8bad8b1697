"""A study's verdict, stages, log-book and findings as plain JSON values for the report page."""

from typing import Any

from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import encode_sentences
from danlu.reporting.logbook import stages
from danlu.reporting.text import format_number
from danlu.reporting.verdict import gravest, verdict_of


def why_data(history: History) -> dict[str, Any] | None:
    """What the page says of what was done, found and concluded; None before anything was."""
    if not history.trials:
        return None
    verdict = verdict_of(history)
    data = {
        "verdict": {
            "trial": verdict.trial,
            "use": verdict.use,
            "sure": list(verdict.sure),
            "next": list(verdict.next),
            "chance": verdict.chance,
        },
        "stages": [
            [s.name, s.trials, format_number(s.trainings, 3), s.done] for s in stages(history)
        ],
        "logbook": [
            {"code": e.code, "stage": e.stage, "seen": e.seen, "done": e.done, "why": e.why,
             "trial": _trial(e)}
            for e in history.logbook
        ],
        "findings": [finding_data(f) for f in gravest(history.findings)],
    }  # fmt: skip
    told: dict[str, Any] = encode_sentences(data)
    return told


def finding_data(finding: Finding) -> dict[str, Any]:
    """A finding for the page."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": encode_sentences(finding.message),
        "confidence": round(finding.confidence, 2),
        "about": " ".join(filter(None, finding.about)),
    }


def _trial(entry: Entry) -> int | None:
    """The one trial that an entry is about."""
    number = entry.data.get("trial")
    return number if isinstance(number, int) else None
