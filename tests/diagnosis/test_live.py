"""What is said of a trial while it trains, and how a later judgement replaces an earlier one."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.diagnosis.test_verdicts import AT_CHANCE, FAULTY
from tests.diagnosis.trials import SPACE, TASK, USUAL, healthy, study
from tests.zoo import spec

import danlu
from danlu.asked import Asking
from danlu.core.decision import Continue, Decision, Start
from danlu.core.event import Diagnosed, Finished, Learned, Paused, Reported, Started
from danlu.core.finding import Finding, settled
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective
from danlu.diagnosis.rules import judgement, new_findings, says_stop
from danlu.diagnosis.verdicts import verdicts
from danlu.executors.inline import InlineExecutor
from danlu.stores.memory import MemoryStore
from danlu.tuner import Tuner

EPOCHS = 30


def running(history: History, number: int = 1) -> tuple[History, TrialRecord]:
    """The same with its trial still running."""
    trial = replace(history.trials[number], state="running")
    return replace(history, trials={**history.trials, number: trial}), trial


def stopped_at(curves: dict[str, list[float]]) -> int | None:
    """The epoch at which the rules would stop a trial with these curves."""
    for n in range(1, EPOCHS + 1):
        cut = {k: v[:n] for k, v in curves.items()}
        history, trial = running(study(cut, horizon=EPOCHS))
        if any(map(says_stop, new_findings(history, trial))):
            return n
    return None


def test_a_trial_at_chance_is_stopped_after_a_fair_share_of_its_epochs() -> None:
    assert stopped_at(AT_CHANCE) == EPOCHS // 5
    assert stopped_at(healthy()) is None
    assert stopped_at({k: v for k, v in AT_CHANCE.items() if k.endswith("loss")}) is not None


def test_a_trial_whose_validation_knows_nothing_is_stopped() -> None:
    curves = healthy() | {k: v for k, v in AT_CHANCE.items() if k.startswith("val")}
    assert stopped_at(curves) is not None


def test_training_that_takes_off_early_enough_is_not_stopped() -> None:
    late = {k: AT_CHANCE[k][:4] + v[: EPOCHS - 4] for k, v in healthy().items()}
    assert stopped_at(late) is None


def test_a_large_first_loss_is_given_time() -> None:
    assert stopped_at(AT_CHANCE | {"initial_loss": [90.0]}) is None


@pytest.mark.parametrize(("rivals", "spared"), [(0, False), (1, False), (2, True), (5, True)])
def test_the_best_third_is_spared_from_verdicts_that_are_not_certain(
    rivals: int, spared: bool
) -> None:
    """All trials are at chance, the first a little less than the others."""
    cut = {k: v[:6] for k, v in AT_CHANCE.items()}
    history, trial = running(study(cut | {"val_accuracy": [0.13] * 6}, horizon=EPOCHS))
    for n in range(2, rivals + 2):
        history = history.after(Started(0.0, n, USUAL, EPOCHS, 0))
        for e in range(6):
            history = history.after(Reported(0.0, n, e + 1, {k: v[e] for k, v in cut.items()}))
    assert bool(new_findings(history, trial)) is not spared
    if rivals:
        assert new_findings(history, history.trials[2])


def test_no_trial_is_stopped_at_chance_while_it_is_open_whether_anything_learns() -> None:
    history, trial = running(study({k: v[:6] for k, v in AT_CHANCE.items()}, horizon=EPOCHS))
    doubt = Finding("nothing_yet", "warning", 0.6, "None of 20 configs learns anything so far.")
    doubted = history.after(Diagnosed(0.0, None, doubt))
    assert new_findings(doubted, trial) == []
    assert new_findings(doubted.after(Diagnosed(0.0, None, settled(doubt))), trial)


@pytest.mark.parametrize("strategy", ["auto", "random", "halving"])
def test_a_study_whose_trials_are_all_stopped_at_chance_ends(
    strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stopped after a fifth of their length, and yet some must be seen to the end."""

    monkeypatch.chdir(tmp_path)

    def train(trial: danlu.Trial) -> None:
        jitter = random.Random(trial.seed)
        for epoch in trial.epochs(trial.restore()):
            now = {name: v[epoch - 1] + jitter.gauss(0, 0.002) for name, v in AT_CHANCE.items()}
            trial.report(epoch, now)
            trial.save()

    store = MemoryStore()

    def study() -> danlu.Study:
        return danlu.Study(
            "shuffled", space=SPACE, objective="max val_accuracy", epochs=EPOCHS, budget="20x",
            strategy=strategy, store=store,
        )  # fmt: skip

    study()
    store.append("shuffled", [Learned(0.0, TASK)])
    mine = study()
    mine.run(train, executor="inline")
    assert any(t.state == "stopped" for t in mine.trials)
    assert mine.history.outcome == "hopeless"
    assert mine.history.trainings < 16.0


