"""Seconds per epoch of configs, learned from the trials that were timed.

Where time is the budget, what counts is the improvement per second: a network of twice the width
may take four times as long. The logarithm of the seconds is a Gaussian process over configs, so
that times which depend on nothing that varies (a busy machine) change no decision.
"""

import math

import numpy as np

from danlu.core.history import History
from danlu.strategies.budgeting import epoch_seconds
from danlu.strategies.encoding import Encoding
from danlu.strategies.evidence import Fit, fitted
from danlu.strategies.search import Score
from danlu.surrogates.gp import condition_gp, fit_gp, gp_prior
from danlu.surrogates.linalg import Array

LEAST_TIMED = 6  # trials before times are modelled
CLEARLY = 0.25  # standard deviation of ln seconds below which costs count as equal
MOST_TIMED = 80  # trials that the model rests on, evenly taken
GROWTH = 1.3  # of their number, after which hyperparameters are fitted again
NOISE = -1.0  # ln of the expected share of the variance that no parameter explains
FITTED_DIGITS = 1  # of ln seconds that a fit sees, so that most new times need none


def log_cost(encoding: Encoding, history: History) -> Score:
    """Logarithm of the seconds per epoch, relative to the trial in the middle.

    Zero where time is not the budget or costs do not vary clearly.
    """
    trials = [t for t in history.trials.values() if t.seconds > 0 and t.reports]
    if history.spec.budget.seconds is None or len(trials) < LEAST_TIMED:
        return _equal
    trials = trials[:: math.ceil(len(trials) / MOST_TIMED)]
    seconds = np.array([epoch_seconds(t) / t.proxy.data_fraction for t in trials])
    y = np.log(np.maximum(seconds, 1e-9))
    y -= np.median(y)
    if (sd := float(y.std())) < CLEARLY:
        return _equal
    X = encoding.snap(encoding.place([t.config for t in trials]))[1]
    gp = condition_gp(X, y / sd, encoding.group, _theta(encoding, history, X, y))
    return lambda new: gp.predict(new)[0] * sd


def _theta(encoding: Encoding, history: History, X: Array, y: Array) -> Array:
    """Hyperparameters fitted to the first of the times, as many as at the last milestone."""
    k = LEAST_TIMED
    while math.ceil(k * GROWTH) <= len(X):
        k = math.ceil(k * GROWTH)
    X, rough = X[:k], np.round(y[:k], FITTED_DIGITS)
    prior = gp_prior(np.ones_like(encoding.ell), noise=NOISE)
    z = rough / max(float(rough.std()), CLEARLY)
    key = ("cost", repr(history.spec.space), X.tobytes(), rough.tobytes())
    return fitted(Fit(key, lambda: fit_gp(X, z, encoding.group, prior)))


def _equal(X: Array) -> Array:
    return np.zeros(len(X))
