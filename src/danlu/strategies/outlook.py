"""What the curve model expects of every trial and of configs never trained."""

import math
from dataclasses import dataclass

import numpy as np

from danlu.core.history import History
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve, Fit, fingerprint, fitted, milestone
from danlu.strategies.search import rows_of, spaced
from danlu.surrogates.curve_gp import CurveGP, condition_curve_gp, curve_prior, fit_curve_gp
from danlu.surrogates.curves import Horizon, statistics
from danlu.surrogates.linalg import Array, Ints
from danlu.surrogates.warping import Warp, fit_warp

WORST = 0.975  # quantile of what was seen that a failed config is taken to reach


STEEPNESS = 4.0  # how much the neighbourhood of the best is magnified
REFIT = 1.2  # growth of the number of reports after which hyperparameters are fitted again
MOST_CONDITIONED = 64  # curves that predictions rest on
MOST_FAILED = 16  # trials without any value that are counted as bad ones, the latest
SHARE_ELL = 1.0  # lengthscale of the share of the data relative to other parameters
MOST_FITTED = 36  # curves that hyperparameters are fitted to
EMPTY = np.empty(0)


@dataclass(frozen=True)
class Outlook:
    """The model at one moment of a study; made by `look`.

    Attributes:
        curves: The trials that it was conditioned on, in the order of its rows.
        best: The best value so far, warped.
        smallest: The smallest share of the data among the trials; 1 if all are on the whole.
    """

    encoding: Encoding
    horizon: Horizon
    curves: list[Curve]
    warp: Warp
    gp: CurveGP
    best: float
    smallest: float = 1.0

    @property
    def paused(self) -> Ints:
        """Rows of the trials that can be continued, or go to a larger share of the data."""
        T = self.horizon.epochs
        rows = [
            i for i, c in enumerate(self.curves) if c.paused and (c.epoch < T or c.share < 1.0)
        ]
        return np.array(rows, int)

    def predict_seen(self, rows: Ints, epochs: Ints) -> tuple[Array, Array]:
        """Warped mean and standard deviation of trials, each at an epoch of its own."""
        mu, variance = self.gp.predict_seen(rows, epochs)
        return mu, np.sqrt(variance)

    def predict_ahead(self, rows: Ints, ahead: int) -> tuple[Array, Array]:
        """The same for trials after ``ahead`` more epochs, at most all; on the whole data.

        Those on a share of the data are expected there as configs that begin anew.
        """
        T = self.horizon.epochs
        at = np.array([self.curves[i].epoch for i in rows])
        mu, sd = self.predict_seen(rows, np.minimum(at + ahead, T))
        part = np.array([self.curves[i].share < 1.0 for i in rows])
        if part.any():
            X = rows_of(self.encoding, [self.curves[i] for i in rows[part]])
            mu[part], sd[part] = self.predict_new(X, min(ahead, T))
        return mu, sd

    def predict_new(self, X: Array, epoch: int, *, own: bool = True) -> tuple[Array, Array]:
        """Warped mean and standard deviation of new configs at an epoch, on the whole data."""
        if self.smallest < 1.0:
            X = np.c_[X, np.zeros(len(X))]
        mu, variance = self.gp.predict_new(X, epoch, own=own)
        return mu, np.sqrt(variance)


def look(
    encoding: Encoding,
    history: History,
    curves: list[Curve],
    horizon: Horizon,
    rng: np.random.Generator,
    *,
    most: int = MOST_CONDITIONED,
    comparable_only: bool = False,
) -> Outlook:
    """Fit and condition the model; at least one curve must have a finite value.

    Where trials saw shares of the data, the share is one more input of the model, and values on
    all the data count as the best so far, once there are any. Predictions rest on ``most`` curves:
    the best ones and some drawn. With ``comparable_only`` only values at the horizon count as the
    best so far, once there are any: those on less data are of another task.
    """
    seen = [c for c in curves if len(c.epochs)]
    well = [c for c in seen if not c.failed] or seen
    fit = [c for c in well if c.feasible] or well
    fit = [c for c in fit if c.share == 1.0] or fit
    warp = fit_warp(np.array([c.last for c in well]), min(c.best for c in fit), STEEPNESS)
    inputs = Inputs(encoding, min(c.share for c in curves))
    theta = _theta(inputs, history, seen, horizon)
    kept = [seen[i] for i in spaced([c.best for c in seen], most, rng)]
    rows, epochs, values = _observations(kept, curves, warp, horizon.epochs)
    X = inputs.rows(rows)
    gp = condition_curve_gp(horizon, X, inputs.group, epochs, values, theta)
    if any(c.awaited for c in rows):
        epochs, values = _believed(gp, rows)
        gp = condition_curve_gp(horizon, X, inputs.group, epochs, values, theta)
    whole = [c.last for c in fit if c.epoch >= horizon.epochs]
    goal = min(whole) if comparable_only and whole else warp.best
    best = float(warp(np.array([goal]))[0])
    return Outlook(encoding, horizon, rows, warp, gp, best, inputs.smallest)


