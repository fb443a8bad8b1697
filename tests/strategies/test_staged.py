"""Coarse to fine: its stages, what they spend, and what they say."""

import itertools
import json
from collections import Counter

import pytest
from tests.zoo import SPACE, Simulation, learning_curve, spec

from danlu.core.decision import Continue, Decision, Finish, Note, Proxy, Start, Stop
from danlu.core.event import (
    Began,
    Event,
    Learned,
    Noted,
    Paused,
    Reported,
    Started,
    decode_event,
    encode_event,
)
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float
from danlu.core.record import TrialRecord
from danlu.core.space import Config, Space
from danlu.core.spec import Budget
from danlu.core.task import Task
from danlu.strategies.budgeting import pace
from danlu.strategies.fresh import config_key
from danlu.strategies.plan import coarse_epochs, proxy_of
from danlu.strategies.ranges import current, range_of
from danlu.strategies.staged import Staged


def run(budget: Budget | None = None, **given: object) -> Simulation:
    """A finished simulation of a staged search with every move."""
    study = spec(budget=budget or Budget(trainings=20.0))
    plan = Staged(order=True)
    simulation = Simulation(plan, study, **{"workers": 2, **given})  # type: ignore[arg-type]
    simulation.run()
    return simulation


def trials(history: History, stage: str) -> list[TrialRecord]:
    return [t for t in history.trials.values() if t.stage == stage]


def begun(simulation: Simulation) -> list[Decision]:
    """Its decisions without the lines of the log-book."""
    return [d for d in simulation.decisions if not isinstance(d, Note)]


def stage_of(decision: Decision) -> str:
    return decision.stage if isinstance(decision, Start | Continue) else "end"


def test_the_default_config_comes_first_and_stages_follow_each_other() -> None:
    simulation = run()
    first = begun(simulation)[0]
    assert isinstance(first, Start)
    given = {n for n, p in SPACE.parameters.items() if p.default is not None}
    assert all(first.config[n] == SPACE[n].default for n in given & set(first.config))
    assert simulation.history.default is simulation.history.trials[1]
    assert first.why == "coarse 1/35: the default config, 6 of 30 epochs"
    order = [stage for stage, _ in itertools.groupby(begun(simulation), stage_of)]
    assert order == ["coarse", "fine", "confirm"]
    assert simulation.history.logbook[-1].code == "verdict"


def test_the_learning_rate_comes_first_with_all_else_at_its_default() -> None:
    history = run().history
    first, *alone = [history.trials[n].config for n in range(1, 13)]
    names = {"units", "layers", "dropout"}
    assert all(c[n] == first[n] for c in alone for n in names)
    rates = sorted(float(str(c["lr"])) for c in alone)
    assert rates[0] < 1e-4
    assert rates[-1] > 0.1
    assert len({c["optimizer"] for c in alone}) == 3
    (entry,) = [e for e in history.logbook if e.code == "order"]
    low, high = entry.data["ranges"]["lr"]
    after = [float(str(history.trials[n].config["lr"])) for n in range(14, 36)]
    assert all(low <= lr <= high for lr in after)


@pytest.mark.parametrize(
    ("given", "space"),
    [
        ({"budget": Budget(trainings=6.0)}, SPACE),
        ({}, Space(lr=Float(1e-5, 1.0, log=True), dropout=Float(0.0, 0.8))),
        ({}, Space({f"x{i}": Float(0.0, 1.0) for i in range(6)})),
    ],
)
def test_one_after_the_other_is_left_out_where_it_would_not_pay(
    given: dict[str, Budget], space: Space
) -> None:
    study = spec(space, **given)
    simulation = Simulation(
        Staged(order=True), study, lambda c, e, s, p: 1 / e + float(str(next(iter(c.values()))))
    )
    simulation.run()
    assert not any("learning rate alone" in d.why for d in simulation.decisions)


def test_learning_rates_that_are_few_choices_are_soon_used_up_and_the_stage_goes_on() -> None:
    space = SPACE.replaced({"lr": Choice(1e-3, 1e-2, default=1e-3)})

    def curve(config: Config, epoch: int, seed: int, proxy: Proxy) -> float:
        return 1.0 / epoch + float(str(config["dropout"]))

    history = Simulation(Staged(order=True), spec(space), curve, workers=2).run()
    whys = [t.why for t in history.trials.values() if t.number <= 30]
    assert sum("the learning rate alone" in why for why in whys) <= 5
    assert len([t for t in history.trials.values() if t.stage != "confirm"]) > 30


