"""What a longer training means: more epochs of one trial, or a larger share of the data.

A track measures the length of a training in steps from 1 to its horizon and turns lengths into
decisions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from danlu.core.decision import Continue, Proxy, Start, part
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.strategies.evidence import Curve, gather
from danlu.strategies.shares import gather_fractions, gather_shares


def grown(length: int, factor: float) -> int:
    """A number of epochs times a factor, one more at least."""
    return max(length + 1, math.ceil(length * factor - 1e-9))


class Track(Protocol):
    """The ladder that a config climbs."""

    @property
    def horizon(self) -> int:
        """Length of a full training."""
        ...

    @property
    def first(self) -> float:
        """What a new config's first training costs, in steps."""
        ...

    def price(self, curve: Curve) -> float:
        """What a trial will have cost after one more training, in steps."""
        ...

    def curves(self, history: History) -> list[Curve]:
        """What was seen, one curve per config."""
        ...

    def start(self, config: dict[str, Value], why: str) -> Start: ...

    def go_on(self, curve: Curve, why: str) -> Start | Continue:
        """Train a config one step further up."""
        ...


@dataclass(frozen=True, slots=True)
class Epochs:
    """Trials pause and go on; what was trained is not paid again.

    Attributes:
        horizon: Epochs of a full training.
        first: Epochs of the first slice.
        growth: Factor by which a continued trial's length grows.
    """

    horizon: int
    first: int
    growth: float

    def after(self, length: int) -> int:
        """The length that follows."""
        return min(self.horizon, grown(length, self.growth))

    def price(self, curve: Curve) -> float:
        return self.after(curve.epoch)

    def curves(self, history: History) -> list[Curve]:
        return gather(history)

    def start(self, config: dict[str, Value], why: str) -> Start:
        return Start(config, self.first, why=why)

    def go_on(self, curve: Curve, why: str) -> Continue:
        return Continue(
            curve.number,
            self.after(curve.epoch),
            why=say("continues #{number}: {why}", number=curve.number, why=why),
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """Trials cannot pause: each is started to its end, and may be stopped on the way."""

    horizon: int

    @property
    def first(self) -> int:
        return self.horizon

    def price(self, curve: Curve) -> float:
        return max(curve.epoch, self.horizon)

    def curves(self, history: History) -> list[Curve]:
        # What paused where trials could is of no use to an executor that cannot go on with it.
        return [replace(c, paused=False) if c.paused else c for c in gather(history)]

    def start(self, config: dict[str, Value], why: str) -> Start:
        return Start(config, self.horizon, why=why)

    def go_on(self, curve: Curve, why: str) -> Continue:
        raise AssertionError(f"#{curve.number} cannot go on: it never paused ({why})")


@dataclass(frozen=True, slots=True)
class Fractions:
    """The same config is trained anew on a larger share of the data.

    Attributes:
        fractions: Shares of the data, ascending, the last one 1.
        epochs: Epochs of every training.
        horizon: Steps from which shares are counted: share · horizon.
    """

    fractions: tuple[float, ...]
    epochs: int

    @property
    def horizon(self) -> int:
        return max(len(self.fractions), round(1.0 / self.fractions[0]))

    @property
    def first(self) -> int:
        return self._lengths()[0]

    def _lengths(self) -> Sequence[int]:
        return [max(1, round(f * self.horizon)) for f in self.fractions]

    def price(self, curve: Curve) -> float:
        return next((n for n in self._lengths() if n > curve.epoch), self.horizon)

    def curves(self, history: History) -> list[Curve]:
        return gather_fractions(history, self.horizon)

    def start(self, config: dict[str, Value], why: str) -> Start:
        return Start(config, self.epochs, Proxy(self.fractions[0]), why=why)

    def go_on(self, curve: Curve, why: str) -> Start:
        share = self.fractions[list(self._lengths()).index(int(self.price(curve)))]
        return Start(
            dict(curve.config), self.epochs, Proxy(share), why=takes_up(curve, share, why)
        )


@dataclass(frozen=True, slots=True)
class Both:
    """Configs climb shares of the data, one slice on each, and then epochs on the whole.

    Where an epoch is a large part of a training, the slices of `Epochs` are too dear to try many
    configs. A share is left after one slice: on the next a config begins anew, and learns more
    there than by seeing the same few samples again.

    Attributes:
        fractions: Shares of the data, ascending, the last one 1.
        epochs: How trials go on on all the data.
    """

    fractions: tuple[float, ...]
    epochs: Epochs

    @property
    def horizon(self) -> int:
        return self.epochs.horizon

    @property
    def first(self) -> float:
        return self.epochs.first * self.fractions[0]

    def price(self, curve: Curve) -> float:
        share = self._next_share(curve)
        return self.epochs.first * share if share else self.epochs.price(curve)

    def curves(self, history: History) -> list[Curve]:
        return gather_shares(history)

    def start(self, config: dict[str, Value], why: str) -> Start:
        return Start(config, self.epochs.first, Proxy(self.fractions[0]), why=why)

    def go_on(self, curve: Curve, why: str) -> Start | Continue:
        share = self._next_share(curve)
        if share is None:
            return self.epochs.go_on(curve, why)
        why = takes_up(curve, share, why)
        return Start(dict(curve.config), self.epochs.first, Proxy(share), why=why)

    def _next_share(self, curve: Curve) -> float | None:
        """The share that it climbs to next; None on all the data."""
        return next((f for f in self.fractions if f > curve.share), None)


def takes_up(curve: Curve, share: float, why: str) -> str:
    """Why a config is trained on a larger share."""
    return say(
        "takes #{number} to {part}: {why}",
        number=curve.number,
        part=part(Proxy(share)),
        why=why,
    )
