"""Successive halving: its rungs, who goes on, who is stopped."""

import math
import time

import pytest
from tests.zoo import SPACE, Simulation, spec

from danlu.core.decision import Continue, Proxy, Start, Stop
from danlu.core.event import Began, Event, Failed, Finished, Paused, Reported, Started
from danlu.core.history import History, empty
from danlu.core.spec import Budget
from danlu.strategies.halving import Halving
from danlu.strategies.rungs import ladder, loss_at


def trial(number: int, until: int, losses: list[float], end: str = "paused") -> list[Event]:
    """A trial's events, its losses from epoch 1 on."""
    events: list[Event] = [Started(0.0, number, SPACE.default(), until, number)]
    events += [Reported(0.0, number, e, {"val_loss": x}) for e, x in enumerate(losses, 1)]
    ends: dict[str, list[Event]] = {
        "paused": [Paused(0.0, number)],
        "finished": [Finished(0.0, number)],
        "failed": [Failed(0.0, number, "exception", "")],
        "running": [],
    }
    return events + ends[end]


def history(*trials: list[Event], can_pause: bool = True) -> History:
    return empty(spec(), [Began(0.0, 2, can_pause), *(e for t in trials for e in t)])


@pytest.mark.parametrize(
    ("first", "epochs", "eta", "rungs"),
    [
        (3, 30, 3, (3, 9, 30)),
        (1, 30, 3, (1, 3, 9, 30)),
        (1, 16, 2, (1, 2, 4, 8, 16)),
        (3, 6, 3, (3, 6)),
        (3, 4, 3, (4,)),
        (1, 1, 4, (1,)),
    ],
)
def test_rungs_grow_by_eta_and_end_at_the_full_length(
    first: int, epochs: int, eta: int, rungs: tuple[int, ...]
) -> None:
    assert ladder(first, epochs, eta) == rungs


def test_the_best_third_of_a_rung_goes_on_best_first() -> None:
    h = history(*(trial(n, 3, [9.0, 9.0, loss]) for n, loss in enumerate((3.0, 1.0, 2.0), 1)))
    first, second = Halving().decide(SPACE, h, 2)
    assert isinstance(first, Continue)
    assert (first.trial, first.until) == (2, 9)
    assert first.why == "#2 is 1 of 3 at epoch 3, in the best 1/3: on to epoch 9"
    assert isinstance(second, Start)
    assert second.until == 3


def test_the_longest_trials_go_on_first() -> None:
    low = [trial(n, 3, [1.0, 1.0, 0.1 * n]) for n in range(1, 7)]
    high = [trial(n, 9, [0.05] * 8 + [0.001 * n]) for n in range(7, 10)]
    decisions = Halving().decide(SPACE, history(*low, *high), 3)
    assert [(d.trial, d.until) for d in decisions if isinstance(d, Continue)] == [(7, 30)]


def test_failed_trials_and_nan_count_as_the_worst_and_never_go_on() -> None:
    bad = [trial(1, 3, [math.nan] * 3), trial(2, 3, [0.1], "failed")]
    decisions = Halving().decide(SPACE, history(*bad, trial(3, 3, [5.0] * 3)), 1)
    assert [d.trial for d in decisions if isinstance(d, Continue)] == [3]
    decisions = Halving().decide(SPACE, history(*bad, trial(3, 3, [math.nan] * 3)), 1)
    assert isinstance(decisions[0], Start)


def test_a_later_best_value_does_not_help_at_an_earlier_rung() -> None:
    (t,) = history(trial(1, 9, [3.0, 2.0, 2.5, 1.0])).trials.values()
    objective = spec().objective
    assert [loss_at(t, e, objective) for e in (1, 3, 4, 5)] == [3.0, 2.0, 1.0, None]


def test_training_that_ended_by_itself_counts_as_trained_to_any_length() -> None:
    (t,) = history(trial(1, 30, [3.0, 2.0], "finished")).trials.values()
    assert loss_at(t, 30, spec().objective) == 2.0


def test_results_on_a_part_of_the_data_are_not_compared() -> None:
    h = history(*(trial(n, 3, [1.0, 1.0, 0.1 * n]) for n in (1, 2)))
    config, part = SPACE.default(), Proxy(0.1)
    h = h.after(Started(0.0, 3, config, 3, 3, part))
    h = h.after(*(Reported(0.0, 3, e, {"val_loss": 0.01}) for e in (1, 2, 3)), Paused(0.0, 3))
    assert all(isinstance(d, Start) for d in Halving().decide(SPACE, h, 3))


def test_without_pausing_losers_are_stopped_at_the_rung_and_the_best_train_on() -> None:
    runs = [trial(n, 30, [1.0, 1.0, 0.1 * n], "running") for n in (1, 2, 3)]
    decisions = Halving().decide(SPACE, history(*runs, can_pause=False), 0)
    assert [d.trial for d in decisions if isinstance(d, Stop)] == [2, 3]
    assert "#2 is 2 of 3 at epoch 3, not in the best 1/3" in decisions[0].why


def test_halving_spends_most_on_few_trials() -> None:
    h = Simulation(Halving(), spec(budget=Budget(trainings=20.0)), workers=2).run()
    lengths = [t.epoch for t in h.trials.values()]
    assert lengths.count(3) > lengths.count(9) > lengths.count(30) > 1


def test_a_decision_is_quick_after_thousands_of_trials() -> None:
    longest = {0: 30, 1: 9, 2: 9}
    h = history(*(trial(n, u, [1.0 + n % 97 / e for e in range(1, u + 1)])
                  for n in range(1, 3001) for u in [longest.get(n % 9, 3)]))  # fmt: skip
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        Halving().decide(SPACE, h.after(), 2)
        seconds.append(time.process_time() - begin)
    assert min(seconds) < 0.05  # 5 ms on an idle machine
