"""The report's charts as PNG files, for papers and chats; needs the extra ``plots``."""

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from danlu.core.history import History
from danlu.core.parameter import Choice, Int
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DanluError
from danlu.reporting.metrics import MetricPair, metric_names, pair_metrics
from danlu.reporting.ranges import Range, curve_range, drawable, padded, value_range
from danlu.reporting.result import influence, leaders, stage_starts
from danlu.reporting.text import format_number, format_value

try:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
except ImportError as error:
    raise DanluError(
        say("PNG plots need matplotlib, which is not installed: pip install 'danlu[plots]'.")
    ) from error

HUES = ("#115599", "#aa4411", "#009e73", "#ee55aa", "#aa8800")  # the first of the page
GREY, INK, SOFT, GRID = "#5d6670", "#16191d", "#59616b", "#e4e7eb"
COLUMNS = 4
MANY = 150  # trials; above, training curves of grey trials are left out as on the page


def write_pngs(history: History, folder: Path) -> list[Path]:
    """Write ``curves.png``, ``history.png`` and ``slices.png``.

    Args:
        history: The study. Charts for which it has no values yet are left out.
        folder: Where they go; made if missing.

    Returns:
        The files that were written.

    Raises:
        DanluError: When a file cannot be written.
    """
    charts: dict[str, Callable[[History], Figure | None]] = {
        "curves.png": curves_figure,
        "history.png": history_figure,
        "slices.png": slices_figure,
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in charts.items():
            figure = draw(history)
            if figure is not None:
                _save(figure, folder / name)
                written.append(folder / name)
    except OSError as error:
        raise DanluError(say(
            "{path} cannot be written: {reason}.",
            path=folder, reason=reason_of(error),
        )) from error  # fmt: skip
    return written


def _save(figure: Figure, file: Path) -> None:
    with warnings.catch_warnings():  # a script the font lacks shows as boxes: no reason to fail
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, dpi=160, facecolor="white")


def curves_figure(history: History) -> Figure | None:
    """Learning curves of all trials for the objective's pair of metrics."""
    best = leaders(history, len(HUES))
    for pair in pair_metrics(metric_names(history), history.objective):
        found = curve_range(history, pair, best)
        if found is not None:
            figure, axes = _sheet(8.6, 4.8)
            _draw_curves(axes, history, pair, best)
            _axis(axes, found)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(_whole())
            axes.set_ylabel(_plain(pair.label))
            title = " and ".join(
                f"{_plain(name)} {style}"
                for name, style in ((pair.val, "solid"), (pair.train, "dashed"))
                if name
            )
            axes.set_title(f"{_plain(history.spec.name)}: {title}", loc="left", fontsize=10)
            return figure
    return None


def _draw_curves(
    axes: Axes, history: History, pair: MetricPair, best: Sequence[TrialRecord]
) -> None:
    top = {t.number for t in best}
    others = [t for t in history.trials.values() if t.number not in top]
    alpha = min(0.36, max(0.07, 14 / max(1, len(others))))
    for trial in others:
        for name, style in ((pair.val, "-"), (pair.train, (0, (4, 3)))):
            if name and (name == pair.val or pair.val is None or len(others) <= MANY):
                axes.plot(*_points(trial, name), color=GREY, alpha=alpha, lw=0.9, ls=style)
    for trial, hue in reversed(list(zip(best, HUES, strict=False))):
        _draw_leader(axes, history, pair, trial, hue)
    if best:
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8, loc="best")


def _draw_leader(
    axes: Axes, history: History, pair: MetricPair, trial: TrialRecord, hue: str
) -> None:
    value = "–" if trial.value is None else format_number(trial.value)
    label = f"#{trial.number} · {value}"
    if pair.train:
        x, y = _points(trial, pair.train)
        axes.plot(x, y, color=hue, lw=1.4, ls=(0, (4, 2.5)), label=None if pair.val else label)
    if pair.val:
        x, y = _points(trial, pair.val)
        mark = "o" if len(x) == 1 else None
        axes.plot(x, y, color=hue, lw=2.0, label=label, marker=mark, markersize=4)
    if pair.train and pair.val:
        both = [r for r in trial.reports if all(drawable(r.metrics.get(n)) for n in pair.names)]
        shade = 0.17 if trial is history.best else 0.05
        axes.fill_between(
            [r.epoch for r in both],
            [r.metrics[pair.train] for r in both],
            [r.metrics[pair.val] for r in both],
            color=hue,
            alpha=shade,
            lw=0,
        )


def _points(trial: TrialRecord, name: str) -> tuple[list[int], list[float]]:
    """Epochs and values up to the first that is not finite."""
    curve = trial.curve(name)
    end = next((i for i, (_, v) in enumerate(curve) if not drawable(v)), len(curve))
    return [e for e, _ in curve[:end]], [v for _, v in curve[:end]]


