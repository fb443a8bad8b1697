"""Parts that the model-based strategies share: first points, candidates, words."""

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
from scipy.special import log_ndtr

from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.spec import Constraint
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Curve, weights
from danlu.strategies.opinions import opinions
from danlu.strategies.portfolio import portfolio
from danlu.strategies.taken import cells
from danlu.strategies.trust import trust
from danlu.surrogates.candidates import even_points, perturbed
from danlu.surrogates.gp import condition_gp, fit_gp, gp_prior
from danlu.surrogates.kernels import matern52_between, scaled
from danlu.surrogates.linalg import Array
from danlu.surrogates.warping import Warp

GLOBAL = 512  # candidates over the whole space
LOCAL_EACH = 24  # neighbours of each good config
LOCAL_SD = 0.1
ROUNDS, ROUND_TOP, ROUND_EACH, ROUND_SHRINK = 4, 6, 12, 0.6
INFORMED_DESIGN = 0.8  # of the first trials, drawn from what experts expect
UNTESTED = 5  # of so many first trials one is even, where what experts expect is not tested
GOLDEN, OFFSET = 0.618034, 0.9  # deal a share out evenly over the first trials
INFORMED_SHARE = 0.5  # of the global candidates, drawn from what experts expect …
FADES_OVER = 20.0  # … falling to half of that after so many trainings
LEAST_KNOWN = 3  # values of a constraint's metric before it is modelled
MOST_KNOWN = 80  # values that its model rests on: those nearest to the bound, and some drawn
Score = Callable[[Array], Array]


def design(
    encoding: Encoding, history: History, number: int, trusted: float | None = None
) -> tuple[Array, str]:
    """The point of a first trial: the default, the portfolio, then even draws, most informed.

    Where the default lies far from what is usual, that comes second.

    Args:
        encoding: The space.
        history: Its seed tells the draws apart.
        number: Which of the first trials, from 0.
        trusted: How far what experts expect is believed; None if it was not tested.
    """
    known = opinions(encoding.space)
    firsts = [(known.own.default(), say("begins with the default config"))]
    if known.usual is not None:
        why = say("looks around: the default, with usual numbers where it is far from them")
        firsts.append((known.usual.default(), why))
    firsts += [(w, say("looks around: did well on other tasks")) for w in portfolio(encoding)]
    if number < len(firsts):
        return firsts[number]
    rng = np.random.default_rng([history.spec.seed & 0xFFFFFFFF, 7])
    w = even_points(number, len(encoding.axes), rng)[-1:]
    if trusted is None:
        informed = number % UNTESTED > 0
    else:
        informed = (number * GOLDEN + OFFSET) % 1.0 < INFORMED_DESIGN * trusted
    if encoding.informed and informed:
        return encoding.prior_draw(w)[0], say("looks around: near what experts expect")
    return w[0], say("looks around: an even design over the space")


def rows_of(encoding: Encoding, curves: Sequence[Curve]) -> Array:
    """Encoded configs of some curves, (n, p)."""
    return encoding.snap(encoding.place([c.config for c in curves]))[1]


def spaced(values: Sequence[float], most: int, rng: np.random.Generator) -> list[int]:
    """Indices of at most ``most`` values: three quarters the best, the others drawn."""
    if len(values) <= most:
        return list(range(len(values)))
    order = np.argsort(values, kind="stable")
    k = most * 3 // 4
    return [*order[:k].tolist(), *rng.choice(order[k:], most - k, replace=False).tolist()]


def log_success(encoding: Encoding, curves: Sequence[Curve]) -> Score:
    """Logarithm of the probability that training a config does not fail.

    A kernel vote of the trials, with one success and one failure in advance, scaled so that a
    config without failures nearby has probability one.
    """
    if not any(c.failed for c in curves):
        return lambda X: np.zeros(len(X))
    ell = 0.3 * np.sqrt(len(encoding.axes)) * encoding.ell
    A = scaled(rows_of(encoding, curves), ell, encoding.group)
    well = np.array([not c.failed for c in curves], float)

    def score(X: Array) -> Array:
        votes = matern52_between(scaled(X, ell, encoding.group), A)
        chance = (1.0 + votes @ well) / (2.0 + votes.sum(1))
        return np.asarray(np.log(np.minimum(2.0 * chance, 1.0)))

    return score


def log_feasible(encoding: Encoding, history: History) -> Score:
    """Logarithm of the probability that a config keeps to every constraint.

    Each constraint's metric has a Gaussian process of its own over the trials' last values.
    """
    scores = [_log_holds(encoding, history, c) for c in history.spec.constraints]
    return lambda X: np.asarray(sum((score(X) for score in scores), np.zeros(len(X))))