def test_a_search_without_confirmation_ends_with_a_verdict_too() -> None:
    book = run(Budget(trainings=6.0)).history.logbook
    assert book[-1].code == "verdict"
    assert "not trained again with other seeds" in book[-1].why


def test_each_stage_and_each_move_leaves_one_line_in_the_log_book() -> None:
    simulation = run()
    book = simulation.history.logbook
    assert [e.stage for e in book if e.code == "stage"] == ["coarse", "fine", "confirm"]
    assert {"order", "narrow", "control", "proxy", "verdict"} <= {e.code for e in book}
    assert len({repr(e) for e in book}) == len(book)
    assert all(e.seen and e.done for e in book)
    assert [d.entry for d in simulation.decisions if isinstance(d, Note)] == list(book)


def test_a_move_that_is_switched_off_is_not_made() -> None:
    off = Staged(order=False, narrow=False, findings=False, proxy_check=False, model=False)
    simulation = Simulation(off, spec(), workers=2)
    book = simulation.run().logbook
    # The check of proxies costs nothing, so that it is always made.
    assert {e.code for e in book} == {"stage", "proxy", "verdict"}
    assert not any("model" in d.why for d in simulation.decisions if isinstance(d, Start))


def test_the_ranges_in_force_are_read_back_from_the_log_book() -> None:
    history = run().history
    last = [e for e in history.logbook if e.data.get("ranges")][-1]
    events = [encode_event(Noted(0.0, e)) for e in history.logbook]
    again = [decode_event(kind, json.loads(json.dumps(data))) for kind, data in events]
    read = empty(history.spec, again)
    assert current(SPACE, read.logbook) == current(SPACE, history.logbook)
    name, wanted = next(iter(last.data["ranges"].items()))
    assert range_of(current(SPACE, read.logbook)[name]) == wanted


def test_the_budget_is_shared_between_the_stages() -> None:
    history = run().history
    assert 18.0 <= history.trainings <= 20.0 + 1e-6
    fifth = coarse_epochs(30) / 30
    coarse = 35 * fifth
    confirm = sum(t.epoch for t in trials(history, "confirm")) / 30
    assert coarse == pytest.approx(0.35 * 20)
    assert confirm == 4
    assert history.trainings - coarse - confirm == pytest.approx(9, abs=1.0)


def test_promising_coarse_trials_go_on_instead_of_beginning_again() -> None:
    simulation = run()
    continued = [d for d in simulation.decisions if isinstance(d, Continue)]
    assert len(continued) >= 6
    assert any("ranks 1 of" in d.why for d in continued)
    assert {d.until for d in continued} == {15, 30}


def test_new_fine_configs_come_from_the_ranges_in_force_with_some_as_control() -> None:
    simulation = run(Budget(trainings=60.0))
    starts = [d for d in begun(simulation) if isinstance(d, Start) and d.stage == "fine"]
    whys = [d.why for d in starts]
    control = [d for d in starts if "control" in d.why]
    assert 0.1 <= len(control) / len(starts) <= 0.2
    assert sum("the model's choice" in why for why in whys) > len(whys) / 3
    narrow = [SPACE.to_unit(d.config)["lr"] for d in starts if d not in control]
    assert max(narrow) - min(narrow) < 0.5


@pytest.mark.parametrize("given", [{}, {"takes_fraction": True, "epoch_s": 10.0}])
def test_a_few_worse_trials_go_on_to_check_the_short_trainings(
    given: dict[str, object],
) -> None:
    study = spec(budget=Budget(trainings=40.0))
    simulation = Simulation(Staged(proxy_check=True), study, **{"workers": 2, **given})  # type: ignore[arg-type]
    simulation.run()
    checks = [d for d in begun(simulation) if "to check what short trainings say" in d.why]
    assert 1 <= len(checks) <= 6  # one that was worse may count as promising later on
    assert _correlations(simulation.history)


def test_without_them_the_check_goes_by_what_is_trained_anyway() -> None:
    simulation = run(Budget(trainings=40.0))
    assert not any("to check" in d.why for d in begun(simulation))
    assert _correlations(simulation.history)


def _correlations(history: History) -> list[float]:
    """What the checks of proxies found."""
    found = [e.data["rho"] for e in history.logbook if e.code == "proxy"]
    return [rho for rho in found if rho is not None]


