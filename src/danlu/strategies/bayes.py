"""Bayesian optimisation over full trainings: one Gaussian process, log expected improvement.

For objectives without usable curves, or trials that cannot pause. The experts' default comes
first, then a few even points, then the config of the largest expected improvement.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from danlu.core.decision import Decision, Finish, Start
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.costs import log_cost
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import (
    Curve,
    Fit,
    fingerprint,
    fitted,
    gather,
    milestone,
    one_by_one,
    stream,
)
from danlu.strategies.full_length import unfinished
from danlu.strategies.grid import Grid
from danlu.strategies.opinions import opinions
from danlu.strategies.options import check_number, check_whole
from danlu.strategies.search import (
    design,
    expected,
    informed_share,
    log_feasible,
    log_success,
    rows_of,
    seek,
    spaced,
    untried,
)
from danlu.strategies.taken import taken
from danlu.strategies.trust import trust
from danlu.surrogates.acquisition import log_ei
from danlu.surrogates.gp import GP, condition_gp, fit_gp, gp_prior
from danlu.surrogates.linalg import Array
from danlu.surrogates.warping import Warp, fit_warp

MOST_CONDITIONED = 300  # trials the process is conditioned on; more cost without gain
MOST_FITTED = 80
MOST_PENDING = 100  # running and failed trials, the latest


@dataclass(frozen=True, slots=True)
class Bayes:
    """Chooses configs for full trainings.

    Attributes:
        first: Number of trials before the model decides; None takes as many as there are
            parameters, 3 to 6.
        steepness: How much the neighbourhood of the best is magnified.
        refit: Growth of the number of trials after which hyperparameters are fitted again.
    """

    first: int | None = None
    steepness: float = 4.0
    refit: float = 1.08

    def __post_init__(self) -> None:
        if self.first is not None:
            check_whole("bayes", "first", self.first, 1)
        check_number("bayes", "steepness", self.steepness, 0.01, 1000.0)
        check_number("bayes", "refit", self.refit, 1.0, 10.0)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        if not space.free:
            return Grid().decide(space, history, free_slots)  # there is one config only
        return one_by_one(self._next, space, history, free_slots)

    def _next(self, space: Space, history: History) -> Decision | None:
        for shorter in unfinished(history, history.spec.epochs, 1):
            return shorter
        curves, until = gather(history), history.spec.epochs
        encoding = opinions(space).followed(curves)
        tried = taken(encoding, [c.config for c in curves])
        n_first = self.first or min(max(len(encoding.axes), 3), 6)
        if len(curves) < n_first or not any(c.ended for c in curves):
            w, why = design(encoding, history, len(curves), trust(encoding, curves))
        else:
            w, why = self.best(encoding, history, curves, tried)
        w2 = untried(encoding, w, tried, stream(history, 1))
        if w2 is None:
            return None if history.running else Finish(say("every config of the space was tried"))
        return Start(encoding.config(w2), until, why=why)

    def best(
        self,
        encoding: Encoding,
        history: History,
        curves: list[Curve],
        tried: Collection[bytes],
        *,
        epoch: int | None = None,
    ) -> tuple[Array, str]:
        """The new config of the largest expected improvement, as a point, and why.

        Args:
            encoding: The space.
            history: Its seed and length draw the candidates.
            curves: What is known; one at least has ended well.
            tried: Cells that are taken.
            epoch: To where the curves go, if not to the end of a training.
        """
        rng = stream(history)
        done = [c for c in curves if c.ended]
        kept = spaced([c.best for c in done], MOST_CONDITIONED, rng)
        seen = [done[i] for i in kept]
        goals = [c.best for c in done if c.feasible]
        warp = fit_warp(
            np.array([c.best for c in done]), min(goals or [c.best for c in done]), self.steepness
        )
        theta = self._theta(encoding, history, done)
        gp = self._condition(encoding, seen, curves, warp, theta)
        best = float(warp(np.array([warp.best]))[0])
        success = log_success(encoding, curves)
        feasible = log_feasible(encoding, history)
        cost = log_cost(encoding, history)

        def score(X: Array) -> Array:
            chance = success(X) + feasible(X)
            if not goals:
                return chance
            mu, variance = gp.predict(X)
            return log_ei(mu, np.sqrt(variance), best) + chance - cost(X)

        order = np.argsort([c.merit for c in seen], kind="stable")
        top = encoding.place([seen[i].config for i in order[:8]])
        share = informed_share(encoding, history, curves)
        w, _ = seek(encoding, score, top, tried, share, rng)
        mu, variance = gp.predict(encoding.snap(w[None])[1])
        at = history.spec.epochs if epoch is None else epoch
        said = expected(history, warp, float(mu[0]), float(variance[0]) ** 0.5, at)
        return w, say("explores: {said}", said=said)

    def _condition(
        self, encoding: Encoding, seen: list[Curve], curves: list[Curve], warp: Warp, theta: Array
    ) -> GP:
        """The process given what is known.

        Running trials are believed at their predicted values, failed ones count as bad.
        """
        X, z = rows_of(encoding, seen), warp(np.array([c.best for c in seen]))
        gp = condition_gp(X, z, encoding.group, theta)
        pending = [c for c in curves if c.failed or c.awaited][-MOST_PENDING:]
        if not pending:
            return gp
        P = rows_of(encoding, pending)
        worst = float(np.quantile(z, 0.975))
        believed = np.where([c.failed for c in pending], worst, gp.predict(P)[0])
        return condition_gp(np.r_[X, P], np.r_[z, believed], encoding.group, theta)

    def _theta(self, encoding: Encoding, history: History, done: list[Curve]) -> Array:
        cut = milestone(done, self.refit)
        past = [p for c in done if len((p := c.before(cut)).epochs)]

        def make() -> Array:
            rng = np.random.default_rng(history.spec.seed)
            best = np.array([c.best for c in past])
            kept = spaced(list(best), MOST_FITTED, rng)
            z = fit_warp(best, float(best.min()), self.steepness)(best[kept])
            X = rows_of(encoding, [past[i] for i in kept])
            return fit_gp(X, z, encoding.group, gp_prior(encoding.ell))

        if history.spec.further:  # the losses are others at each decision: nothing to keep
            return make()
        return fitted(Fit(("bayes", self, *fingerprint(history, past)), make))