def _log_holds(encoding: Encoding, history: History, constraint: Constraint) -> Score:
    trials = [t for t in history.trials.values() if t.proxy.full]
    known = [(t, v) for t in trials if math.isfinite(v := _known(t, constraint.metric))]
    y, bound = np.array([v for _, v in known]), constraint.bound
    if len(known) < LEAST_KNOWN or np.ptp(y) == 0:
        return lambda X: np.zeros(len(X))
    if min(*y, bound) > 0:  # such as parameters or seconds: their ratios count
        y, bound = np.log(y), math.log(bound)
    rows = spaced(list(np.abs(y - bound)), MOST_KNOWN, np.random.default_rng(history.spec.seed))
    mean, sd = y.mean(), y.std()
    sign = -1.0 if constraint.relation.startswith(">") else 1.0
    X = encoding.snap(encoding.place([known[i][0].config for i in rows]))[1]
    z = sign * (y[rows] - mean) / sd
    theta = fit_gp(X, z, encoding.group, gp_prior(encoding.ell))
    gp, limit = condition_gp(X, z, encoding.group, theta), sign * (bound - mean) / sd

    def score(X: Array) -> Array:
        mu, variance = gp.predict(X)
        return np.asarray(log_ndtr((limit - mu) / np.sqrt(variance)))

    return score


def _known(trial: TrialRecord, metric: str) -> float:
    value = trial.last(metric)
    return math.nan if value is None else value


def informed_share(encoding: Encoding, history: History, curves: Sequence[Curve]) -> float:
    """Share of the candidates that come from what experts expect: fades, and follows trust."""
    if not encoding.informed:
        return 0.0
    fading = 1.0 + history.trainings / FADES_OVER
    return INFORMED_SHARE * trust(encoding, curves) / fading


def seek(
    encoding: Encoding,
    score: Score,
    top: Array,
    tried: Collection[bytes],
    informed: float,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """The point with the highest score, and that score.

    Candidates are drawn over the whole space, the share ``informed`` of them from what experts
    expect, and around the best configs ``top``; the best candidates are then refined in shrinking
    steps.
    """
    W = rng.random((GLOBAL, len(encoding.axes)))
    n = int(GLOBAL * informed)
    W[:n] = encoding.prior_draw(W[:n])

    def rated(W: Array) -> tuple[Array, Array]:
        U, X = encoding.snap(W)
        a = score(X)
        a[[cell in tried for cell in cells(U)]] = -np.inf
        return a, U

    around = perturbed(top, LOCAL_EACH, LOCAL_SD, encoding.cell, encoding.unordered, rng)
    a, W = rated(np.r_[W, around])
    sd = LOCAL_SD
    for _ in range(ROUNDS):
        best = np.argsort(-a, kind="stable")[:ROUND_TOP]
        near = perturbed(W[best], ROUND_EACH, sd, encoding.cell, encoding.unordered, rng)
        b, near = rated(near)
        a, W = np.r_[a[best], b], np.r_[W[best], near]
        sd *= ROUND_SHRINK
    winner = int(np.argmax(a))
    return W[winner], float(a[winner])


def untried(
    encoding: Encoding, w: Array, tried: Collection[bytes], rng: np.random.Generator
) -> Array | None:
    """``w``, or another point if its config was tried already; None if all were."""
    candidates = np.r_[w[None], rng.random((256, len(encoding.axes)))]
    if encoding.size <= 4096 and len(tried) > encoding.size / 4:
        candidates = np.r_[w[None], rng.permutation(_grid(encoding))]
    U = encoding.snap(candidates)[0]
    for u in U:
        # As its config will be read back: two points may be one config of six digits.
        read_back = encoding.snap(encoding.place([encoding.config(u)]))[0]
        if cells(read_back)[0] not in tried:
            return np.asarray(u)
    return None


def _grid(encoding: Encoding) -> Array:
    """All points of a small discrete space."""
    axes = [(np.arange(a.cells) + 0.5) / a.cells for a in encoding.axes]
    return np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], 1)


def expected(history: History, warp: Warp, mu: float, sd: float, epoch: int) -> str:
    """What a decision expects, in the objective's own units.

    Of several objectives it is the scalarised loss, and the weights are told.
    """
    middle, low, high = warp.inverse(np.array([mu, mu - sd, mu + sd]))
    sign = 1.0 if history.spec.further else history.objective.loss(1.0)
    spread = 0.5 * (high - low)
    return _weighing(history) + (
        say(
            "predicted {middle:.4g} ± {spread:.2g} at epoch {epoch}, best so far {best:.4g}",
            middle=sign * middle,
            spread=spread,
            epoch=epoch,
            best=sign * warp.best,
        )
    )


def _weighing(history: History) -> str:
    """Which mixture of several objectives a decision looks at; empty for one."""
    if not history.spec.further:
        return ""
    pairs = zip(weights(history), history.spec.objectives, strict=True)
    return say(
        "weighs {pairs}, scalarised loss ",
        pairs=tuple(f"{o.metric} {w:.0%}" for w, o in pairs),
    )
