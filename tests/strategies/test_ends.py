"""The search by final values, which most of the budget goes to after the first trainings."""

from collections.abc import Mapping
from typing import Any

from tests.strategies.simulate import run

from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.space import Space
from danlu.strategies.ends import FIRST, SHARE, SINCE
from danlu.strategies.evidence import gather
from danlu.strategies.freeze_thaw import FreezeThaw

SPACE = Space({name: Float(0.0, 1.0, default=0.5) for name in "xyz"})
UNKNOWN = Space({name: Float(0.0, 1.0) for name in "xyz"})
EPOCHS = 20


def misleading(config: Mapping[str, Any], epoch: int) -> float:
    """Short trainings prefer x = 0.2, full ones x = 0.7; y and z are best in the middle."""
    done = epoch / EPOCHS
    place = 0.2 * (1.0 - done) + 0.7 * done
    others = (config["y"] - 0.5) ** 2 + (config["z"] - 0.5) ** 2
    return float((config["x"] - place) ** 2 + others + 1.0 / epoch)


def begun_whole(history: History) -> list[int]:
    return [c.number for c in gather(history)[FIRST:] if c.aim == EPOCHS]


def test_a_small_budget_goes_by_curves_alone() -> None:
    history = run(FreezeThaw(), SPACE, misleading, epochs=EPOCHS, trainings=SINCE)
    assert not begun_whole(history)


def test_where_nothing_is_known_all_goes_by_curves() -> None:
    history = run(FreezeThaw(), UNKNOWN, misleading, epochs=EPOCHS, trainings=10)
    assert not begun_whole(history)


def test_it_begins_with_the_first_configs_and_gets_its_share_of_the_rest() -> None:
    history = run(FreezeThaw(), SPACE, misleading, epochs=EPOCHS, trainings=16)
    first = [t for t in history.trials.values() if t.number <= FIRST]
    assert all(t.epoch == EPOCHS for t in first)
    share = (len(begun_whole(history)) + FIRST) / (history.trainings - SINCE)
    assert abs(share - SHARE) < 0.1


def test_it_finds_what_short_trainings_do_not_tell() -> None:
    history = run(FreezeThaw(), SPACE, misleading, epochs=EPOCHS, trainings=20)
    assert history.best is not None
    assert history.best.number in begun_whole(history)
    assert abs(float(history.best.config["x"] or 0) - 0.7) < 0.1
