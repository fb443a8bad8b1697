"""How sure the verdicts are, and how often they are right: the table of confidences is made here.

A verdict is right if it names the run's fault; on a healthy twin it is wrong.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from danlu.core.finding import Finding
from danlu.diagnosis import confidence
from faults.case import Case
from faults.injections import FAULTS, HEALTHY
from faults.scoring import BENIGN

BINS = (0.0, 0.5, 0.7, 0.85, 1.0)
CAUSES = {code for fault in FAULTS.values() for code in fault.expected} - BENIGN


@dataclass(frozen=True)
class Said:
    """One verdict on one run.

    Attributes:
        sure: Its confidence.
        guess: The confidence that the specification guessed for it.
    """

    code: str
    rule: str
    sure: float
    guess: float
    right: bool


def said(judged: Iterable[tuple[Case, list[Finding]]]) -> list[Said]:
    """The verdicts that name a cause, with whether they are right."""
    found = []
    for case, findings in judged:
        named = () if case.fault == HEALTHY else FAULTS[case.fault].expected
        for f in findings:
            rule = f.evidence.get("rule")
            if rule is None or f.code not in CAUSES:
                continue
            known = confidence.table()[f.code][rule]
            short = f.confidence / confidence.confidence(f.code, rule)
            right = f.code in named
            found.append(Said(f.code, rule, f.confidence, known["prior"] * short, right))
    return found


def reliability(found: list[Said]) -> list[list[str]]:
    """A row for each span of confidence: how many, how sure, and how many of them right."""
    rows = []
    for low, high in pairwise(BINS):
        row = [f"{low:g} to {high:g}"]
        for column in ("sure", "guess"):
            own = [s for s in found if low < getattr(s, column) <= high]
            mean = fmean(getattr(s, column) for s in own) if own else 0.0
            right = fmean(s.right for s in own) if own else 0.0
            row += [str(len(own)), f"{mean:.2f}", f"{right:.2f}"] if own else ["0", "–", "–"]
        rows.append(row)
    return [*rows, ["mean distance", "", "", distance(found, "sure"), "", "",
                    distance(found, "guess")]]  # fmt: skip


def distance(found: list[Said], column: str) -> str:
    """How far confidence and share of right ones are apart, on average over the spans."""
    total = 0.0
    for low, high in pairwise(BINS):
        own = [s for s in found if low < getattr(s, column) <= high]
        if own:
            gap = fmean(getattr(s, column) for s in own) - fmean(s.right for s in own)
            total += abs(gap) * len(own)
    return f"{total / max(1, len(found)):.3f}"


def write(found: list[Said]) -> None:
    """Count what was said and right of each rule into the table that danlu reads."""
    counts = Counter((s.code, s.rule) for s in found)
    right = Counter((s.code, s.rule) for s in found if s.right)
    new: dict[str, dict[str, Mapping[str, Any]]] = {}
    for code, rules in confidence.table().items():
        new[code] = {
            rule: {"prior": known["prior"]}
            | ({"said": n, "right": right[code, rule]} if (n := counts[code, rule]) else {})
            for rule, known in rules.items()
        }
    path = Path(str(files("danlu.diagnosis").joinpath(confidence.NAME)))
    path.write_text(json.dumps(new, indent=1) + "\n", "utf-8")
