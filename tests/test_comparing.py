import math

import pytest
from tests.reporting.histories import only_failures, staged
from tests.zoo import SPACE, spec

import danlu
from danlu.comparing import best_so_far, importance, levelled, most_used, unit_rows
from danlu.core.decision import FULL, Proxy
from danlu.core.event import Failed, Reported, Started
from danlu.core.history import History, empty


def history_of(curves: dict[int, list[float]], proxy: Proxy = FULL) -> History:
    """Trials of the default config with these losses, epoch by epoch; an empty one fails."""
    events: list[object] = []
    for number, losses in curves.items():
        events.append(Started(0.0, number, SPACE.default(), 30, number, proxy))
        events += [Reported(0.0, number, e, {"val_loss": v}) for e, v in enumerate(losses, 1)]
        if not losses:
            events.append(Failed(0.0, number, "exception", "boom"))
    return empty(spec(), events)  # type: ignore[arg-type]


def test_a_short_trial_gets_what_others_improved_by_later() -> None:
    deep = {n: [1.0, 0.8, 0.6, 0.5, 0.45] for n in range(1, 5)}
    losses = levelled(history_of({**deep, 5: [1.0, 0.8], 6: [1.1, 0.9]}), FULL)
    assert losses[5] == pytest.approx(0.45)
    assert losses[6] == pytest.approx(0.55)
    assert losses[1] == pytest.approx(0.45)


def test_a_change_that_few_trials_showed_is_not_trusted() -> None:
    losses = levelled(history_of({1: [1.0, 0.2], 2: [1.0, 0.2], 3: [1.0]}), FULL)
    assert losses[3] == 1.0


def test_a_failed_trial_counts_as_the_worst_and_a_silent_one_not_at_all() -> None:
    history = history_of({1: [1.0], 2: []})
    history = history.after(Started(0.0, 3, SPACE.default(), 30, 3))
    assert levelled(history, FULL) == {1: 1.0, 2: math.inf}


def test_a_trial_lost_with_its_machine_says_nothing_about_its_config() -> None:
    history = history_of({1: [1.0]}).after(
        Started(0.0, 2, SPACE.default(), 30, 2), Failed(0.0, 2, "lost", "gone")
    )
    assert 2 not in levelled(history, FULL)


def test_values_that_are_not_finite_leave_a_gap_in_the_curve() -> None:
    history = history_of({1: [1.0, math.nan, 0.7]})
    assert best_so_far(history.trials[1], "val_loss", 1.0) == [(1, 1.0), (3, 0.7)]


def test_trials_on_a_proxy_are_compared_among_themselves() -> None:
    history = staged()
    assert most_used(history) == Proxy(0.5)
    assert all(history.trials[n].proxy == Proxy(0.5) for n in levelled(history, Proxy(0.5)))


def test_an_inactive_parameter_has_no_position() -> None:
    history = history_of({1: [1.0]})
    row = unit_rows(SPACE, [history.trials[1]])[0]
    assert math.isnan(row[SPACE.free.index("momentum")])
    assert row[SPACE.free.index("optimizer")] == pytest.approx(0.5)


def test_the_learning_rate_matters_most_where_it_does() -> None:
    found = danlu.importance(staged(120))
    assert found is not None
    assert next(iter(found.single)) == "lr"
    assert found.single["lr"].value > 0.5
    assert found.total("lr") >= found.single["lr"].value


def test_a_study_without_values_has_no_importance() -> None:
    assert importance(empty(spec())) is None
    assert importance(only_failures()) is None
