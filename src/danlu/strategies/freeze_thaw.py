"""Freeze-thaw search: each decision trains the config, new or paused, that promises most.

The curves of all trials are one exact low-rank Gaussian process (`danlu.surrogates.curve_gp`).
New configs get a short first slice; a paused trial goes on in slices that grow geometrically.
Candidates are compared by the expected improvement at a random horizon (Rakotoarison et al.
2024), which mixes greedy and far-sighted decisions.

Source: Swersky, Snoek and Adams, Freeze-Thaw Bayesian Optimization, 2014.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from danlu.core.decision import Continue, Decision, Finish, Start
from danlu.core.history import History
from danlu.core.space import Space
from danlu.strategies.bayes import Bayes
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import Curve, one_by_one, stream
from danlu.strategies.outlook import Outlook, Settings, look
from danlu.strategies.search import design, expected, log_success, seek, untried
from danlu.strategies.tracks import Epochs, Fractions, Track
from danlu.surrogates.acquisition import log_ei
from danlu.surrogates.curves import Horizon
from danlu.surrogates.linalg import Array


@dataclass(frozen=True, slots=True)
class FreezeThaw:
    """Chooses between new configs and paused trials.

    Attributes:
        first_slice: Share of a full training that a new config gets.
        growth: Factor by which a continued trial's length grows.
        continued: Share of all epochs that goes into continuing; which trial goes on is still
            the model's choice. Without it the best of hundreds of new candidates always wins.
        far_new: Probability that new configs are compared at the end of a full training.
        far_paused: The same for paused trials.
        fractions: Shares of the training data, ascending up to 1, for training that takes them:
            a config climbs from share to share.
        settings: How the model is built.
    """

    first_slice: float = 0.06
    growth: float = 1.5
    continued: float = 0.75
    far_new: float = 0.5
    far_paused: float = 0.25
    rivals: bool = False
    margin: float = 100.0
    shares_continue: bool = False
    slack: float = 1e9
    tilt: float = 0.0
    fractions: tuple[float, ...] = ()
    settings: Settings = field(default_factory=Settings)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        track = self._track(history)
        if track is None:
            return Bayes().decide(space, history, free_slots)
        return one_by_one(lambda s, h: self._next(s, h, track), space, history, free_slots)

    def _track(self, history: History) -> Track | None:
        T = history.spec.epochs
        if T > 1 and history.can_pause and not self.fractions:
            return Epochs(T, max(1, round(self.first_slice * T)), self.growth)
        if len(self.fractions) > 1 and history.takes_fraction is not False:
            return Fractions(self.fractions, T)
        return None

    def _next(self, space: Space, history: History, track: Track) -> Decision | None:
        encoding, curves = encode(space), track.curves(history)
        tried = encoding.place([c.config for c in curves])
        n_first = min(max(len(encoding.group) + 1, 5), 8)
        if len(curves) < n_first or not any(len(c.epochs) for c in curves):
            w, why = design(encoding, history, len(curves))
        else:
            rng = stream(history)
            horizon = Horizon(track.horizon)
            outlook = look(
                encoding, history, curves, horizon, self.settings, rng,
                comparable_only=isinstance(track, Fractions),
            )  # fmt: skip
            row, value = self._best_paused(outlook, rng, track, curves)
            w, new_value, why = self._best_new(outlook, history, curves, tried, rng)
            owed = self.margin if self._owes_continuation(track, curves) else 0.0
            if row is not None and value + owed >= new_value:
                return self._go_on(history, outlook, track, row)
        u = untried(encoding, w, tried, stream(history, 1))
        return self._exhausted(history) if u is None else track.start(encoding.config(u), why)

    def _owes_continuation(self, track: Track, curves: list[Curve]) -> bool:
        """Whether less than the share of all epochs went into continuing."""
        if isinstance(track, Fractions):
            if not self.shares_continue: return False
            spent = sum(sum(c.epochs)+c.until for c in curves); first=track.first*len(curves)
            return spent-first < self.continued*spent
        reached = np.array([max(c.epoch, c.until) for c in curves])
        spent = float(reached.sum())
        first = float(np.minimum(reached, track.first).sum())
        return spent - first < self.continued * spent

    def _best_paused(
        self, outlook: Outlook, rng: np.random.Generator, track: Track, curves: list[Curve]
    ) -> tuple[int | None, float]:
        """Row of the paused trial of the highest expected improvement, and its logarithm."""
        T, rows = outlook.horizon.epochs, outlook.paused
        far = self.fractions or rng.random() < self.far_paused
        ahead = T if far else int(rng.integers(1, T + 1))
        reached = np.array([max(c.epoch, c.until) for c in curves])

        def allowed(i: int) -> bool:
            b = track.after(outlook.curves[i].epoch)
            return bool((reached >= b).sum() < max(1.0, self.slack * len(curves) * track.first / b))

        rows = np.array([i for i in rows if allowed(i)], int)
        if not len(rows):
            return None, -math.inf
        at = np.array([outlook.curves[i].epoch for i in rows])
        mu, sd = outlook.predict_seen(rows, np.minimum(at + ahead, T))
        a = log_ei(mu, sd, outlook.best)
        return int(rows[np.argmax(a)]), float(a.max())

    def _best_new(
        self,
        outlook: Outlook,
        history: History,
        curves: list[Curve],
        tried: Array,
        rng: np.random.Generator,
    ) -> tuple[Array, float, str]:
        """The new config of the highest expected improvement, its logarithm, and why."""
        T, encoding = outlook.horizon.epochs, outlook.encoding
        far = self.fractions or rng.random() < self.far_new
        epoch = T if far else int(rng.integers(1, T + 1))
        success = log_success(encoding, curves)

        goal = outlook.best
        rows = outlook.paused
        if self.rivals and len(rows):
            at = np.array([outlook.curves[i].epoch for i in rows])
            goal = min(goal, float(outlook.predict_seen(rows, np.minimum(at + epoch, T))[0].min()))

        def score(X: Array) -> Array:
            mu, sd = outlook.predict_new(X, epoch)
            return log_ei(mu, sd, goal) + success(X)

        good = sorted((c for c in outlook.curves if c.epochs), key=lambda c: c.best)[:8]
        top = encoding.place([c.config for c in good])
        w, value = seek(encoding, score, top, tried, history.trainings, rng, self.tilt)
        mu, sd = outlook.predict_new(encoding.snap(w[None])[1], T)
        why = f"explores: {expected(history, outlook.warp, float(mu[0]), float(sd[0]), T)}"
        return w, value, why

    def _go_on(
        self, history: History, outlook: Outlook, track: Track, row: int
    ) -> Start | Continue:
        T = track.horizon
        mu, sd = outlook.predict_seen(np.array([row]), np.array([T]))
        said = expected(history, outlook.warp, float(mu[0]), float(sd[0]), T)
        return track.go_on(outlook.curves[row], said)

    def _exhausted(self, history: History) -> Decision | None:
        """Every config was tried: train the rest, wait for what runs, or finish."""
        if history.paused:
            return None
        return None if history.running else Finish("every config of the space was tried")
