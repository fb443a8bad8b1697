"""Leaving a local optimum: what is cleared, when, and that the search then goes elsewhere."""

import numpy as np
import pytest
from tests.strategies.simulate import begin, launched, run, trained

from danlu.core.decision import Start
from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.space import Config, Space
from danlu.strategies.clearing import RADIUS, View, view
from danlu.strategies.encoding import encode
from danlu.strategies.evidence import gather
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.outlook import look
from danlu.strategies.search import rows_of
from danlu.surrogates.curves import Horizon

SPACE = Space({name: Float(0.0, 1.0) for name in "abc"})
EPOCHS = 10
ENCODING = encode(SPACE)


def bowl(config: Config, epoch: int) -> float:
    return float(sum((float(config[n] or 0) - 0.2) ** 2 for n in "abc") + 1 / epoch)


def history_of(points: list[float], *, seed: int = 0) -> History:
    """Trials trained in full, each at (x, x, x)."""
    history = begin(SPACE, EPOCHS, seed=seed)
    for x in points:
        history, n = launched(history, Start(dict.fromkeys("abc", x), EPOCHS))
        history = trained(history, n, bowl)
    return history


def seen(history: History, draw: int) -> View:
    curves, rng = gather(history), np.random.default_rng(draw)
    return view(look(ENCODING, history, curves, Horizon(EPOCHS), rng), curves, rng)


STANDS_STILL = [0.2, 0.9, 0.95, 0.85, 0.8, 0.99]
IMPROVES = [0.99, 0.95, 0.9, 0.85, 0.8, 0.2]


def test_nothing_is_cleared_while_the_search_makes_progress() -> None:
    history = history_of(IMPROVES)
    assert all(seen(history, draw).rows.all() for draw in range(20))


def test_when_the_best_stands_still_half_of_the_decisions_look_elsewhere() -> None:
    history = history_of(STANDS_STILL)
    cleared = [not seen(history, draw).rows.all() for draw in range(60)]
    assert 18 <= sum(cleared) <= 42


def test_what_is_cleared_is_the_best_and_all_that_is_near_it() -> None:
    history = history_of([*STANDS_STILL, 0.25])
    found = next(v for draw in range(60) if not (v := seen(history, draw)).rows.all())
    assert not found.rows[0]
    assert not found.rows[-1], "0.25 is near 0.2"
    X = rows_of(ENCODING, gather(history))
    assert found.hides(X)[[0, -1]].all()
    assert not found.hides(X[1:2]).any()


def test_the_goal_is_the_best_of_what_is_left() -> None:
    history = history_of(STANDS_STILL)
    everywhere = next(v for draw in range(60) if (v := seen(history, draw)).rows.all())
    elsewhere = next(v for draw in range(60) if not (v := seen(history, draw)).rows.all())
    assert elsewhere.best > everywhere.best


@pytest.mark.parametrize("points", [[0.2, 0.21, 0.22, 0.23, 0.24, 0.25]])
def test_something_is_always_left(points: list[float]) -> None:
    history = history_of(points)
    assert all(seen(history, draw).rows.all() for draw in range(20))


def test_a_search_that_found_the_optimum_still_looks_far_from_it() -> None:
    history = run(FreezeThaw(), SPACE, bowl, epochs=EPOCHS, trainings=14)
    late = list(history.trials.values())[-20:]
    distance = [max(abs(float(t.config[n] or 0) - 0.2) for n in "abc") for t in late]
    assert max(distance) > 0.5 > RADIUS / 2
    assert min(distance) < 0.2
