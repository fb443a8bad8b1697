"""New configs: near what experts expect, evenly over the ranges, or by the model of the curves."""

import math

import numpy as np

from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter, Value
from danlu.core.sentence import say
from danlu.core.space import Config, Space
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import gather, stream
from danlu.strategies.fresh import config_key, fresh_config
from danlu.strategies.narrowing import choice
from danlu.strategies.outlook import look
from danlu.strategies.sampling import random_config
from danlu.strategies.search import log_success
from danlu.surrogates.acquisition import log_ei
from danlu.surrogates.candidates import even_points
from danlu.surrogates.curves import Horizon

CANDIDATES = 256  # draws from the ranges among which the model chooses
EVEN = 5  # one of how many draws looks away from what experts expect, lest they be wrong
LEAST_CURVES = 6  # trials with results before the model says anything


def fixed(p: Parameter, value: Value) -> Parameter:
    """The parameter with one value left."""
    if isinstance(p, Choice):
        return choice(p, (value,), p.when)
    assert isinstance(value, int | float)
    return p.between(value, value)


def expected_config(box: Space, whole: Space, history: History) -> dict[str, Value] | None:
    """A draw from the ranges, most of them near what experts expect; None if all are tried."""
    if not box.free:
        return fresh_config((box, whole), history)
    encoding, number = encode(box), history.next_number
    rng = np.random.default_rng([history.spec.seed & 0xFFFFFFFF, 7])
    w = even_points(number, len(encoding.axes), rng)[-1:]
    if encoding.informed and number % EVEN:
        w = encoding.prior_draw(w)
    config = encoding.config(w[0])
    known = {config_key(t.config) for t in history.trials.values()}
    return config if config_key(config) not in known else fresh_config((box, whole), history)


def modelled_config(box: Space, whole: Space, history: History) -> tuple[Config, str] | None:
    """The draw from the ranges that the model of all curves expects most of, and what it expects.

    None with too few results, or if no draw is new.
    """
    curves = gather(history)
    if sum(bool(c.epochs) for c in curves) < LEAST_CURVES or not whole.free:
        return None
    known = {config_key(t.config) for t in history.trials.values()}
    seed, number = history.spec.seed, history.next_number * CANDIDATES
    drawn = [random_config(box, seed, -number - i) for i in range(1, CANDIDATES + 1)]
    configs = [c for c in drawn if config_key(c) not in known]
    if not configs:
        return None
    encoding, full = encode(whole), history.spec.epochs
    outlook = look(encoding, history, curves, Horizon(full), stream(history))
    rows = encoding.snap(encoding.place(configs))[1]
    mu, sd = outlook.predict_new(rows, full)
    best = int(np.argmax(log_ei(mu, sd, outlook.best) + log_success(encoding, curves)(rows)))
    value = float(outlook.warp.inverse(mu[best : best + 1])[0])
    sign = history.objective.loss(1.0)
    said = (
        say("predicted {value:.4g}", value=sign * value)
        if math.isfinite(value)
        else say("predicted to be good")
    )
    return configs[best], said
