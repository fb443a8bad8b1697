"""The loop: decisions carried out, budgets kept, ends recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import danlu
from danlu.core.decision import Continue, Decision, Finish, Note, Start, Stop
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.space import Space
from danlu.stores.memory import MemoryStore

SPACE = danlu.Space(x=danlu.Float(0.0, 1.0))


@dataclass(frozen=True)
class Decides:
    """A strategy that is a function of the history."""

    function: Callable[[History], Sequence[Decision]]

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        return self.function(history) if free_slots else ()


def train(trial: danlu.Trial) -> None:
    for epoch in trial.epochs(trial.restore()):
        trial.report(epoch, val_loss=1 / epoch)
        trial.save()


def study(decides: Callable[[History], Sequence[Decision]], budget: str = "9x") -> danlu.Study:
    return danlu.Study(
        "s", space=SPACE, objective="min val_loss", epochs=10, budget=budget,
        strategy=Decides(decides), store=None,
    )  # fmt: skip


def run(decides: Callable[[History], Sequence[Decision]], budget: str = "9x") -> History:
    mine = study(decides, budget)
    mine.run(train, executor="inline")
    return mine.history


def endless(history: History) -> Sequence[Decision]:
    return [Start({"x": 0.5}, until=10, why="why not")]


@pytest.mark.parametrize(
    ("budget", "trials"), [("3x", 3), ("3.5x", 3), ("0.4x", 1), ("2 trials", 2)]
)
def test_no_trial_is_begun_that_the_budget_cannot_pay(budget: str, trials: int) -> None:
    history = run(endless, budget)
    assert len(history.trials) == trials
    assert history.ended_why.startswith("the budget of")


def test_a_budget_below_one_training_sees_at_least_its_beginning() -> None:
    history = run(endless, "0.4x")
    assert history.trials[1].epoch == 4
    assert history.trainings == pytest.approx(0.4)


def test_a_slice_is_cut_to_what_the_budget_still_pays() -> None:
    def slices(history: History) -> Sequence[Decision]:
        if not history.trials:
            return [Start({"x": 0.5}, until=3)]
        return [Continue(1, until=10)]

    history = run(slices, "0.7x")
    assert (history.trials[1].state, history.trials[1].epoch) == ("paused", 7)


LINE = Entry("verdict", "confirm", "seen", "done")


def once(history: History) -> Sequence[Decision]:
    """A trial that takes the whole budget, then a line."""
    return [Note(LINE)] if history.trials else [Start({"x": 0.5}, until=10)]


def test_a_strategy_has_the_last_word_when_the_budget_is_spent() -> None:
    assert run(once, "1x").logbook == (LINE,)
    asked = study(once, "1x")
    while (trial := asked.ask()) is not None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=1 / epoch)
        asked.tell(trial)
    assert asked.history.logbook == (LINE,)


def test_what_it_would_do_with_more_budget_is_not_said() -> None:
    def eager(history: History) -> Sequence[Decision]:
        return [Note(LINE), Start({"x": 0.5}, until=10)]

    assert run(eager, "2x").logbook == (LINE, LINE)


def test_a_stop_is_carried_out_and_the_search_goes_on() -> None:
    def stopping(history: History) -> Sequence[Decision]:
        if history.paused:
            return [Stop(history.paused[0].number, "not good enough")]
        return [Start({"x": 0.5}, until=2)] if len(history.trials) < 3 else []

    history = run(stopping)
    assert [t.state for t in history.trials.values()] == ["stopped"] * 3
    assert history.trials[1].message == "not good enough"
    assert history.ended_why == "the strategy has nothing left to try"


def test_a_finish_ends_the_study_with_its_reason() -> None:
    history = run(lambda h: [Finish("good enough")] if h.trials else endless(h))
    assert (history.outcome, history.ended_why) == ("done", "good enough")
    assert len(history.trials) == 1


def test_a_config_outside_the_space_is_refused_and_the_end_recorded() -> None:
    mine = study(lambda _: [Start({"x": 2.0}, until=1)])
    with pytest.raises(danlu.ConfigError, match="x"):
        mine.run(train, executor="inline")
    assert mine.history.outcome == "failed"
    assert not mine.history.trials


def test_an_error_in_a_strategy_ends_the_run_in_order() -> None:
    def broken(history: History) -> Sequence[Decision]:
        if history.trials:
            raise ZeroDivisionError("in my strategy")
        return endless(history)

    mine = study(broken)
    with pytest.raises(ZeroDivisionError):
        mine.run(train)
    assert mine.history.outcome == "failed"
    assert mine.history.ended_why == "ZeroDivisionError: in my strategy"
    assert not mine.history.active
    mine.stop()  # the study is not held by the run that failed
    mine.remove()


def test_an_error_in_the_watcher_leaves_no_process_and_lets_the_run_be_resumed() -> None:
    def watch(history: History) -> None:
        if len(history.trials) == 2 and history.active:
            raise BrokenPipeError("nobody reads")

    mine = study(endless, "3x")
    with pytest.raises(BrokenPipeError):
        mine.run(train, watch=watch)
    mine.run(train)
    assert [t.state for t in mine.trials] == ["finished"] * 3


def test_every_event_is_in_the_store_when_the_run_is_over() -> None:
    store = MemoryStore()
    mine = danlu.Study(
        "s", space=SPACE, objective="min val_loss", epochs=3, budget="2x", strategy="random",
        store=store,
    )  # fmt: skip
    seen: list[int] = []
    mine.run(train, watch=lambda h: seen.append(h.version))
    assert store.load("s").version == seen[-1]
    assert seen == sorted(seen)


def test_a_new_trial_finds_its_folder_empty() -> None:
    def nosy(trial: danlu.Trial) -> None:
        assert [p.name for p in trial.folder.iterdir()] == ["log-1.txt"]
        trial.report(1, val_loss=0.5)

    mine = study(endless, "1 trials")
    (mine.folder / "1").mkdir(parents=True)
    (mine.folder / "1" / "checkpoint.json").write_text("of a study that was removed")
    mine.run(nosy)
    assert mine.trials[0].state == "finished", mine.trials[0].log


def test_what_lies_in_memory_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine = study(endless, "1x")
    mine.run(train)
    folder = mine.folder
    assert folder.exists()
    del mine
    assert not folder.exists()
    assert not list(tmp_path.iterdir())


def at_chance(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=0.7)


LR = danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True))


def sweep(history: History) -> Sequence[Decision]:
    place = (0.37 * history.next_number) % 1.0
    return [Start(LR.from_unit({"lr": place}), until=10, why="the next one")]


def hopeless(check: Literal[True, "warn"] = True) -> danlu.Study:
    mine = danlu.Study(
        "s", space=LR, objective="min val_loss", epochs=10, budget="30x",
        strategy=Decides(sweep), store=None,
    )  # fmt: skip
    mine.run(at_chance, executor="inline", check=check)
    return mine


def test_a_study_in_which_nothing_learns_ends_before_its_budget() -> None:
    mine = hopeless()
    assert mine.history.outcome == "hopeless"
    assert "nothing_learns" in [f.code for f in mine.history.findings]
    assert 12 <= len(mine.trials) < 25
    count = len(mine.trials)
    mine.run(at_chance, executor="inline")  # nothing has changed since
    assert mine.history.outcome == "hopeless"
    assert len(mine.trials) == count


def test_a_study_goes_on_in_spite_of_its_findings_if_a_person_wants_it() -> None:
    mine = hopeless(check="warn")
    assert mine.history.outcome == "done"
    assert len(mine.trials) == 30


def test_findings_about_the_study_are_recorded_once() -> None:
    codes = [f.code for f in hopeless(check="warn").history.findings]
    assert codes.count("nothing_learns") == 1