def test_no_config_is_started_twice_except_to_confirm_it() -> None:
    for can_pause in (True, False):
        history = run(can_pause=can_pause).history
        keys = [config_key(t.config) for t in history.trials.values() if t.stage != "confirm"]
        assert len(set(keys)) == len(keys)


def test_the_best_configs_are_confirmed_in_full_with_the_same_fresh_seeds() -> None:
    history = run().history
    again = trials(history, "confirm")
    assert {t.epoch for t in again} == {30}
    assert Counter(config_key(t.config) for t in again).most_common()[0][1] == 2
    seeds = Counter(t.seed for t in again)
    assert set(seeds.values()) == {2}
    assert not set(seeds) & {t.seed for t in history.trials.values() if t.stage != "confirm"}
    assert again[0].why.startswith("confirm: #")
    assert "again with fresh seed 1 of 2, mean so far 0." in again[0].why
    assert history.best is not None
    assert config_key(history.best.config) in {config_key(t.config) for t in again}


@pytest.mark.parametrize("trainings", [0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 100.0])
@pytest.mark.parametrize("can_pause", [True, False])
def test_any_budget_is_kept_and_gives_a_fully_trained_config(
    trainings: float, can_pause: bool
) -> None:
    history = run(Budget(trainings=trainings), can_pause=can_pause).history
    assert history.trainings <= trainings + 1e-6
    if trainings >= 1:
        assert any(t.epoch == 30 for t in history.trials.values())


def test_one_training_trains_the_default_config_in_full() -> None:
    for can_pause in (True, False):
        simulation = run(Budget(trainings=1.0), can_pause=can_pause)
        (trial,) = simulation.history.trials.values()
        assert "the default config" in begun(simulation)[0].why
        assert trial.epoch == 30


@pytest.mark.parametrize("count", [1, 3, 10, 30])
def test_a_budget_in_trials_is_kept(count: int) -> None:
    history = run(Budget(trials=count)).history
    assert 0.7 * count <= len(history.trials) <= count
    if count >= 10:
        assert len(trials(history, "confirm")) >= 2


def test_a_budget_in_seconds_is_planned_by_the_pace_of_training() -> None:
    history = run(Budget(seconds=300.0)).history  # two workers: 20 trainings of 30 s
    assert 15.0 <= history.trainings <= 20.5
    assert trials(history, "confirm")
    assert history.seconds <= 330.0


def test_without_a_budget_the_plan_ends_after_twenty_trainings() -> None:
    simulation = run(Budget())
    assert isinstance(simulation.decisions[-1], Finish)
    assert 15.0 <= simulation.history.trainings <= 20.0 + 1e-6
    assert "the best is #" in simulation.history.ended_why


def test_long_trainings_that_accept_it_begin_on_a_part_of_the_data() -> None:
    history = run(takes_fraction=True, epoch_s=10.0).history
    parts = [t for t in history.trials.values() if not t.proxy.full]
    assert len(parts) > 10
    assert {t.stage for t in parts} == {"coarse"}
    whys = [t.why for t in trials(history, "fine")]
    assert any("of the data, now on all of the data" in why for why in whys)
    assert history.best is not None
    assert history.best.proxy.full


def test_a_part_of_the_data_gives_no_result_that_counts_as_one_on_all() -> None:
    def flattering(config: object, epoch: int, seed: int, proxy: object) -> float:
        value = learning_curve(config, epoch, seed)  # type: ignore[arg-type]
        return value if getattr(proxy, "full", False) else value - 5.0

    history = run(takes_fraction=True, epoch_s=10.0, curve=flattering).history
    assert any(t.value is not None and t.value < 0 for t in history.trials.values())
    finalists = {config_key(t.config) for t in trials(history, "confirm")}
    full = [t for t in history.trials.values() if t.proxy.full and t.epoch == 30]
    assert finalists <= {config_key(t.config) for t in full if t.stage != "confirm"}


@pytest.mark.parametrize(("takes", "epoch_s"), [(True, 0.5), (None, 10.0), (False, 10.0)])
def test_short_trainings_and_those_that_cannot_use_all_data(
    takes: bool | None, epoch_s: float
) -> None:
    history = run(takes_fraction=takes, epoch_s=epoch_s).history
    assert all(t.proxy.full for t in history.trials.values())


