"""Hyperband: which trials belong to which bracket, and who is compared with whom."""

import pytest
from tests.strategies.test_halving import history, trial
from tests.zoo import SPACE

from danlu.core.decision import Continue, Start
from danlu.strategies.hyperband import Hyperband, bracket


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [3, 2]), (3, [9, 5, 3])])
def test_brackets_are_as_large_as_in_hyperband(count: int, sizes: list[int]) -> None:
    dealt = [bracket(n, count, 3) for n in range(1, sum(sizes) + 1)]
    assert [dealt.count(k) for k in range(count)] == sizes


def test_every_bracket_gets_trials_early_and_about_the_same_budget() -> None:
    first = [bracket(n, 3, 3) for n in range(1, 8)]
    assert set(first) == {0, 1, 2}
    many = [bracket(n, 3, 3) for n in range(1, 171)]
    rungs = [3 * (3 + 1), 9 * 2, 30]  # epochs that a trial of each bracket costs, about
    costs = [many.count(k) * rungs[k] for k in range(3)]
    assert max(costs) < 1.5 * min(costs)


def test_a_new_trial_trains_to_the_first_rung_of_its_bracket() -> None:
    starts = Hyperband().decide(SPACE, history(), 17)
    rungs = (3, 9, 30)
    assert [s.until for s in starts if isinstance(s, Start)] == [
        rungs[bracket(n, 3, 3)] for n in range(1, 18)
    ]
    assert starts[0].why == "the default config in bracket 1 of 3, 3 of 30 epochs"


def test_trials_are_compared_inside_their_bracket_only() -> None:
    early = [n for n in range(1, 18) if bracket(n, 3, 3) == 0][:3]
    late = [n for n in range(1, 18) if bracket(n, 3, 3) == 1][:3]
    losses = {n: 1.0 + n / 100 for n in early} | {n: 0.1 + n / 100 for n in late}
    rungs = {n: 3 if n in early else 9 for n in losses}
    numbers = range(1, max(losses) + 1)
    trials = [trial(n, rungs.get(n, 30), [losses.get(n, 5.0)] * rungs.get(n, 30),
                    "paused" if n in losses else "finished") for n in numbers]  # fmt: skip
    decisions = Hyperband().decide(SPACE, history(*trials), 4)
    going_on = {d.trial: d.until for d in decisions if isinstance(d, Continue)}
    assert going_on == {early[0]: 9, late[0]: 30}
