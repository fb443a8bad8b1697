"""Which cells of the space are taken by configs that were tried; kept from decision to decision.

With ten thousand trials, finding the cells of all of them took as long as all else of a decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import is_

import numpy as np

from danlu.core.identity import Same
from danlu.core.parameter import Value
from danlu.core.space import Space
from danlu.strategies.encoding import Encoding
from danlu.surrogates.linalg import Array

Configs = Sequence[Mapping[str, Value]]


def cells(U: Array) -> list[bytes]:
    """What tells snapped points apart, (n, d)."""
    return [row.tobytes() for row in np.round(U, 9)]


@dataclass
class _Memory:
    """The configs that were asked about last, and their cells; replaced as a whole."""

    known: tuple[list[Mapping[str, Value]], frozenset[bytes]] = field(
        default_factory=lambda: ([], frozenset())
    )


@lru_cache(maxsize=8)
def _memory(_: Same[Space]) -> _Memory:
    return _Memory()


def taken(encoding: Encoding, configs: Configs) -> frozenset[bytes]:
    """The cells of configs; where the list has grown since the last call, the new ones cost."""
    memory = _memory(Same(encoding.space))
    before, found = memory.known
    if len(configs) < len(before) or not all(map(is_, before, configs)):
        before, found = [], frozenset()
    if new := configs[len(before) :]:
        found |= frozenset(cells(encoding.snap(encoding.place(new))[0]))
        memory.known = (list(configs), found)
    return found
