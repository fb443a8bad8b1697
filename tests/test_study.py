"""Studies: made, run again, asked and told."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.processes import Running, below, numbers, wait_for

import danlu
from danlu.core.record import TrialRecord

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True, default=0.1), layers=danlu.Int(1, 3))


def loss(lr: float, epoch: int) -> float:
    return abs(math.log10(lr) + 1) + 1 / epoch


def train(trial: danlu.Trial) -> None:
    for epoch in trial.epochs(trial.restore()):
        trial.report(epoch, val_loss=loss(float(trial.params["lr"] or 0), epoch))
        trial.save()


def new(store: Path | None = None, **given: object) -> danlu.Study:
    values = {"objective": "min val_loss", "epochs": 9, "space": SPACE, "strategy": "halving"}
    return danlu.Study("mine", store=store, **(values | given))  # type: ignore[arg-type]


def told(trial: TrialRecord) -> tuple[object, ...]:
    """What a trial is, whenever and wherever it ran."""
    curve = tuple((r.epoch, *r.metrics.items()) for r in trial.reports)
    return trial.number, dict(trial.config), trial.seed, trial.until, trial.state, curve


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = below()
    yield
    assert below() <= before, "a process was left behind"


# ---- budgets


@pytest.mark.parametrize("strategy", ["auto", "halving", "random", "grid"])
@pytest.mark.parametrize("workers", [1, 3])
def test_full_trainings_are_never_overspent(strategy: str, workers: int) -> None:
    study = new(strategy=strategy)
    assert study.run(train, workers=workers, budget="4x") is not None
    assert 2.0 < study.history.trainings <= 4.0 + 1e-9
    assert study.history.outcome == "done"


def test_a_number_of_trials_is_kept() -> None:
    study = new(strategy="random")
    study.run(train, workers=2, budget="5 trials")
    assert [t.state for t in study.trials] == ["finished"] * 5


def test_when_its_time_is_up_a_study_ends_what_runs_and_a_later_run_goes_on_with_it() -> None:
    def slowly(trial: danlu.Trial) -> None:
        for epoch in trial.epochs(trial.restore()):
            trial.report(epoch, val_loss=1.0)
            wait_for(Path("go").exists, "the word to go on", 60)

    study = new(strategy="random")
    best = study.run(slowly, budget="6 s")
    assert study.history.outcome == "done"
    assert "the time of 6 s is used up" in study.history.ended_why
    assert best is not None
    assert 5.9 < study.history.seconds < 20.0
    Path("go").touch()
    study.run(slowly, budget="2 trials")
    assert [(t.state, t.epoch) for t in study.trials] == [("finished", 9), ("finished", 9)]


def test_a_larger_budget_goes_on_where_the_smaller_ended(tmp_path: Path) -> None:
    new(tmp_path, strategy="random").run(train, budget="2 trials")
    study = new(tmp_path, strategy="random", budget="4 trials")
    study.run(train)
    assert len(study.trials) == 4
    assert danlu.Study.open("mine", store=tmp_path).spec.budget.trials == 4


# ---- the same again


@pytest.mark.parametrize("strategy", ["auto", "halving", "random"])
def test_the_same_seed_gives_the_same_study(strategy: str) -> None:
    studies = [new(strategy=strategy, seed=5) for _ in range(2)]
    for study in studies:
        study.run(train, budget="3x")
    assert [told(t) for t in studies[0].trials] == [told(t) for t in studies[1].trials]
    other = new(strategy=strategy, seed=6)
    other.run(train, budget="3x")
    assert [told(t) for t in other.trials] != [told(t) for t in studies[0].trials]


def test_inline_and_processes_give_the_same_study() -> None:
    inline, processes = new(), new()
    inline.run(train, budget="3x", executor="inline")
    processes.run(train, budget="3x")
    assert [told(t) for t in inline.trials] == [told(t) for t in processes.trials]


def test_a_study_that_is_done_is_not_run_again(tmp_path: Path) -> None:
    new(tmp_path).run(train, budget="2x")
    again = new(tmp_path, budget="2x")
    events = again.history.version
    best = again.run(train)
    assert best is not None
    assert again.history.version == events + 2, "it began and ended"


def test_another_space_objective_or_length_is_another_study(tmp_path: Path) -> None:
    new(tmp_path)
    with pytest.raises(danlu.StudyError, match="its space differs in layers"):
        new(tmp_path, space=danlu.Space(lr=SPACE["lr"], layers=danlu.Int(1, 4)))
    with pytest.raises(danlu.StudyError, match="its objective is min val_loss, not max acc"):
        new(tmp_path, objective="max acc")
    with pytest.raises(danlu.StudyError, match="its trials have 9 epochs, not 8"):
        new(tmp_path, epochs=8)


def test_other_data_are_another_study_but_another_folder_or_device_is_not(tmp_path: Path) -> None:
    new(tmp_path, training={"data": "/a/wine.csv", "target": "label"})
    new(tmp_path, training={"data": "/b/wine.csv", "target": "label", "device": "cpu"})
    with pytest.raises(danlu.StudyError, match=r"its \[train\] differs in data, drop"):
        new(tmp_path, training={"data": "/a/beer.csv", "target": "label", "drop": ["x"]})


def test_opening_a_study_changes_nothing_in_the_store(tmp_path: Path) -> None:
    new(tmp_path, budget="7 trials", seed=3)
    new(tmp_path)
    assert danlu.Study.open("mine", store=tmp_path).spec.budget.trials == 7


# ---- wrong use


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
        (
            {"executor": "threads"},
            "executor must be one of 'auto', 'fused', 'processes', 'ray', 'inline'",
        ),
        ({"budget": "soon"}, "cannot be read"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(danlu.StudyError, match=message):
        new().run(train, **given)  # type: ignore[arg-type]


def test_what_cannot_train_is_refused() -> None:
    with pytest.raises(danlu.StudyError, match="a function that takes a Trial"):
        new().run(5)  # type: ignore[arg-type]
    with pytest.raises(danlu.StudyError, match="needs a function"):
        new().run("module:train", executor="inline")


def test_when_the_first_trials_all_fail_the_study_says_why() -> None:
    def broken(trial: danlu.Trial) -> None:
        raise FileNotFoundError("data/train.csv")

    study = new()
    with pytest.raises(danlu.LaunchError, match=r"(?s)FileNotFoundError: data/train\.csv.*broken"):
        study.run(broken, workers=2, budget="20x")
    assert 3 <= len(study.trials) <= 4
    study.run(train, budget="5x")  # mended
    assert study.history.outcome == "done"


def test_a_failing_trial_does_not_end_the_study() -> None:
    def sometimes(trial: danlu.Trial) -> None:
        if trial.number % 2:
            raise ArithmeticError("out of luck")
        train(trial)

    study = new(strategy="random")
    assert study.run(sometimes, budget="6 trials") is not None
    assert [t.state for t in study.trials] == ["failed", "finished"] * 3
    assert study.trials[0].message == "ArithmeticError: out of luck"
    assert "in sometimes" in study.trials[0].log


def test_nan_fails_its_trial_only() -> None:
    def breaking(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=math.nan if trial.number == 2 and epoch == 3 else 0.5)

    study = new(strategy="random")
    study.run(breaking, budget="3 trials")
    assert [t.state for t in study.trials] == ["finished", "failed", "finished"]
    assert "val_loss is NaN at epoch 3" in study.trials[1].message


# ---- wishes from elsewhere


def waiting(trial: danlu.Trial) -> None:
    with Path("started").open("a") as file:
        file.write(f"{trial.number}\n")
    trial.report(1, val_loss=0.5)
    wait_for(Path(f"go-{trial.number}").exists, "the word to go on", 60)
    for epoch in trial.epochs(1):
        trial.report(epoch, val_loss=0.5)


def run_waiting(store: Path) -> None:
    new(store, strategy="random").run(waiting, workers=2, budget="4 trials")


def test_a_person_can_stop_one_trial(tmp_path: Path) -> None:
    study = new(tmp_path)
    with Running(lambda: run_waiting(tmp_path)) as runner:
        wait_for(lambda: len(numbers(Path("started"))) == 2, "two trials")
        study.stop(trial=1)
        wait_for(lambda: study.trials[0].state == "stopped", "the end of trial 1")
        assert study.trials[0].message == "stopped by a person"
        for number in (2, 3, 4):
            Path(f"go-{number}").touch()
        assert runner.wait() == 0
    assert [t.state for t in study.trials] == ["stopped", *["finished"] * 3]


def test_a_person_can_stop_the_study_and_what_runs_comes_to_its_end(tmp_path: Path) -> None:
    def run_long() -> None:
        new(tmp_path, strategy="random").run(train, workers=2, budget="5000 trials")

    study = new(tmp_path)
    with Running(run_long) as runner:
        wait_for(lambda: study.trials, "trials")
        study.stop()
        assert runner.wait() == 0
    assert study.history.outcome == "stopped"
    assert {t.state for t in study.trials} == {"finished"}
    assert len(study.trials) < 5000


def test_a_person_can_stop_the_study_now_and_it_goes_on_later(tmp_path: Path) -> None:
    study = new(tmp_path)
    with Running(lambda: run_waiting(tmp_path)) as runner:
        wait_for(lambda: len(numbers(Path("started"))) == 2, "two trials")
        study.stop(now=True)
        assert runner.wait(10) == 0
    assert [t.state for t in study.trials] == ["lost", "lost"]
    assert [t.epoch for t in study.trials] == [1, 1]
    for number in (1, 2, 3, 4):
        Path(f"go-{number}").touch()
    run_waiting(tmp_path)
    assert [t.state for t in study.trials] == ["finished"] * 4


def test_a_second_tuner_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    study = new(tmp_path)
    with Running(lambda: run_waiting(tmp_path)) as runner:
        wait_for(lambda: len(numbers(Path("started"))) == 2, "two trials")
        with pytest.raises(danlu.StudyError, match=f"is run by pid {runner.pid}"):
            new(tmp_path, strategy="random").run(train, budget="99 trials")
        with pytest.raises(danlu.StudyError, match="is run by"):
            study.ask()
        with pytest.raises(danlu.StudyError, match="is run by"):
            study.remove()
        assert danlu.Study.open("mine", store=tmp_path).spec.budget.trials == 4
    run = danlu.Study.open("mine", store=tmp_path)
    assert len(run.trials) == 2


# ---- asking and telling


def test_a_loop_of_ones_own_tunes_until_the_budget_is_spent() -> None:
    study = new(budget="3x")
    while (trial := study.ask()) is not None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=loss(float(trial.params["lr"] or 0), epoch))
        study.tell(trial)
    assert 2.0 < study.history.trainings <= 3.0 + 1e-9
    assert study.history.outcome == "done"
    assert {t.state for t in study.trials} <= {"finished", "paused"}
    assert max(t.epoch for t in study.trials) > min(t.epoch for t in study.trials)


def test_asking_gives_the_same_trials_as_running() -> None:
    asked, run = new(budget="3x"), new(budget="3x")
    while (trial := asked.ask()) is not None:
        for epoch in trial.epochs():
            trial.report(epoch, val_loss=loss(float(trial.params["lr"] or 0), epoch))
        asked.tell(trial)
    run.run(train)
    assert [told(t) for t in asked.trials] == [told(t) for t in run.trials]


def test_several_trials_may_be_open_and_told_in_any_order() -> None:
    study = new(strategy="random", budget="3 trials")
    trials = [study.ask() for _ in range(3)]
    assert study.ask() is None, "it waits for what is open"
    for value, trial in zip((0.3, 0.1, 0.2), reversed(trials), strict=True):
        assert trial is not None
        assert study.tell(trial, value).state == "finished"
    assert study.best is not None
    assert (study.best.number, study.best.value) == (2, 0.1)
    assert study.ask() is None


def test_a_failure_a_nan_and_silence_are_failed_trials() -> None:
    study = new(strategy="random")
    wanted = [
        ({"failed": "CUDA out of memory"}, "told", "CUDA out of memory"),
        ({"value": math.nan}, "not_finite", "val_loss is NaN at epoch 9"),
        ({}, "no result", "it was told without val_loss"),
    ]
    for given, cause, message in wanted:
        trial = study.ask()
        assert trial is not None
        record = study.tell(trial, **given)  # type: ignore[arg-type]
        assert (record.state, record.cause) == ("failed", cause)
        assert message in record.message


def test_a_loop_hears_when_training_on_is_a_waste() -> None:
    study = new(strategy="random")
    trial = study.ask()
    assert trial is not None
    seen = []
    for epoch in trial.epochs():
        seen.append(epoch)
        trial.report(epoch, val_loss=math.inf if epoch == 2 else 1.0)
    assert seen == [1, 2]
    assert study.tell(trial).state == "failed"


def test_wrong_telling_is_refused() -> None:
    study = new(strategy="random")
    trial = study.ask()
    assert trial is not None
    with pytest.raises(danlu.ReportError, match="val_loss must be a number"):
        study.tell(trial, "low")  # type: ignore[arg-type]
    trial.report(1, val_loss=0.5)
    with pytest.raises(danlu.ReportError, match="epoch 1 after epoch 1"):
        trial.report(1, val_loss=0.5)
    study.tell(trial)
    with pytest.raises(danlu.StudyError, match="was told already"):
        study.tell(trial, 0.5)


def test_while_one_process_asks_no_other_runs_and_what_it_never_told_comes_again(
    tmp_path: Path,
) -> None:
    def ask_and_vanish() -> None:
        asking = new(tmp_path, strategy="random", seed=4)
        trial = asking.ask()
        assert trial is not None
        trial.report(1, val_loss=0.5)
        Path("asked").touch()
        wait_for(lambda: False, "for ever", 60)

    study = new(tmp_path, strategy="random", seed=4)
    with Running(ask_and_vanish):
        wait_for(Path("asked").exists, "a trial")
        with pytest.raises(danlu.StudyError, match="is run by"):
            study.ask()
    trial = study.ask()
    assert trial is not None
    assert (trial.number, trial.start) == (1, 0)
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=0.5)
    assert study.tell(trial).epoch == 9


def test_a_run_takes_over_what_was_asked_for(tmp_path: Path) -> None:
    study = new(tmp_path, strategy="random", budget="2 trials")
    assert study.ask() is not None
    study.run(train)
    assert [t.state for t in study.trials] == ["finished", "finished"]


# ---- several objectives and constraints


def train_two(trial: danlu.Trial) -> None:
    rate = float(trial.params["lr"] or 0)
    for epoch in trial.epochs(trial.restore()):
        trial.report(epoch, val_loss=loss(rate, epoch), size=1.0 / rate)
        trial.save()


def test_several_objectives_give_a_pareto_set_that_keeps_to_the_constraints(
    tmp_path: Path,
) -> None:
    aims: dict[str, object] = {"objective": ["min val_loss", "min size"], "strategy": "auto",
                               "constraints": ["size <= 5000"]}  # fmt: skip
    study = new(tmp_path, **aims)
    best = study.run(train_two, executor="inline", budget="5x")
    assert study.pareto
    assert best is not None
    values = [t.values(study.spec.objectives) or () for t in study.pareto]
    assert values == sorted(values)
    assert all(size <= 5000 for _, size in values)
    assert [t.number for t in new(tmp_path, **aims).pareto] == [t.number for t in study.pareto]
    opened = danlu.Study.open("mine", store=tmp_path)
    assert opened.spec.constraints == (danlu.Constraint("size", "<=", 5000.0),)


def test_other_objectives_or_constraints_are_another_study(tmp_path: Path) -> None:
    new(tmp_path, objective=["min val_loss", "min size"], strategy="auto")
    with pytest.raises(danlu.StudyError, match="is min val_loss, min size, not min val_loss"):
        new(tmp_path, strategy="auto")
    with pytest.raises(danlu.StudyError, match="its constraints are none, not size < 3"):
        new(
            tmp_path, objective=["min val_loss", "min size"], strategy="auto",
            constraints=["size<3"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"objective": []}, "an objective is needed"),
        ({"objective": ["min a", "max a"], "strategy": "auto"}, "'a' is an objective twice"),
        ({"constraints": "size < 3"}, "must be a list of texts"),
        ({"constraints": ["size"]}, "METRIC <= NUMBER"),
        ({"constraints": ["size < 3"]}, "'halving' follows one objective without constraints"),
    ],
)
def test_objectives_and_constraints_that_cannot_be_are_refused(
    given: dict[str, object], problem: str
) -> None:
    with pytest.raises(danlu.StudyError, match=problem):
        new(None, **given)


def test_a_loop_of_ones_own_gets_findings_about_the_study_too() -> None:
    study = danlu.Study(
        "own", space=danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True)), objective="min val_loss",
        epochs=1, budget="30 trials", strategy="quasi-random", store=None,
    )  # fmt: skip
    while (trial := study.ask()) is not None:
        study.tell(trial, 0.7)
    assert len(study.trials) == 30, "its own loop decides when it ends"
    assert "nothing_learns" in [f.code for f in study.history.findings]


def test_who_reads_the_share_of_the_data_of_an_asked_trial_is_known_to_use_it() -> None:
    study = new(strategy="freeze-thaw", options={"fractions": [0.3]}, epochs=3)
    trial = study.ask()
    assert trial is not None
    assert study.history.takes_fraction is None
    assert trial.data_fraction == 0.3
    assert study.history.takes_fraction is True
    version = study.history.version
    assert trial.data_fraction == 0.3
    assert study.history.version == version  # it is known already
    study.tell(trial, 0.5)