def history_figure(history: History) -> Figure | None:
    """Each trial's value in the order of the trials, and the best so far."""
    found = _values(history)
    if found is None:
        return None
    figure, axes = _sheet(8.6, 3.6)
    _dots(axes, history, {t.number: float(t.number) for t in _valued(history)}, found)
    steps = _best_so_far(history)
    if steps:
        steps.append((len(history.trials), steps[-1][1]))
        axes.step(*zip(*steps, strict=True), where="post", color=INK, lw=1.3)
    last, row = -math.inf, 0
    for stage, number in stage_starts(history).items():
        row = 1 - row if number - last < len(history.trials) / 8 else 0
        last = number
        axes.axvline(number, color=SOFT, lw=0.8, ls=":")
        place = (number, 1.015 + 0.05 * row)  # names that would touch stand one above the other
        axes.annotate(
            _plain(stage), place, xycoords=("data", "axes fraction"), fontsize=8, color=SOFT
        )
    _axis(axes, found)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(_whole())
    axes.set_ylabel(_plain(history.objective.metric))
    return figure


def _best_so_far(history: History) -> list[tuple[int, float]]:
    """(trial, value) wherever the best value improved."""
    steps: list[tuple[int, float]] = []
    for trial in sorted(history.ranked, key=lambda t: t.number):
        value = trial.value
        if value is None or not drawable(value):
            continue
        if not steps or history.objective.better(value, steps[-1][1]):
            steps.append((trial.number, value))
    return steps


def slices_figure(history: History) -> Figure | None:
    """The value against each free parameter, on the parameter's own scale."""
    found, names = _values(history), list(influence(history))
    if found is None or not names:
        return None
    rows = math.ceil(len(names) / COLUMNS)
    columns = min(COLUMNS, len(names))
    figure = Figure(figsize=(2.6 * columns + 0.4, 2.3 * rows + 0.2), layout="constrained")
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1)
        _style(axes)
        _draw_slice(axes, history, name, found)
        _axis(axes, found)
        axes.set_title(_plain(name), fontsize=9, loc="left")
    return figure


def _draw_slice(axes: Axes, history: History, name: str, found: Range) -> None:
    p = history.spec.space[name]
    trials = [t for t in _valued(history) if name in t.config]
    if isinstance(p, Choice):
        x = {t.number: float(p.index(t.config[name])) for t in trials}
        axes.set_xticks(range(len(p.values)), [_plain(format_value(v))[:12] for v in p.values])
        axes.set_xlim(-0.6, len(p.values) - 0.4)
    else:
        x = {t.number: float(t.config[name]) for t in trials}  # type: ignore[arg-type]
        low, high = min(p.low, *x.values(), p.high), max(p.high, *x.values(), p.low)
        axes.set_xlim(*padded(low, high, bool(p.log)))
        if isinstance(p, Int):
            axes.xaxis.set_major_locator(_whole())
        if p.log:
            axes.set_xscale("log")
            _log_ticks(axes.xaxis, low, high)
    _dots(axes, history, x, found)


def _valued(history: History) -> list[TrialRecord]:
    return [t for t in history.trials.values() if drawable(t.value)]


def _values(history: History) -> Range | None:
    trials = [t for t in _valued(history) if t.state != "failed"] or _valued(history)
    known = [t.value for t in trials if t.value is not None]
    return value_range(known, history.objective.direction)


def _dots(axes: Axes, history: History, x: dict[int, float], found: Range) -> None:
    """Trials as dots; hollow on a proxy, the leaders in colour, clipped ones on the edge."""
    hues = dict(zip((t.number for t in leaders(history, len(HUES))), HUES, strict=False))
    groups: dict[tuple[str, str, bool], list[tuple[float, float]]] = {}
    for number, place in x.items():
        trial = history.trials[number]
        value = min(found.high, max(found.low, trial.value or 0.0))
        look = ("o" if value == trial.value else "v", hues.get(number, GREY), trial.proxy.full)
        groups.setdefault(look, []).append((place, value))
    for (marker, hue, solid), points in groups.items():
        top = hue != GREY
        axes.plot(
            *zip(*points, strict=True), marker=marker, ls="", clip_on=False, color=hue,
            markerfacecolor=hue if solid else "none", markersize=5 if top else 3.5,
            alpha=1.0 if top else 0.5, zorder=3 if top else 2,
        )  # fmt: skip


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _style(axes)
    return figure, axes


def _style(axes: Axes) -> None:
    axes.grid(visible=True, color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=SOFT, length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _axis(axes: Axes, found: Range) -> None:
    axes.set_ylim(found.low, found.high)
    if found.log:
        axes.set_yscale("log")
        _log_ticks(axes.yaxis, found.low, found.high)


def _whole() -> MaxNLocator:
    return MaxNLocator(integer=True, min_n_ticks=1, steps=(1, 2, 5, 10))


def _log_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks such as 0.02, 0.05, 0.1 instead of powers, and fewer over many decades."""
    decades = math.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda v, _: format_number(v, 2)))
    axis.set_minor_locator(NullLocator())


def _plain(words: Any) -> str:
    """Text that matplotlib does not take for mathematics, and that a font can draw."""
    text = str(words).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else "�" for c in text).replace("$", r"\$")
