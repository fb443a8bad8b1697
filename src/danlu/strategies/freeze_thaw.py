"""Freeze-thaw search: each decision trains the config, new or paused, that promises most.

The curves of all trials are one exact low-rank Gaussian process (`danlu.surrogates.curve_gp`).
New configs get a short first slice; a paused trial goes on in slices that grow geometrically.
Candidates are compared by the expected improvement at a random horizon (Rakotoarison et al.
2024), which mixes greedy and far-sighted decisions.

Expected improvement alone nearly always prefers the best of hundreds of new candidates, so that
nothing is ever trained to its end. Three rules set that right:

- a new config has to improve on what continuing the best paused trial would reach anyway;
- as long as continuing has had less than its share of all epochs, a paused trial wins unless a
  new config promises many times more (it does while no curve has moved yet);
- as in successive halving, few trials may go deep before many were begun.

After a few full trainings most of the budget goes to a search by final values
(`danlu.strategies.ends`), and all of it where training cannot pause. Where losses fall far more
than configs differ, trials race at equal epochs instead (`danlu.strategies.racing`).

Source: Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization, 2014.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from danlu.core.decision import Continue, Decision, Finish, Start, Stop
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.bayes import Bayes
from danlu.strategies.encoding import Encoding, encode
from danlu.strategies.ends import final_values, owes, to_finish
from danlu.strategies.evidence import Curve, one_by_one, stream
from danlu.strategies.grid import Grid
from danlu.strategies.halving import promotions
from danlu.strategies.lines import IN_FULL, SEARCH, begins
from danlu.strategies.moment import moment
from danlu.strategies.opinions import opinions
from danlu.strategies.options import check_number
from danlu.strategies.outlook import look
from danlu.strategies.racing import ETA, at_highest, fall_alike
from danlu.strategies.rungs import ladder
from danlu.strategies.search import (
    design,
    expected,
    untried,
)
from danlu.strategies.shares import climbing
from danlu.strategies.taken import taken
from danlu.strategies.tracks import Both, Epochs, Fractions, Track, Whole
from danlu.strategies.trust import trust
from danlu.surrogates.curves import Horizon
from danlu.surrogates.linalg import Array, one_thread

NAME = "freeze-thaw"
CLIMBING = 0.5  # of the budget for shares of the data above the first, at least
HOPELESS = 2.0  # standard deviations by which a trial's prediction misses the best
LEAST_SEEN = 3  # trials with a curve before any is called hopeless


@dataclass(frozen=True, slots=True)
class FreezeThaw:
    """Chooses between new configs and paused trials.

    Attributes:
        first_slice: Share of a full training that a new config gets.
        growth: Factor by which a continued trial's length grows.
        continued: Share of all epochs that continuing shall have.
        patience: While it has less, a new config must promise exp(patience) times more.
        depth: How many trials may reach a length, in units of successive halving's number: those
            begun times first slice over length.
        fractions: Shares of the training data besides the whole, for training that takes them.
            Where trials pause, those count of which an epoch is at least a first slice, and a
            config climbs them before it trains on the whole; else each is trained in full.
    """

    first_slice: float = 0.06
    growth: float = 1.5
    continued: float = 0.75
    patience: float = 12.0
    depth: float = 2.0
    fractions: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_number(NAME, "first_slice", self.first_slice, 0.0, 1.0)
        check_number(NAME, "growth", self.growth, 1.0, 100.0)
        check_number(NAME, "continued", self.continued, 0.0, 1.0)
        check_number(NAME, "patience", self.patience, 0.0, 1000.0)
        check_number(NAME, "depth", self.depth, 0.0, 1e9)
        for share in self.fractions:
            check_number(NAME, "fractions", share, 1e-6, 1.0)
        shares = tuple(sorted(set(self.fractions)))
        if shares and shares[-1] != 1.0:
            shares = (*shares, 1.0)  # the real task is where every config leads
        object.__setattr__(self, "fractions", shares)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        if not space.free:
            return Grid().decide(space, history, free_slots)  # there is one config only
        track = self._track(history)
        if track is None:
            return Bayes().decide(space, history, free_slots)
        stops: list[Stop] = []
        if isinstance(track, Whole) and not history.spec.further:
            with one_thread():
                stops = self._hopeless(space, history, track)
        begun = one_by_one(lambda s, h: self._next(s, h, track), space, history, free_slots)
        stops += climbing(history, begun)
        return [*stops, *begins(history, SEARCH, begun), *begun]

    def _track(self, history: History) -> Track | None:
        """The ladder that configs climb; None without curves."""
        T = history.spec.epochs
        if len(self.fractions) > 1 and history.takes_fraction is not False:
            return self._shares(history)
        if T == 1:
            return None
        if not history.can_pause:
            return Whole(T)
        return self._epochs(T)

    def _shares(self, history: History) -> Track:
        """Shares of the data, with slices of epochs on the whole if trials can pause.

        Then a share is of use only where one epoch of the next would be more than a first slice.
        """
        T = history.spec.epochs
        if T == 1 or not history.can_pause:
            return Fractions(self.fractions, T)
        used = tuple(f for f in self.fractions if f >= min(1.0, self.first_slice * T))
        return Both(used, self._epochs(T)) if len(used) > 1 else self._epochs(T)

    def _epochs(self, T: int) -> Epochs:
        return Epochs(T, max(1, round(self.first_slice * T)), self.growth)

    def _next(self, space: Space, history: History, track: Track) -> Decision | None:
        curves = track.curves(history)
        encoding = opinions(space).followed(curves)
        tried = taken(encoding, [c.config for c in curves])
        T = track.horizon
        whole = [c for c in curves if c.share == 1.0]
        owed = isinstance(track, Whole) or (
            isinstance(track, Epochs | Both) and owes(encoding, history, whole)
        )
        mixed = bool(history.spec.further) or not all(c.feasible for c in curves)
        n_first = min(max(len(encoding.group) + 1, 5), 8)
        if len(curves) < n_first or not any(c.epochs for c in curves):
            w, why = design(encoding, history, len(curves), trust(encoding, curves))
        elif owed and (first := to_finish(T, whole)) is not None:
            why = say("trains #{number} to its end, for the search by final values",
                      number=first.number)  # fmt: skip
            return Continue(first.number, T, why=why)
        elif owed and (known := final_values(T, whole)):
            w, why = Bayes().best(encoding, history, known, tried)
        elif isinstance(track, Epochs) and not (owed or mixed) and fall_alike(curves):
            return self._raced(encoding, history, track, curves, tried)
        else:
            now = moment(encoding, history, track, curves)
            row, value = now.best_paused(self._may_go_on(track, curves))
            w, new_value, why = now.best_new(tried)
            if not owed and row is not None and value + self._owed(track, curves) >= new_value:
                return track.go_on(now.outlook.curves[row], now.promise_at_end(row))
        u = untried(encoding, w, tried, stream(history, 1))
        if u is not None:
            config = encoding.config(u)
            return Start(config, T, why=why) if owed else track.start(config, why)
        return self._exhausted(history, track, curves)

    def _raced(
        self,
        encoding: Encoding,
        history: History,
        track: Epochs,
        curves: list[Curve],
        tried: Collection[bytes],
    ) -> Decision | None:
        """The next step of a race at equal epochs: on to the next rung, or a new config."""
        rungs = ladder(track.first, track.horizon, ETA)
        if (onward := next(promotions(history, rungs, ETA), None)) is not None:
            return onward
        rung, known = at_highest(rungs, curves)
        if known:
            w, why = Bayes().best(encoding, history, known, tried, epoch=rung)
        else:
            w, why = design(encoding, history, len(curves), trust(encoding, curves))
        u = untried(encoding, w, tried, stream(history, 1))
        if u is not None:
            return track.start(encoding.config(u), why)
        return self._exhausted(history, track, curves)

    def _hopeless(self, space: Space, history: History, track: Whole) -> list[Stop]:
        """Running trials that will hardly reach what the best trial reached already.

        Of several objectives none is ever hopeless: another mixture may make it the best.
        """
        # Here a running trial is judged by what it reported, not by what is believed of it.
        curves = [replace(c, until=0) for c in track.curves(history)]
        if sum(bool(c.epochs) for c in curves) < LEAST_SEEN:
            return []
        outlook = look(encode(space), history, curves, Horizon(track.horizon), stream(history, 2))
        shortest = max(2, round(self.first_slice * track.horizon))
        running = {t.number for t in history.running if t.stage not in IN_FULL}
        rows = np.array(
            [
                i
                for i, c in enumerate(outlook.curves)
                if c.number in running and shortest <= c.epoch < track.horizon
            ],
            int,
        )
        if not len(rows):
            return []
        mu, sd = outlook.predict_seen(rows, np.full(len(rows), track.horizon))
        stops = []
        for i, m, s in zip(rows, mu, sd, strict=True):
            if m - HOPELESS * s > outlook.best:
                said = expected(history, outlook.warp, float(m), float(s), track.horizon)
                stops.append(Stop(outlook.curves[i].number, say("hopeless: {said}", said=said)))
        return stops

    def _owed(self, track: Track, curves: list[Curve]) -> float:
        """How many times more, as a logarithm, a new config must promise than a paused trial."""
        if isinstance(track, Fractions):
            paid = sum(sum(c.epochs) + c.until for c in curves)
            climbed = paid - track.first * len(curves)
            return math.inf if climbed < CLIMBING * paid else 0.0
        reached = _reached(curves)
        spent = float(reached.sum())
        continued = spent - float(np.minimum(reached, track.first).sum())
        return self.patience if continued < self.continued * spent else 0.0

    def _may_go_on(self, track: Track, curves: list[Curve]) -> Callable[[Curve], bool]:
        """Whether few enough trials are as long as a curve would become."""
        if isinstance(track, Fractions):
            return lambda _: True
        reached = np.sort(_reached(curves))

        def allowed(curve: Curve) -> bool:
            length = track.price(curve)
            most = max(1.0, self.depth * len(curves) * track.first / length)
            return int(len(reached) - np.searchsorted(reached, length)) < most

        return allowed

    def _exhausted(self, history: History, track: Track, curves: list[Curve]) -> Decision | None:
        """Every config was tried: train what is paused to its end, best first, or finish."""
        paused = [c for c in curves if c.paused and c.epoch < track.horizon]
        if paused:
            best = min(paused, key=lambda c: (c.best, c.number))
            return track.go_on(best, say("every config of the space was tried"))
        return None if history.running else Finish(say("every config of the space was tried"))


def _reached(curves: list[Curve]) -> Array:
    """What each trial has cost in steps, or will have when its running training ends."""
    return np.array([max(c.epoch, c.until) * c.share for c in curves], float)
