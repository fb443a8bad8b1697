"""What a part of the torture found: one row of the table, kept as JSON beside the others."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PROMISES = ("lost", "doubled", "wrong", "failed", "orphans", "unsound")
"""Reports lost, reports or trainings doubled, wrong values, trials failed or stuck for good,
processes left over, invariants of docs/why/faults.md that do not hold."""


@dataclass
class Verdict:
    """How often each promise was broken under some torture.

    Attributes:
        name: Of the row.
        faults: How many were done.
        broken: Promise → how often; a promise that cannot be asked of it is missing.
        resumed: Seconds from faults to the next sign of work.
        notes: What else is to be said.
    """

    name: str
    faults: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    resumed: list[float] = field(default_factory=list)
    notes: str = ""

    def add(self, broken: Mapping[str, int]) -> None:
        self.broken = dict(Counter(self.broken) + Counter(broken)) | {
            name: self.broken.get(name, 0) + count for name, count in broken.items()
        }

    @property
    def sound(self) -> bool:
        return not any(self.broken.values())

    def row(self) -> list[str]:
        """The cells of its row; see `HEAD`."""
        counts = [str(self.broken[p]) if p in self.broken else "–" for p in PROMISES]
        p95 = f"{percentile(self.resumed, 0.95):.2f} s" if self.resumed else "–"
        return [self.name, f"{self.faults:,}", *counts, p95, self.notes]

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() else "-" for c in self.name)
        (folder / f"{name}.json").write_text(json.dumps(asdict(self)))


HEAD = ("torture", "faults", *PROMISES, "resumed, p95", "")


def read(folder: Path) -> list[Verdict]:
    """The verdicts that lie in a folder."""
    tables: Iterable[Any] = (json.loads(p.read_text()) for p in sorted(folder.glob("*.json")))
    return [Verdict(**table) for table in tables]


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
