"""What a person asks for while a study runs, and what the tuner makes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import danlu
from danlu import tuner
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.request import enlarged, notes, on_hold, pinned
from danlu.core.spec import Budget
from danlu.stores.memory import MemoryStore
from danlu.strategies.names import STRATEGIES

SPACE = danlu.Space(
    x=danlu.Float(0.0, 1.0, default=0.5),
    kind=danlu.Choice("a", "b", default="a"),
    depth=danlu.Int(1, 4, default=2, when={"kind": ("b",)}),
)


def train(trial: danlu.Trial) -> None:
    for epoch in trial.epochs(trial.restore()):
        trial.report(epoch, val_loss=abs(float(trial.params["x"] or 0) - 0.3) + 1 / epoch)
        trial.save()


@pytest.fixture(autouse=True)
def wishes_are_read_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "TURN_S", 0.0)  # these trials take no time


class Person:
    """Asks once for each thing, as soon as its time has come."""

    def __init__(self, study: danlu.Study) -> None:
        self.study = study
        self.wishes: list[tuple[Callable[[History], bool], Callable[[], Any]]] = []

    def when(self, condition: Callable[[History], bool], wish: Callable[[], Any]) -> None:
        self.wishes.append((condition, wish))

    def __call__(self, history: History) -> None:
        due = [wish for condition, wish in self.wishes if condition(history)]
        self.wishes = [row for row in self.wishes if row[1] not in due]
        for wish in due:
            wish()


def new(strategy: str = "random", budget: str = "6 trials", **more: Any) -> danlu.Study:
    return danlu.Study(
        "s", space=SPACE, objective="min val_loss", epochs=9, budget=budget, strategy=strategy,
        store=more.pop("store", None), **more,
    )  # fmt: skip


def run(study: danlu.Study, person: Person) -> History:
    study.run(train, executor="inline", watch=person)
    assert not person.wishes
    return study.history


def answers(history: History) -> list[Entry]:
    return [e for e in history.logbook if e.code == "request"]


def trials(count: int) -> Callable[[History], bool]:
    return lambda history: len(history.trials) >= count


@pytest.mark.parametrize("strategy", [s for s in STRATEGIES if s not in ("grid",)])
def test_a_config_that_a_person_asks_for_is_tried_by_any_search(strategy: str) -> None:
    pytest.importorskip({"tpe": "optuna", "cmaes": "cmaes"}.get(strategy, "danlu"))
    study = new(strategy)
    person = Person(study)
    config = {"x": 0.25, "kind": "b"}
    person.when(trials(2), lambda: study.request("enqueue", config=config, by="ada"))
    history = run(study, person)
    (asked,) = [t for t in history.trials.values() if t.stage == "asked"]
    assert asked.config == {"x": 0.25, "kind": "b", "depth": 2}
    assert asked.why == "asked for by ada"
    assert (asked.state, asked.epoch) == ("finished", 9)
    (entry,) = answers(history)
    assert entry.done == f"trial {asked.number} tries it"
    assert entry.data["trial"] == asked.number


def test_a_config_asked_for_before_the_run_is_tried_first() -> None:
    study = new()
    study.request("enqueue", config={"x": 0.75})
    assert run(study, Person(study)).trials[1].config["x"] == 0.75
    study.run(train, executor="inline", budget="8 trials")
    assert [t.stage for t in study.trials].count("asked") == 1  # once, not in each run


def test_a_config_that_the_budget_does_not_allow_is_answered_with_the_reason() -> None:
    study = new(budget="1 trials")
    study.request("enqueue", config={"x": 0.1})
    study.request("enqueue", config={"x": 0.2})
    history = run(study, Person(study))
    assert [e.done for e in answers(history)] == [
        "trial 1 tries it",
        "refused: the budget does not allow it",
    ]


def test_while_paused_no_trial_begins_and_resuming_goes_on() -> None:
    study = new()
    person = Person(study)
    seen: list[int] = []
    person.when(trials(2), lambda: study.request("pause"))

    def look(history: History) -> bool:
        if on_hold(history):
            seen.append(len(history.trials))
        return len(seen) > 5

    person.when(look, lambda: study.request("resume"))
    history = run(study, person)
    assert len(set(seen)) == 1
    assert len(history.trials) == 6
    assert [e.data["verb"] for e in answers(history)] == ["pause", "resume"]


def test_a_paused_study_can_be_stopped_and_runs_on_when_it_is_run_again() -> None:
    study = new()
    person = Person(study)
    person.when(trials(2), lambda: study.request("pause"))
    person.when(on_hold, lambda: study.request("stop"))
    history = run(study, person)
    assert history.outcome == "stopped"
    assert on_hold(history)
    study.run(train, executor="inline")
    assert len(study.history.trials) == 6
    assert not on_hold(study.history)
    assert answers(study.history)[-1].done == "running it again resumes it"


def test_more_budget_holds_at_once_and_stays_in_the_store(tmp_path: Path) -> None:
    study = new(store=tmp_path / "studies")
    person = Person(study)
    person.when(trials(3), lambda: study.request("add budget", budget="4 trials"))
    assert len(run(study, person).trials) == 10
    assert danlu.Study.open(store=tmp_path / "studies").spec.budget == Budget(trials=10)


def test_the_same_key_is_one_wish() -> None:
    study = new()
    person = Person(study)

    def twice() -> None:
        for _ in range(2):
            study.request("add budget", budget="1 trials", key="k")

    person.when(trials(2), twice)
    assert len(run(study, person).trials) == 7


def test_a_trial_that_is_over_is_not_stopped_again() -> None:
    study = new()
    person = Person(study)
    person.when(trials(3), lambda: study.request("stop trial", 1))
    history = run(study, person)
    assert history.trials[1].state == "finished"
    assert answers(history)[0].done == "nothing: it is not open"


@pytest.mark.parametrize(
    ("verb", "trial", "data", "words"),
    [
        ("dance", None, {}, "'dance' cannot be asked for"),
        ("pause", None, {}, "nobody runs 's'"),
        ("pin", None, {}, "name a trial"),
        ("enqueue", 1, {"config": {}}, "name no trial"),
        ("pin", 99, {}, "no trial 99"),
        ("note", None, {}, "'text' and nothing else"),
        ("note", None, {"text": " "}, "needs some text"),
        ("note", None, {"text": "a", "more": 1}, "nothing else"),
        ("enqueue", None, {"config": 3}, "must be a table"),
        ("enqueue", None, {"config": {"z": 3}}, "'z' is no parameter"),
        ("enqueue", None, {"config": {"x": 3}}, "x: "),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_the_reason(
    verb: str, trial: int | None, data: dict[str, Any], words: str
) -> None:
    study = new(store=MemoryStore())
    study.run(train, executor="inline")
    with pytest.raises(danlu.DanluError, match=words):
        study.request(verb, trial, **data)


def test_pins_and_notes_are_folded_from_the_requests() -> None:
    store = MemoryStore()
    study = new(store=store)
    study.run(train, executor="inline")
    for verb, trial in (("pin", 3), ("pin", 1), ("pin", 2), ("unpin", 1), ("pin", 3)):
        study.request(verb, trial)
    study.request("note", 2, text="looks odd", by="ada")
    left = store.requests("s")
    assert pinned(left) == [3, 2]
    (note,) = notes(left)
    assert (note.trial, note.data["text"], note.by) == (2, "looks odd", "ada")


@pytest.mark.parametrize(
    ("budget", "more", "result"),
    [
        ("20x", "5x", "25x"),
        ("20x, 30 trials", "2 trials", "20x, 32 trials"),
        ("1h", "60s", "3660s"),
    ],
)
def test_a_budget_grows_by_what_it_limits(budget: str, more: str, result: str) -> None:
    assert str(enlarged(Budget.parse(budget), more)) == result


def test_a_limit_that_is_not_there_cannot_grow() -> None:
    with pytest.raises(danlu.StudyError, match="does not limit time"):
        enlarged(Budget.parse("20x"), "2h")