def test_the_verdicts_of_a_growing_curve_replace_each_other() -> None:
    curves = FAULTY["turns up, with a gap"][1]
    history = study({k: v[:6] for k, v in curves.items()}, horizon=EPOCHS).after(Paused(0.0, 1))
    for epoch in range(6, EPOCHS + 1):
        found = judgement(history, history.trials[1])
        history = history.after(*(Diagnosed(0.0, 1, f) for f in found))
        now = [f.code for f in verdicts(history, history.trials[1])]
        assert [f.code for f in history.trials[1].diagnosis] == now
        assert judgement(history, history.trials[1]) == []  # nothing new
        if epoch < EPOCHS:
            metrics = {name: values[epoch] for name, values in curves.items()}
            history = history.after(Reported(0.0, 1, epoch + 1, metrics))
    judged = {f.epoch for f in history.trials[1].findings}
    assert 1 < len(judged) < 10  # not one for each epoch


def test_a_trial_that_ends_is_judged_by_its_last_numbers_though_they_say_the_same() -> None:
    paused = study({k: v[:20] for k, v in healthy().items()}, horizon=30).after(Paused(0.0, 1))
    for finding in judgement(paused, paused.trials[1]):
        paused = paused.after(Diagnosed(0.0, 1, finding))
    grown = paused
    for e in range(20, 30):
        metrics = {name: values[e] for name, values in healthy().items()}
        grown = grown.after(Reported(0.0, 1, e + 1, metrics))
    assert judgement(grown, grown.trials[1]) == []
    ended = grown.after(Finished(0.0, 1))
    again = judgement(ended, ended.trials[1])
    assert [f.code for f in again] == [f.code for f in paused.trials[1].diagnosis]
    assert {f.epoch for f in again} == {30}


def test_nothing_is_recorded_of_a_trial_that_runs_or_is_too_short_to_judge() -> None:
    history = study({k: v[:3] for k, v in healthy().items()})
    assert judgement(history, history.trials[1]) == []
    assert judgement(*running(study(healthy()))) == []


def test_findings_for_good_stay_beside_those_of_the_last_judgement() -> None:
    history = study({"val_loss": [1.0, math.nan, *[0.5] * 10]}, metric="min val_loss")
    for finding in new_findings(*running(history)):
        history = history.after(Diagnosed(0.0, 1, finding))
    for finding in judgement(history, history.trials[1]):
        history = history.after(Diagnosed(0.0, 1, finding))
    codes = [f.code for f in history.trials[1].diagnosis]
    assert codes[0] == "not_finite"
    assert codes.count("not_finite") == 1


# ---- in the loop


@dataclass(frozen=True)
class Trains:
    """One trial in two slices."""

    def decide(self, space: Space, history: History, free_slots: int) -> list[Decision]:
        if not free_slots or len(history.trials) > 1:
            return []
        if not history.trials:
            return [Start(USUAL, until=EPOCHS // 2)]
        return [Continue(1, EPOCHS)] if history.paused else []


def run(train: Callable[[danlu.Trial], None], tmp_path: Path) -> History:
    store = MemoryStore()
    given = spec(
        SPACE, objective=Objective("val_accuracy", "max"), epochs=EPOCHS, budget=Budget(trials=1)
    )
    store.create(given)
    store.append(given.name, [Learned(0.0, TASK)])
    executor = InlineExecutor(train, "val_accuracy")
    return Tuner(store.load(given.name), Trains(), executor, store, tmp_path).run()


def test_a_finished_trial_carries_its_verdicts(tmp_path: Path) -> None:
    def train(trial: danlu.Trial) -> None:
        for epoch in trial.epochs(trial.restore()):
            trial.report(epoch, {name: v[epoch - 1] for name, v in healthy().items()})
            trial.save()

    trial = run(train, tmp_path).trials[1]
    assert trial.state == "finished"
    assert "good" in [f.code for f in trial.diagnosis]
    assert {f.epoch for f in trial.findings} <= {EPOCHS // 2, EPOCHS}


def test_a_trial_that_is_stopped_at_chance_keeps_its_value_and_tells_why(tmp_path: Path) -> None:
    def train(trial: danlu.Trial) -> None:
        for epoch in trial.epochs(trial.restore()):
            trial.report(epoch, {name: v[epoch - 1] for name, v in AT_CHANCE.items()})
            trial.save()

    trial = run(train, tmp_path).trials[1]
    assert trial.state == "stopped"
    assert trial.value is not None
    assert "level of a constant answer" in trial.message
    assert trial.diagnosis[0].code == "not_learning"


def test_an_asked_trial_is_told_to_stop_at_chance(tmp_path: Path) -> None:
    store = MemoryStore()
    given = spec(SPACE, objective=Objective("val_accuracy", "max"), epochs=EPOCHS)
    store.create(given)
    store.append(given.name, [Learned(0.0, TASK)])
    asking = Asking(store.load(given.name), Trains(), store, tmp_path)
    trial = asking.ask()
    assert trial is not None
    for epoch in trial.epochs():
        trial.report(epoch, {name: v[epoch - 1] for name, v in AT_CHANCE.items()})
    record = asking.tell(trial, None, None)
    asking.close()
    assert (record.state, record.epoch) == ("stopped", EPOCHS // 5)
    assert trial.verdict is not None
    assert trial.verdict.code == "not_learning"


def test_a_pause_is_an_end_of_a_slice_that_is_judged() -> None:
    history = study({k: v[:12] for k, v in healthy().items()}, horizon=EPOCHS)
    history, _ = running(history)
    history = history.after(Paused(0.0, 1))
    assert [f.epoch for f in judgement(history, history.trials[1])]
