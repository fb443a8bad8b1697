"""Text for terminals: clean, in columns, in as many colours as the terminal has."""

import os
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.spec import Objective
from danlu.reporting.metrics import pair_metrics
from danlu.reporting.text import format_value, sparkline

SEVERITIES = {"error": say("error"), "warning": say("warning"), "info": say("info")}
STATES = {
    "running": say("running"), "paused": say("paused"), "finished": say("finished"),
    "stopped": say("stopped"), "failed": say("failed"), "lost": say("lost"),
}  # fmt: skip
"""States of trials."""
ENDS = {
    "running": say("running"), "killed": say("killed"), "not begun": say("not begun"),
    "done": say("done"), "stopped": say("stopped"), "failed": say("failed"),
    "interrupted": say("interrupted"), "hopeless": say("hopeless"),
}  # fmt: skip
"""States of studies."""
UNLIMITED = 10_000  # columns, where the output is read by no person at a terminal


def console(*, stderr: bool = False) -> Console:
    """A console that shows text as it is: no markup, no highlighting, no wrapping in pipes."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else UNLIMITED
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def clean(text: str) -> str:
    """Text without control characters, which could write anywhere on a terminal."""
    return "".join(c if c.isprintable() else ("\n" if c == "\n" else "�") for c in text)


def grid(*titles: str) -> Table:
    """A table without lines; a title that begins with ``>`` is set flush right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for title in titles:
        right = title.startswith(">")
        table.add_column(
            Text(clean(title.removeprefix(">"))),
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def config_text(config: Mapping[str, Value], space: Space) -> str:
    """What may vary in a config: ``lr 0.0312  units 128``; constants are left out."""
    shown = [n for n in space.free if n in config] or list(config)
    return clean("  ".join(f"{name} {format_value(config[name], 3)}" for name in shown))


def curves(trial: TrialRecord, objective: Objective, width: int) -> list[tuple[str, str, float]]:
    """(``"train"`` or ``"val"``, sparkline, last value) of the objective's pair of metrics.

    Both sparklines have one scale, so that the gap between them shows.
    """
    pair = next(iter(pair_metrics(trial.metric_names(), objective)), None)
    if pair is None:
        return []
    sides = [("train", pair.train), ("val", pair.val)]
    found = [(side, [v for _, v in trial.curve(name)]) for side, name in sides if name]
    finite = [v for _, values in found for v in values if abs(v) < float("inf")]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return [(side, sparkline(values, width, low, high), values[-1]) for side, values in found]
