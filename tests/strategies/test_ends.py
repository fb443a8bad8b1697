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
    ended = [t for t in history.trials.values() if t.number <= FIRST and t.epoch == EPOCHS]
    assert len(ended) == FIRST
    share = (len(begun_whole(history)) + FIRST) / (history.trainings - SINCE)
    assert abs(share - SHARE) < 0.1


def learns_late(config: Mapping[str, Any], epoch: int) -> float:
    """Nothing is learned where x < 0.9, and quickly where it is more."""
    return 1.0 if config["x"] < 0.9 else float(0.3 + 0.5 / epoch + (config["y"] - 0.5) ** 2)


def test_no_training_is_spent_on_the_end_of_what_does_not_learn_while_others_do() -> None:
    history = run(FreezeThaw(), SPACE, learns_late, epochs=EPOCHS, trainings=16)
    ended = [t for t in history.trials.values() if t.epoch == EPOCHS]
    wasted = [t for t in ended if float(t.config["x"] or 0) < 0.9]
    assert len(wasted) <= 3
    assert len(ended) >= 8


def takes_off(config: Mapping[str, Any], epoch: int) -> float:
    """Where x > 0.6 nothing moves for twelve epochs; what comes then is better than all else."""
    if config["x"] > 0.6:
        return 2.0 if epoch < 13 else float(0.1 + (config["y"] - 0.5) ** 2)
    return float(1.0 + 1.0 / epoch + (config["y"] - 0.5) ** 2)


def test_one_of_the_first_that_stands_still_at_first_is_trained_to_its_end_all_the_same() -> None:
    history = run(FreezeThaw(), SPACE, takes_off, epochs=EPOCHS, trainings=16)
    late = [c for c in gather(history)[:FIRST] if float(c.config["x"] or 0) > 0.6]
    assert late
    assert all(c.epoch == EPOCHS for c in late)
    assert history.best is not None
    assert float(history.best.config["x"] or 0) > 0.6


def test_it_finds_what_short_trainings_do_not_tell() -> None:
    history = run(FreezeThaw(), SPACE, misleading, epochs=EPOCHS, trainings=20)
    assert history.best is not None
    assert history.best.number in begun_whole(history)
    assert abs(float(history.best.config["x"] or 0) - 0.7) < 0.1
