"""Rows of contenders side by side, printed as a Markdown table that is readable as it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import mean, stdev


@dataclass(frozen=True)
class Row:
    """One measure of danlu beside the same of Optuna.

    Attributes:
        what: What was measured.
        unit: ``"ms"``: less is better; ``"/s"``: more is.
        danlu: Its figure.
        optuna: Optuna's, in memory or in SQLite, as danlu's.
        journal: Optuna's with its journal storage.
        note: What a reader must know, such as a smaller history than named.
    """

    what: str
    unit: str
    danlu: float
    optuna: float | None
    journal: float | None = None
    note: str = ""

    def ratio(self, other: float | None) -> str:
        """How many times as good danlu is; below 1 it is worse."""
        if not other or not self.danlu:
            return "–"
        times = other / self.danlu if self.unit == "ms" else self.danlu / other
        return f"{times:.1f}×" if times >= 0.95 else f"{times:.2f}×"

    def cells(self) -> list[str]:
        """What is printed of it."""
        figures = [_figure(value, self.unit) for value in (self.danlu, self.optuna, self.journal)]
        danlu, optuna, journal = figures
        what = f"{self.what} ({self.note})" if self.note else self.what
        return [what, danlu, optuna, self.ratio(self.optuna), journal, self.ratio(self.journal)]


HEAD = ["", "danlu", "Optuna", "ratio", "Optuna, journal", "ratio"]


def apart(gaps: Sequence[float]) -> str:
    """A mean difference ± its standard error."""
    return f"{mean(gaps):+.3f} ± {stdev(gaps) / len(gaps) ** 0.5:.3f}"


def about(values: Sequence[float], digits: int) -> str:
    """A mean ± its standard error; a dash where some are infinite: nothing was seen yet."""
    if not all(map(isfinite, values)):
        return "–"
    if len(values) < 2:
        return f"{mean(values):.{digits}f}"
    return f"{mean(values):.{digits}f} ± {stdev(values) / len(values) ** 0.5:.{digits}f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(
        "| " + " | ".join(_aligned(i, cell, widths[i]) for i, cell in enumerate(line)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 2 if value < 10 else (1 if value < 100 else 0)
    return f"{value:,.{digits}f} {unit}" if unit == "ms" else f"{value:,.{digits}f}{unit}"
