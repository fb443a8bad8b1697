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
from danlu.strategies.encoding import Encoding, encode
from danlu.strategies.evidence import Curve, gather, one_by_one, stream
from danlu.strategies.outlook import Outlook, Settings, look
from danlu.strategies.search import design, expected, log_success, seek, untried
from danlu.surrogates.acquisition import log_ei
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
        settings: How the model is built.
    """

    first_slice: float = 0.06
    growth: float = 1.5
    continued: float = 0.75
    far_new: float = 0.5
    far_paused: float = 0.25
    settings: Settings = field(default_factory=Settings)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        if history.spec.epochs == 1 or not history.can_pause:
            return Bayes().decide(space, history, free_slots)
        return one_by_one(self._next, space, history, free_slots)

    def _next(self, space: Space, history: History) -> Decision | None:
        encoding, curves = encode(space), gather(history)
        tried = encoding.place([c.trial.config for c in curves])
        n_first = min(max(len(encoding.group) + 1, 5), 8)
        if len(curves) < n_first or not any(len(c.epochs) for c in curves):
            w, why = design(encoding, history, len(curves))
        else:
            rng = stream(history)
            outlook = look(encoding, history, curves, self.settings, rng)
            paused, value = self._best_paused(outlook, rng)
            if paused is not None and self._owes_continuation(history, curves):
                return self._continue(history, outlook, paused)
            w, new_value, why = self._best_new(outlook, history, curves, tried, rng)
            if paused is not None and value >= new_value:
                return self._continue(history, outlook, paused)
        u = untried(encoding, w, tried, stream(history, 1))
        if u is None:
            return self._exhausted(history)
        return Start(encoding.config(u), self._slice(history), why=why)

    def _slice(self, history: History) -> int:
        return max(1, round(self.first_slice * history.spec.epochs))

    def _owes_continuation(self, history: History, curves: list[Curve]) -> bool:
        """Whether less than the share of all epochs went into continuing."""
        first = self._slice(history)
        reached = np.array([max(c.epoch, c.trial.until * c.trial.open) for c in curves])
        spent = float(reached.sum())
        return bool(spent - np.minimum(reached, first).sum() < self.continued * spent)

    def _best_paused(
        self, outlook: Outlook, rng: np.random.Generator
    ) -> tuple[int | None, float]:
        """Row of the paused trial of the highest expected improvement, and its logarithm."""
        T, rows = outlook.horizon.epochs, outlook.paused
        ahead = T if rng.random() < self.far_paused else int(rng.integers(1, T + 1))
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
        epoch = T if rng.random() < self.far_new else int(rng.integers(1, T + 1))
        success = log_success(encoding, curves)

        def score(X: Array) -> Array:
            mu, sd = outlook.predict_new(X, epoch)
            return log_ei(mu, sd, outlook.best) + success(X)

        good = sorted((c for c in outlook.curves if c.epochs), key=lambda c: c.best)[:8]
        top = encoding.place([c.trial.config for c in good])
        w, value = seek(encoding, score, top, tried, history.trainings, rng)
        mu, sd = outlook.predict_new(encoding.snap(w[None])[1], T)
        why = f"explores: {expected(history, outlook.warp, float(mu[0]), float(sd[0]), T)}"
        return w, value, why

    def _continue(self, history: History, outlook: Outlook, row: int) -> Continue:
        T, curve = history.spec.epochs, outlook.curves[row]
        until = min(T, max(curve.epoch + 1, math.ceil(curve.epoch * self.growth - 1e-9)))
        mu, sd = outlook.predict_seen(np.array([row]), np.array([T]))
        said = expected(history, outlook.warp, float(mu[0]), float(sd[0]), T)
        return Continue(curve.trial.number, until, why=f"continues #{curve.trial.number}: {said}")

    def _exhausted(self, history: History) -> Decision | None:
        """Every config was tried: train the rest, wait for what runs, or finish."""
        if history.paused:
            return None
        return None if history.running else Finish("every config of the space was tried")
