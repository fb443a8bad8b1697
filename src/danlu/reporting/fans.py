"""Predictions as fans on the learning curves: the interval widens from a trial's last value."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

from danlu.core.prediction import Prediction
from danlu.core.spec import Direction
from danlu.reporting.ranges import PAD, Range, drawable

Fan: TypeAlias = list[tuple[int, float, float, float]]
"""Epoch, low end, median and high end, in the order of epochs."""


def fans_of(predictions: Iterable[Prediction]) -> dict[int, Fan]:
    """Trial → its fan; what no chart can show is left out."""
    fans: dict[int, Fan] = {}
    for p in sorted(predictions, key=lambda p: (p.trial, p.epoch)):
        if all(map(drawable, (p.low, p.value, p.high))):
            row = (p.epoch, _short(p.low), _short(p.value), _short(p.high))
            fans.setdefault(p.trial, []).append(row)
    return fans


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def holding(found: Range, fans: Iterable[Fan], direction: Direction) -> Range:
    """The range with its good end moved so that it holds the fans; the bad end stays.

    The bad ends of uncertain fans would squeeze the curves; they leave the picture.
    """
    rows = [row for fan in fans for row in fan]
    if not rows:
        return found
    if direction == "max":
        top = max(high for _, _, _, high in rows)
        return replace(found, high=max(found.high, top + PAD * (top - found.low)))
    bottom = min(low for _, low, _, _ in rows)
    if found.can_log:  # zero has no place on a log scale
        bottom = max(bottom, found.full[0] / 2)
        return replace(found, low=min(found.low, bottom))
    return replace(found, low=min(found.low, bottom - PAD * (found.high - bottom)))
