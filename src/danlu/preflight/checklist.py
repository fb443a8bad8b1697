"""What pre-flight found: a line for each check, as text, as JSON, and as findings."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias
from unicodedata import east_asian_width

from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.core.task import UNKNOWN, Task
from danlu.preflight.titles import TITLES

State: TypeAlias = Literal["well", "warning", "error", "skipped"]
SIGNS = {"well": "✓", "warning": "!", "error": "✗", "skipped": "–"}

CODE = r"(?:D|BL|M|R)\d+"
"""Of a check, as against the names of verdicts."""

UNSEEN = (
    say("wrong labels in the validation data alone (the curves will show them)"),
    say("a learning rate that is off by less than tenfold (the search is for that)"),
    say("overfitting, and how much regularisation is right"),
    say("whether validation data is like the data that the model will meet"),
    say("errors in the training loop that the checked step and model do not share"),
)
"""What no check before training can tell."""


@dataclass(frozen=True, slots=True)
class Line:
    """One check.

    Attributes:
        code: As in the documentation: ``"D05"``.
        title: What was looked at.
        state: How it went.
        measured: The number, or why it was skipped.
        limit: What it was held against.
        findings: What it found; for one that went well, at most notes.
        seconds: How long it took.
    """

    code: str
    title: str
    state: State
    measured: str
    limit: str = ""
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checklist:
    """All checks of one problem.

    Attributes:
        lines: In the order in which they were done.
        task: What is known of the task now.
        ended: Why checks were left out; empty if none were.
    """

    lines: tuple[Line, ...]
    task: Task = UNKNOWN
    ended: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is noteworthy, doubtful or wrong; what went well is left out."""
        return tuple(f for line in self.lines for f in line.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "warning")

    def __str__(self) -> str:
        return "\n".join(text_lines(self))

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain JSON."""
        return {
            "lines": [asdict(line) for line in self.lines],
            "task": asdict(self.task),
            "ended": self.ended,
            "unseen": list(UNSEEN),
        }


def line_of(code: str, found: Sequence[Finding], seconds: float = 0.0) -> Line:
    """The line of a check from what it yielded, the gravest finding first."""
    order = {"error": 0, "warning": 1, "info": 2}
    ranked = sorted(found, key=lambda f: order[f.severity])
    worst = ranked[0]
    states: dict[str, State] = {"error": "error", "warning": "warning", "info": "well"}
    noteworthy = tuple(f for f in ranked if f.message != f.evidence.get("measured"))
    return Line(
        code, TITLES[code], states[worst.severity], worst.evidence.get("measured", ""),
        worst.evidence.get("limit", ""), noteworthy, seconds,
    )  # fmt: skip


WIDTH = 40  # of titles, in the columns of a terminal
Teller: TypeAlias = Callable[[str], str]
"""Tells a text in the language that is wanted."""


def noteworthy(line: Line, tell: Teller = str) -> list[str]:
    """A check for a terminal: its line, and what it found."""
    told = line.limit and line.state != "skipped"
    bound = tell(say("  ({limit})", limit=line.limit)) if told else ""
    title = tell(line.title)
    gap = " " * (WIDTH - _columns(title))
    head = f"{SIGNS[line.state]} {line.code:<4} {title}{gap} {tell(line.measured)}{bound}"
    return [head, *(f"       {tell(f.message)}" for f in line.findings)]


def _columns(text: str) -> int:
    """How wide a text is on a terminal, where Chinese characters take two columns."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def text_lines(checklist: Checklist, tell: Teller = str) -> list[str]:
    """The checklist for a terminal."""
    rows: list[str] = []
    for line in checklist.lines:
        rows += noteworthy(line, tell)
    if checklist.ended:
        rows.append(f"– {tell(checklist.ended)}")
    unseen = tell(say("What checks before training cannot see:"))
    rows += ["", tell(summary(checklist)), "", unseen]
    return [*rows, *(f"  · {tell(text)}" for text in UNSEEN)]


def summary(checklist: Checklist) -> str:
    """How many checks went how: ``30 checks: 28 well, 1 warning, 1 error, 3 left out.``."""
    counts = {state: sum(line.state == state for line in checklist.lines) for state in SIGNS}
    done = len(checklist.lines) - counts["skipped"]
    parts = [say("{count} well", count=counts["well"])]
    for one, several, count in (
        (say("1 warning"), say("{count} warnings", count=counts["warning"]), counts["warning"]),
        (say("1 error"), say("{count} errors", count=counts["error"]), counts["error"]),
    ):
        parts += [one if count == 1 else several] if count else []
    if counts["skipped"]:
        parts.append(say("{count} left out", count=counts["skipped"]))
    return say("{done} checks: {parts}.", done=done, parts=parts)
