"""Numbers, durations and curves as short text; the terminal and the report share it."""

import math
from collections.abc import Sequence
from itertools import pairwise

from danlu.core.parameter import Value
from danlu.core.sentence import say

BLOCKS = "▁▂▃▄▅▆▇█"
MINUS = "−"


def format_number(value: float, digits: int = 4) -> str:
    """A number with at most ``digits`` significant digits: ``0.9731``, ``3.162e-5``, ``64``.

    Whole numbers below a million keep all their digits.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    size = abs(value)
    if 1e-4 <= size < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def format_value(value: Value, digits: int = 4) -> str:
    """A parameter's or metric's value for a person; text is given as it is."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return format_number(value, digits) if isinstance(value, float) else value


def format_measured(value: float, sd: float | None = None) -> str:
    """A measured value with the digits that its noise supports.

    Args:
        value: What was measured.
        sd: Standard deviation over seeds; the last digit shown is the first digit of ``sd``.
            None or 0 gives four significant digits.
    """
    if sd is None or sd <= 0 or not math.isfinite(sd) or not math.isfinite(value):
        return format_number(value)
    return f"{value:.{_decimals(sd)}f}"


def format_spread(mean: float, sd: float) -> str:
    """Mean and standard deviation with equal digits: ``0.973 ± 0.004``.

    Values that happen to be equal, as accuracies on few samples are, do not show that there is no
    noise: then only the mean is told.
    """
    if sd == 0:
        return format_number(mean)
    if sd < 0 or not math.isfinite(sd):
        return f"{format_number(mean)} ± {format_number(sd)}"
    decimals = _decimals(sd)
    return f"{mean:.{decimals}f} ± {sd:.{decimals}f}"


def format_prediction(value: float, sd: float) -> str:
    """A predicted value and its standard deviation, of which ``0.010`` keeps two digits."""
    if not (0 < sd < 1e6) or not abs(value) < 1e6:
        return f"{format_number(value)} ± {format_number(sd, 2)}"
    decimals = _decimals(sd / 2)
    return f"{value:.{decimals}f} ± {sd:.{decimals}f}"


def _decimals(sd: float) -> int:
    return min(12, max(0, -math.floor(math.log10(sd))))


def format_duration(seconds: float) -> str:
    """A duration in its two largest units: ``0.4 s``, ``45 s``, ``2 m 05 s``, ``1 h 03 m``."""
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def counted_trials(count: int) -> str:
    """``1 trial``, ``1,200 trials``, in any language."""
    return say("1 trial") if count == 1 else say("{count:,} trials", count=count)


def sparkline(
    values: Sequence[float],
    width: int = 12,
    low: float | None = None,
    high: float | None = None,
) -> str:
    """A curve as one line of block characters, at most ``width`` wide.

    A longer curve is cut into ``width`` pieces of which the last finite value is shown; what is
    not finite shows as ``×``. Give ``low`` and ``high`` to draw two curves on one scale.
    """
    if width < 1 or not values:
        return ""
    shown = [_last_finite(piece) for piece in _pieces(values, width)]
    finite = [v for v in shown if math.isfinite(v)]
    bottom = min(finite, default=0.0) if low is None else low
    top = max(finite, default=0.0) if high is None else high
    return "".join(_block(v, bottom, top) for v in shown)


def _pieces(values: Sequence[float], width: int) -> list[Sequence[float]]:
    count = min(width, len(values))
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    return [values[a:b] for a, b in pairwise(ends)]


def _last_finite(piece: Sequence[float]) -> float:
    return next((v for v in reversed(piece) if math.isfinite(v)), math.nan)


def _block(value: float, bottom: float, top: float) -> str:
    if not math.isfinite(value):
        return "×"
    if top <= bottom:
        return BLOCKS[len(BLOCKS) // 2]
    share = min(1.0, max(0.0, (value - bottom) / (top - bottom)))
    return BLOCKS[round(share * (len(BLOCKS) - 1))]
