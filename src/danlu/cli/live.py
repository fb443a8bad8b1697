"""A running study as a view of one screen that is redrawn in place."""

import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from danlu.cli.changes import GRAVE, Change, changes
from danlu.cli.lines import plain_line
from danlu.cli.options import said
from danlu.cli.screen import clean, config_text, curves
from danlu.core.decision import on_part
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.reporting.progress import elapsed, progress_of
from danlu.reporting.text import counted_trials, format_duration, format_value

REDRAW_S = 0.25
MOST_EVENTS = 100  # that are kept; as many are shown as there is room
WIDE = 100  # columns from which curves are drawn longer
NARROW = 72  # columns below which only one curve of a trial is shown
TOLD = ("best", "finding", "paused", "finished", "stopped", "failed", "lost")
STYLES = {"best": "green", "failed": "red", "lost": "yellow", "finding": "yellow"}


class LiveView:
    """Progress, the best so far, running trials with their curves, and the last events.

    Args:
        history: As it was before the run.
        console: The terminal.

    Attributes:
        notice: A sentence that is shown until the end, such as what Ctrl-C did.
    """

    def __init__(self, history: History, console: Console) -> None:
        self.history = history
        self.console = console
        self.events: deque[Change] = deque(maxlen=MOST_EVENTS)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn_at = 0.0
        self._width = console.width
        self.notice = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, history: History) -> None:
        self.events.extend(c for c in changes(self.history, history) if c.kind in TOLD)
        self.history = history
        now = time.monotonic()
        if now - self._drawn_at >= REDRAW_S:
            self._drawn_at = now
            self._clear_after_resize()
            self._live.update(self.draw(), refresh=True)

    def _clear_after_resize(self) -> None:
        """Lines that the terminal has wrapped anew cannot be redrawn in place."""
        width, self._width = self._width, self.console.width
        if width != self._width:
            self.console.clear()

    def draw(self) -> RenderableType:
        """The whole view, not higher than the terminal."""
        width, height = self.console.size
        top = [heading(self.history), bar(self.history, width), *best_lines(self.history)]
        room = max(1, height - len(top) - 5)
        running = self.history.running[: max(1, room - 2)]
        events = list(self.events)[-max(0, room - len(running) - 1) :] if room > 4 else []
        parts: list[RenderableType] = [*top, Text("")]
        parts.append(trial_rows(running, self.history, width))
        if self.notice:
            parts += [Text(""), Text(said(self.notice), style="bold yellow", no_wrap=True)]
        if events:
            parts += [Text(""), *map(event_line, events)]
        return Group(*parts)


def heading(history: History) -> Text:
    """``digits · max val_accuracy · coarse · 12 trials``."""
    latest = max(history.trials.values(), key=lambda t: t.launched_at, default=None)
    counts = said(say(
        "{trials}, {running} running",
        trials=counted_trials(len(history.trials)), running=len(history.running),
    ))  # fmt: skip
    parts = [str(history.objective), *([latest.stage] if latest and latest.stage else []), counts]
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(clean(history.spec.name), style="bold")
    return line.append(clean("".join(f" · {part}" for part in parts)))


def bar(history: History, width: int) -> RenderableType:
    """The spent share of the budget, the time and the time left."""
    seconds = elapsed(history)
    progress = progress_of(history, seconds)
    spent = f"{said(progress.text)}  {format_duration(seconds)}"
    if progress.left_s is not None:
        left = format_duration(progress.left_s)
        spent += said(say(", about {duration} left", duration=left))
    text = Text(spent, no_wrap=True)
    if progress.share is None:
        return text
    row = Table.grid(padding=(0, 2), expand=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True)
    length = max(8, width - text.cell_len - 2)
    row.add_row(ProgressBar(100, 100 * progress.share, width=length), text)
    return row


def best_lines(history: History) -> list[Text]:
    """The best trial so far, and its config."""
    best = history.best
    if best is None:
        return [Text(said(say("no result yet")), style="dim")]
    first = say(
        "best #{number}  {metric} {value} at epoch {epoch}{on}",
        number=best.number, metric=history.objective.metric, value=format_value(best.value),
        epoch=best.value_epoch, on=on_part(best.proxy),
    )  # fmt: skip
    config = config_text(best.config, history.spec.space)
    return [
        Text(said(first), style="bold green", no_wrap=True, overflow="ellipsis"),
        Text(f"  {config}", no_wrap=True, overflow="ellipsis"),
    ]


def trial_rows(trials: Sequence[TrialRecord], history: History, width: int) -> Table:
    """A row for each running trial: epoch, both curves with their last values, config."""
    spark = 16 if width >= WIDE else 8
    sides = 2 if width >= NARROW else 1
    rows = [_row(t, history, spark, sides) for t in trials]
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for i in range(2 + sides):  # as wide as the widest cell, or the config would squeeze them
        table.add_column(
            no_wrap=True, min_width=max((cell_len(r[i].plain) for r in rows), default=0)
        )
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def _row(t: TrialRecord, history: History, spark: int, sides: int) -> list[Text]:
    state = say("waits for its retry")
    if t.state == "running":
        state = say("epoch {epoch}/{until}", epoch=t.epoch, until=t.until)
    cells = [_curve(*side, spark) for side in curves(t, history.objective, spark)[-sides:]]
    cells += [Text("")] * (sides - len(cells))
    return [
        Text(f"#{t.number}"),
        Text(said(state)),
        *cells,
        Text(config_text(t.config, history.spec.space)),
    ]


def _curve(side: str, line: str, value: float, width: int) -> Text:
    colour = "cyan" if side == "train" else "magenta"
    text = Text(f"{side} ", style="dim").append(f"{line:<{width}}", style=colour)
    return text.append(f" {format_value(float(value)):<6}", style="default")


def event_line(change: Change) -> Text:
    style = STYLES.get(change.kind, "dim")
    if change.kind in GRAVE and change.data.get("cause") == "launch":
        style = "bold red"
    return Text(plain_line(change), style=style, no_wrap=True, overflow="ellipsis")