@pytest.mark.parametrize(
    ("budget", "more"),
    [
        (Budget(trainings=20.0), Budget(trainings=40.0)),
        (Budget(trials=40), Budget(trials=80)),
        (Budget(trainings=5.0), Budget(trainings=20.0)),
    ],
)
def test_a_raised_budget_goes_on_with_the_search_and_confirms_again(
    budget: Budget, more: Budget
) -> None:
    before = run(budget).history
    simulation = run(more, past=before)
    after = simulation.history
    new = [t for t in after.trials.values() if t.number > len(before.trials)]
    stages = [stage for stage, _ in itertools.groupby(t.stage for t in new)]
    assert stages[-2:] == ["fine", "confirm"]
    assert len([t for t in new if t.stage == "fine"]) >= 8
    assert more.trainings is None or after.trainings <= more.trainings + 1e-6
    assert more.trials is None or len(after.trials) <= more.trials


def test_a_finished_study_that_is_run_again_does_nothing_more() -> None:
    for budget in (Budget(), Budget(trials=25), Budget(trainings=13.0)):
        before = run(budget).history
        simulation = run(budget, past=before)
        assert len(simulation.history.trials) == len(before.trials)


def test_a_slow_start_of_training_is_no_reason_for_a_part_of_the_data() -> None:
    config = SPACE.default()
    reports: list[Event] = [Reported(100.0 + e, 1, e, {"val_loss": 1.0}) for e in range(1, 7)]
    start: list[Event] = [
        Began(0.0, takes_fraction=True),
        Started(0.0, 1, config, 6, 1, stage="coarse"),
    ]
    history = empty(spec(epochs=20), [*start, *reports, Paused(106.0, 1)])
    assert pace(history) == pytest.approx(106 / 6 * 20)
    assert proxy_of(history).full  # 20 s without the start
    slow = empty(spec(epochs=30), [*start, *reports, Paused(106.0, 1)])
    assert proxy_of(slow) == Proxy(data_fraction=0.25)


def test_where_training_takes_classes_but_no_share_of_the_data_it_begins_on_a_third_of_them() -> (
    None
):
    def proxy(classes: int | None, takes_fraction: bool = False) -> Proxy:
        events: list[Event] = [
            Learned(0.0, Task("classification", classes=classes)),
            Began(0.0, takes_fraction=takes_fraction, takes_classes=True),
            Started(0.0, 1, SPACE.default(), 6, 1, stage="coarse"),
            *(Reported(2.0 * e, 1, e, {"val_loss": 1.0}) for e in range(1, 7)),
            Paused(12.0, 1),
        ]
        return proxy_of(empty(spec(), events))

    assert proxy(10) == Proxy(classes=4)
    assert proxy(6) == Proxy(classes=3)
    assert proxy(5).full
    assert proxy(None).full
    assert proxy(10, takes_fraction=True) == Proxy(data_fraction=0.25)


def test_a_best_at_the_edge_of_a_soft_range_is_followed_within_the_limits() -> None:
    space = SPACE.replaced({"lr": Float(1e-5, 1e-4, log=True, limits=(1e-6, 0.1))})
    history = Simulation(Staged(), spec(space), workers=2).run()
    rates = [float(str(t.config["lr"])) for t in history.trials.values()]
    assert max(rates) > 2e-4
    assert max(rates) <= 1e-3 * 1.001  # a decade at a time
    assert history.best is not None
    assert float(str(history.best.config["lr"])) > 1e-4


def test_without_pausing_losers_are_stopped_on_their_way() -> None:
    simulation = run(can_pause=False)
    stopped = [d for d in simulation.decisions if isinstance(d, Stop)]
    assert stopped
    assert all("not in the best 1/3" in d.why for d in stopped)
    assert {simulation.history.trials[d.trial].epoch for d in stopped} <= set(range(6, 30))


def test_a_space_that_is_used_up_ends_the_search() -> None:
    space = Space(kind=Choice("a", "b", "c"))
    simulation = Simulation(Staged(), spec(space), lambda c, e, s, p: 1 / e, workers=2)
    history = simulation.run()
    kinds = [t.config["kind"] for t in history.trials.values() if t.stage != "confirm"]
    assert sorted(map(str, kinds)) == ["a", "b", "c"]
    assert isinstance(simulation.decisions[-1], Finish)


@pytest.mark.parametrize(
    ("epochs", "coarse"), [(1, 1), (2, 1), (5, 1), (6, 3), (8, 3), (20, 5), (30, 6), (100, 20)]
)
def test_coarse_trials_take_a_fifth_of_the_epochs_but_some_at_least(
    epochs: int, coarse: int
) -> None:
    assert coarse_epochs(epochs) == coarse
