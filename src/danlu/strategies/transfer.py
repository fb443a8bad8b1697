"""What best values on a part of the data say of those on all of it.

Ranges that were narrowed on a part are opened again in the direction in which best values move
when data and steps grow: learning rates down, weight decay with the share of the data, dropout
down, networks up. With few classes only what holds for all of them is concluded at all.
"""

from collections.abc import Callable, Mapping

from danlu.catalogue.roles import role_of
from danlu.core.decision import Proxy
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.strategies.ranges import Range, changes, tidy, with_ranges

KEPT = frozenset({"lr", "clip", "batch size", "activation", "optimizer"})
"""Roles whose best values hold for all classes; with few, those of the others move down."""
# Short runs on a quarter of the digits had best rates two to six times too high (specification,
# D4), and the weight decay of a mean loss shrinks as its samples grow (D3; Wang & Aitchison 2024).
LR_DOWN, LR_UP = 10.0, 1.5  # factors, where steps grow at least fourfold
DROPOUT_DOWN, DROPOUT_UP = 0.3, 0.1
WIDER, DEEPER = 2.0, 1  # a part of the data never shows that a smaller network is enough


def transferred(before: Space, narrowed: Space, whole: Space, proxy: Proxy) -> Space:
    """The ranges for all of the data, after results on a part of it narrowed them."""
    if proxy.full:
        return narrowed
    ranges = changes(before, narrowed)
    if proxy.classes is not None:
        kept = {n: r for n, r in ranges.items() if role_of(n, whole[n]) in KEPT}
        return with_ranges(before, kept)
    opened = {n: _opened(narrowed, whole, n, proxy.data_fraction) for n in ranges}
    return with_ranges(narrowed, {n: r for n, r in opened.items() if r is not None})


def _opened(narrowed: Space, whole: Space, name: str, fraction: float) -> Range | None:
    """A narrowed range opened again, no further than the study's own; None if it stays."""
    p, limit = narrowed[name], whole[name]
    if isinstance(p, Choice) or isinstance(limit, Choice):
        return None
    move = _MOVES.get(role_of(name, limit) or "")
    if move is None:
        return None
    low, high = move(p, fraction)
    return tidy(p, max(min(limit.low, p.low), low), min(max(limit.high, p.high), high))


def _rate(p: Float | Int, _: float) -> tuple[float, float]:
    return p.low / LR_DOWN, p.high * LR_UP


def _decay(p: Float | Int, fraction: float) -> tuple[float, float]:
    return p.low * fraction, p.high


def _dropout(p: Float | Int, _: float) -> tuple[float, float]:
    return p.low - DROPOUT_DOWN, p.high + DROPOUT_UP


def _width(p: Float | Int, _: float) -> tuple[float, float]:
    return p.low, p.high * WIDER


def _layers(p: Float | Int, _: float) -> tuple[float, float]:
    return p.low, p.high + DEEPER


_MOVES: Mapping[str, Callable[[Float | Int, float], tuple[float, float]]] = {
    "lr": _rate, "weight decay": _decay, "dropout": _dropout, "width": _width, "layers": _layers,
}  # fmt: skip
