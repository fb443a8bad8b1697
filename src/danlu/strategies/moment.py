"""One decision of freeze-thaw: what is known at that moment, and what each choice promises.

The promise of training a config on, or of a new one, is the logarithm of its expected improvement
at a horizon that is drawn anew for each decision (Rakotoarison et al. 2024), less the logarithm
of its cost where time is the budget.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.core.sentence import say
from danlu.strategies.clearing import View, everything, view
from danlu.strategies.costs import log_cost
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve, stream
from danlu.strategies.outlook import Outlook, look
from danlu.strategies.search import (
    Score,
    expected,
    informed_share,
    log_feasible,
    log_success,
    rows_of,
    seek,
)
from danlu.strategies.tracks import Both, Epochs, Fractions, Track
from danlu.surrogates.acquisition import log_ei
from danlu.surrogates.curves import Horizon
from danlu.surrogates.linalg import Array

FAR_NEW = 0.5  # probability that new configs are compared at the end of a full training
FAR_PAUSED = 0.25  # the same for paused trials
BEST_KEPT = 8  # configs around which new ones are looked for


@dataclass(frozen=True)
class Moment:
    """All that one decision rests on; made by `moment`."""

    encoding: Encoding
    history: History
    track: Track
    curves: list[Curve]
    outlook: Outlook
    seen: View
    cost: Score
    rng: np.random.Generator

    def best_paused(self, allowed: Callable[[Curve], bool]) -> tuple[int | None, float]:
        """Row of the paused trial that promises most, of those allowed, and what it promises."""
        ahead = self._ahead(FAR_PAUSED)
        o, seen = self.outlook, self.seen
        rows = np.array([i for i in o.paused if seen.rows[i] and allowed(o.curves[i])], int)
        if not len(rows):
            return None, -math.inf
        mu, sd = o.predict_ahead(rows, ahead)
        X = rows_of(self.encoding, [o.curves[i] for i in rows])
        promise = log_ei(mu, sd, seen.best) - self.cost(X)
        return int(rows[np.argmax(promise)]), float(promise.max())

    def best_new(self, tried: Collection[bytes]) -> tuple[Array, float, str]:
        """The new config that promises most, what it promises, and why."""
        o, encoding = self.outlook, self.encoding
        known = [c for c, on in zip(o.curves, self.seen.rows, strict=True) if on and c.epochs]
        good = sorted(known, key=lambda c: c.merit)[:BEST_KEPT]
        score = self._promise_of_new()
        share = informed_share(encoding, self.history, self.curves)
        top = encoding.place([c.config for c in good])
        w, value = seek(encoding, score, top, tried, share, self.rng)
        mu, sd = o.predict_new(encoding.snap(w[None])[1], o.horizon.epochs)
        where = say("explores away from the best") if len(self.seen.centres) else say("explores")
        return (
            w,
            value,
            say("{where}: {said}", where=where, said=self._said(float(mu[0]), float(sd[0]))),
        )

    def _promise_of_new(self) -> Score:
        """What new configs promise beyond the best, and beyond where paused trials will get."""
        epoch, o, seen = self._ahead(FAR_NEW), self.outlook, self.seen
        success = log_success(self.encoding, self.curves)
        feasible = log_feasible(self.encoding, self.history)
        any_fit = any(c.epochs and c.feasible for c in self.curves)
        goal, rows = seen.best, o.paused[seen.rows[o.paused]]
        if len(rows):
            rivals, _ = o.predict_ahead(rows, epoch)
            goal = min(goal, float(rivals.min()))

        def score(X: Array) -> Array:
            chance = success(X) + feasible(X)
            if not any_fit:
                return chance
            # Where the best stands still, each near copy of it would be one more lottery ticket.
            mu, sd = o.predict_new(X, epoch, own=not seen.still)
            promise = log_ei(mu, sd, goal) + chance - self.cost(X)
            return np.where(seen.hides(X), -np.inf, promise)

        return score

    def promise_at_end(self, row: int) -> str:
        """What a trial is expected to reach, in words."""
        mu, sd = self.outlook.predict_ahead(np.array([row]), self.track.horizon)
        return self._said(float(mu[0]), float(sd[0]))

    def _said(self, mu: float, sd: float) -> str:
        return expected(self.history, self.outlook.warp, mu, sd, self.history.spec.epochs)

    def _ahead(self, far: float) -> int:
        """How much longer candidates are imagined to train: to the end, or a random length."""
        T = self.track.horizon
        to_the_end = not isinstance(self.track, Epochs | Both) or self.rng.random() < far
        return T if to_the_end else int(self.rng.integers(1, T + 1))


def moment(encoding: Encoding, history: History, track: Track, curves: list[Curve]) -> Moment:
    """What the next decision rests on; at least one curve must have a finite value."""
    rng, shares = stream(history), isinstance(track, Fractions)
    outlook = look(encoding, history, curves, Horizon(track.horizon), rng, comparable_only=shares)
    seen = everything(outlook)
    # A mixture of losses that changes has no progress, where trials break constraints those that
    # keep to them may be one region only, and the best of few trainings on all the data is not
    # worth turning away from.
    shares = shares or isinstance(track, Both)
    if not (history.spec.further or shares or any(not c.feasible for c in curves)):
        seen = view(outlook, curves, rng)
    cost = log_cost(encoding, history)
    return Moment(encoding, history, track, curves, outlook, seen, cost, rng)