@dataclass(frozen=True)
class Inputs:
    """What the model knows of a trial before its curve: its config, and its share of the data.

    Attributes:
        smallest: The smallest share among the trials; 1 if all are on the whole data.
    """

    encoding: Encoding
    smallest: float

    @property
    def group(self) -> Ints:
        """Which lengthscale each column has."""
        known = self.encoding.group
        return known if self.smallest == 1.0 else np.r_[known, known.max() + 1]

    @property
    def ell(self) -> Array:
        """What is expected of the lengthscales, relative to each other."""
        known = self.encoding.ell
        return known if self.smallest == 1.0 else np.r_[known, SHARE_ELL]

    def rows(self, curves: list[Curve]) -> Array:
        """Encoded configs, and the logarithm of the share from 0 (the whole) to 1, (n, p)."""
        X = rows_of(self.encoding, curves)
        if self.smallest == 1.0:
            return X
        places = [math.log(c.share) / math.log(self.smallest) for c in curves]
        return np.asarray(np.c_[X, places])


def _observations(
    kept: list[Curve], curves: list[Curve], warp: Warp, end: int
) -> tuple[list[Curve], list[tuple[int, ...]], list[Array]]:
    """Rows of the model: the kept curves, failed trials as bad ones, and running ones.

    A failed trial counts as one that ended badly: what it reported before the failure says little
    about where it led.
    """
    last, warped = warp(np.array([c.last for c in kept])), _warped(kept, warp)
    worst = np.array([float(np.quantile(last, WORST))])
    rows: list[Curve] = []
    epochs: list[tuple[int, ...]] = []
    values: list[Array] = []
    failed = [c for c in curves if c.failed and not c.epochs][-MOST_FAILED:]
    begun = [c for c in curves if c.awaited and not c.epochs]
    for c, z in zip([*kept, *failed, *begun], [*warped, *[EMPTY] * (len(failed) + len(begun))],
                    strict=True):  # fmt: skip
        rows.append(c)
        epochs.append((end,) if c.failed else c.epochs)
        values.append(worst if c.failed else z)
    return rows, epochs, values


def _warped(curves: list[Curve], warp: Warp) -> list[Array]:
    """The warped losses of each curve; all at once, since a call costs more than its numbers."""
    ends = np.cumsum([len(c.losses) for c in curves])
    return np.split(warp(np.concatenate([c.losses for c in curves])), ends[:-1])


def _believed(gp: CurveGP, rows: list[Curve]) -> tuple[list[tuple[int, ...]], list[Array]]:
    """Running trials get their predicted value at the epoch they train to."""
    epochs, values = list(gp.epochs), list(gp.values)
    waiting = np.array([i for i, c in enumerate(rows) if c.awaited])
    targets = np.array([rows[i].until for i in waiting])
    mu, _ = gp.predict_seen(waiting, targets)
    for i, target, m in zip(waiting, targets, mu, strict=True):
        epochs[i] = (*epochs[i], int(target))
        values[i] = np.r_[values[i], m]
    return epochs, values


def _theta(
    inputs: Inputs,
    history: History,
    seen: list[Curve],
    horizon: Horizon,
) -> Array:
    """Hyperparameters fitted to the curves as they stood at the last milestone."""
    cut = milestone(seen, REFIT)
    past = [p for c in seen if len((p := c.before(cut)).epochs)]

    def make() -> Array:
        best = min(c.best for c in past)
        warp = fit_warp(np.array([c.last for c in past]), best, STEEPNESS)
        kept = _informative(past, MOST_FITTED, history.spec.seed)
        stats = statistics(horizon, [c.epochs for c in kept], _warped(kept, warp))
        return fit_curve_gp(inputs.rows(kept), inputs.group, stats, curve_prior(inputs.ell))

    if history.spec.further:  # the losses are others at each decision: nothing to keep
        return make()
    return fitted(Fit(("curves", inputs.smallest, *fingerprint(history, past)), make))


def _informative(curves: list[Curve], most: int, seed: int) -> list[Curve]:
    """Half the longest curves, the others drawn."""
    if len(curves) <= most:
        return curves
    order = np.argsort([-len(c.epochs) for c in curves], kind="stable")
    drawn = np.random.default_rng(seed & 0xFFFFFFFF).choice(
        order[most // 2 :], most - most // 2, replace=False
    )
    return [curves[i] for i in [*order[: most // 2].tolist(), *drawn.tolist()]]
