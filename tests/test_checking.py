"""Checking a study: whence its problem comes, what is recorded, and when a run is refused."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.preflight.problems import HEALTHY, blobs, problem

import danlu
from danlu import checking
from danlu.core.event import Diagnosed, Learned
from danlu.core.finding import Finding, standing
from danlu.core.task import Task
from danlu.preflight.checklist import Checklist, Line
from danlu.stores import open_store

pytestmark = pytest.mark.torch
SPACE = danlu.Space(lr=danlu.Float(1e-4, 1e-1, log=True, default=3e-3))
B = blobs()
TABLE = replace(HEALTHY, build=None)  # the data only: quicker
LEAKY = replace(problem(x_val=B["x_train"][:120], y_val=B["y_train"][:120]), build=None)


def train(trial: danlu.Trial) -> None:
    rng = np.random.default_rng(trial.seed)
    for epoch in trial.epochs():
        trial.report(epoch, train_loss=1 / epoch, val_loss=1 / epoch + 0.01 * rng.random())


def unseeded(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=float(np.random.default_rng().random()))


def failing(trial: danlu.Trial) -> None:
    raise ValueError("no such file: wine.csv")


def dying() -> danlu.Problem:
    os._exit(9)


class Trainer:
    """Something that trains and knows its problem."""

    def __init__(self, known: Any) -> None:
        self.known = known

    def problem(self) -> Any:
        return self.known

    def __call__(self, trial: danlu.Trial) -> None:
        train(trial)


@pytest.fixture
def study(tmp_path: Path) -> danlu.Study:
    return new(tmp_path)


def new(folder: Path, **changed: Any) -> danlu.Study:
    settings = {"space": SPACE, "objective": "min val_loss", "epochs": 3, "strategy": "random"}
    return danlu.Study("checked", store=folder / "store", **{**settings, **changed})


def test_a_healthy_problem_is_checked_recorded_and_run(study: danlu.Study) -> None:
    best = study.run(train, problem=HEALTHY, budget="2 trials")
    assert best is not None
    history = study.history
    assert history.task.classes == 4
    assert history.task.initial_loss == pytest.approx(np.log(4), rel=0.3)
    assert not [f for f in history.findings if f.severity == "error"]
    kept = json.loads((study.folder / "preflight.json").read_text())
    assert {"D01", "M13", "BL2"} <= {line["code"] for line in kept["lines"]}


def test_while_it_is_checked_the_study_is_held_by_who_checks(
    study: danlu.Study, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"

    def asking() -> danlu.Problem:
        with pytest.raises(danlu.StudyError):
            new(tmp_path).run(train, budget="1 trials")
        seen.write_text(str(open_store(tmp_path / "store").holder("checked")))
        return TABLE

    study.check(problem=asking)
    assert f"pid {os.getpid()}" in seen.read_text()
    assert not study.trials
    assert open_store(tmp_path / "store").holder("checked") is None


def test_errors_refuse_the_run_with_what_to_change_and_are_recorded(study: danlu.Study) -> None:
    with pytest.raises(danlu.CheckError, match="D05: 100"):
        study.run(train, problem=LEAKY, budget="2 trials")
    assert not study.trials
    assert [f.code for f in study.history.findings if f.severity == "error"] == ["D05"]


def test_a_refused_run_goes_on_when_told_to_and_logs_why(
    study: danlu.Study, caplog: pytest.LogCaptureFixture
) -> None:
    assert study.run(train, problem=LEAKY, budget="1 trials", check="warn") is not None
    assert "D05: 100.0% of the validation rows" in caplog.text
    assert "D05" in [f.code for f in study.history.findings]


def test_nothing_is_checked_when_switched_off_or_begun(study: danlu.Study) -> None:
    study.run(train, problem=LEAKY, budget="1 trials", check=False)
    assert study.history.task == Task()
    study.run(train, problem=LEAKY, budget="2 trials")
    assert len(study.trials) == 2


def test_what_trains_brings_its_problem_along(study: danlu.Study) -> None:
    with pytest.raises(danlu.CheckError, match="D05"):
        study.run(Trainer(LEAKY), executor="inline", budget="1 trials")


def test_a_mended_fault_is_taken_back(study: danlu.Study) -> None:
    study.check(problem=LEAKY)
    assert "D05" in [f.code for f in study.history.findings]
    study.check(problem=TABLE)
    assert "D05" not in [f.code for f in standing(study.history.findings)]


def test_the_same_finding_is_recorded_once(study: danlu.Study) -> None:
    first = study.check(problem=LEAKY).findings
    study.check(problem=LEAKY)
    assert study.history.findings == first


def test_what_was_just_checked_is_not_checked_again(study: danlu.Study) -> None:
    study.check(problem=TABLE)
    study.run(train, problem=dying, budget="1 trials")
    assert len(study.trials) == 1


def test_the_default_config_is_what_is_checked(tmp_path: Path) -> None:
    space = danlu.Space(lr=danlu.Float(1e-9, 1e-1, log=True, default=1e-9))
    checklist = new(tmp_path, space=space).check(problem=HEALTHY)
    assert "M13" in [f.code for f in checklist.warnings]


def test_a_space_may_change_after_a_check_only(tmp_path: Path) -> None:
    new(tmp_path).check(problem=TABLE)
    wider = danlu.Space(lr=danlu.Float(1e-5, 1e-1, log=True))
    study = new(tmp_path, space=wider)
    assert study.history.findings == ()
    study.run(train, budget="1 trials")
    with pytest.raises(danlu.StudyError, match="its space differs"):
        new(tmp_path)


def test_the_reports_of_a_function_are_checked_by_two_short_trainings(study: danlu.Study) -> None:
    checklist = study.check(train, training=True)
    states = {line.code: line.state for line in checklist.lines}
    assert states == {"R1": "well", "R2": "well", "R3": "skipped", "R4": "well"}
    assert not study.trials
    assert not (study.folder / "preflight").exists()


def test_a_missing_curve_and_a_missing_seed_are_warned_of(study: danlu.Study) -> None:
    checklist = study.check(unseeded, training=True)
    assert [f.code for f in checklist.warnings] == ["R2", "R4"]
    assert "Report train_loss too" in checklist.warnings[0].message


def test_training_that_fails_is_an_error_with_its_message(study: danlu.Study) -> None:
    (finding,) = study.check(failing, training=True).errors
    assert "no such file: wine.csv" in finding.message


def test_the_loss_of_the_first_epoch_is_held_against_chance(tmp_path: Path) -> None:
    def exploding(trial: danlu.Trial) -> None:
        for epoch in trial.epochs():
            trial.report(epoch, train_loss=50.0, val_loss=40.0)

    checklist = new(tmp_path).check(exploding, problem=TABLE, training=True)
    assert "R3" in [f.code for f in checklist.warnings]


def test_a_process_that_dies_while_checking_is_an_error_of_one_sentence(
    study: danlu.Study,
) -> None:
    with pytest.raises(danlu.CheckError, match=r"died \(exit code 9\)"):
        study.check(problem=dying)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (lambda: 3, "a danlu.Problem is needed, or a function of it, but got 3"),
        (lambda: 1 / 0, "the problem cannot be made: ZeroDivisionError"),
        ("no_such_module:problem", "there is no module 'no_such_module'"),
        ("nothing", "'module:function'"),
        ("json:nothing", "no function 'nothing'"),
    ],
)
def test_a_problem_that_is_none_is_told(study: danlu.Study, given: Any, sentence: str) -> None:
    with pytest.raises(danlu.CheckError, match=sentence):
        study.check(problem=given)


def test_a_check_with_nothing_to_look_at_says_what_to_give(study: danlu.Study) -> None:
    with pytest.raises(danlu.CheckError, match=r"give a danlu\.Problem"):
        study.check(train)


def test_danlu_check_takes_a_problem_and_a_config() -> None:
    checklist = danlu.check(replace(HEALTHY, build=None), {"lr": 0.1})
    assert not checklist.errors
    with pytest.raises(danlu.CheckError, match=r"takes a danlu\.Problem"):
        danlu.check(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "baseline", "linear"),
    [
        ("val_accuracy", 0.25, 0.9),
        ("val_balanced_accuracy", 0.2, None),
        ("val_loss", 1.4, None),
        ("val_f1", None, None),
    ],
)
def test_baselines_are_those_of_the_metric_that_is_tuned(
    metric: str, baseline: float | None, linear: float | None
) -> None:
    known = Task("classification", classes=5, baseline_loss=1.4, baseline_metric=0.25,
                 linear_metric=0.9)  # fmt: skip
    task = checking.in_terms_of(metric, known)
    assert (task.baseline_metric, task.linear_metric) == (baseline, linear)


def test_events_hold_the_facts_then_what_was_mended_then_what_is_new() -> None:
    history = new_history("D05", "plateau")
    warned = Finding("M13", "warning", 0.9, "too low")
    events = checking.events_of(
        history, Checklist((Line("M13", "", "warning", "", "", (warned,)),))
    )
    assert isinstance(events[0], Learned)
    assert [e.finding.code for e in events[1:] if isinstance(e, Diagnosed)] == ["D05", "M13"]
    after = history.after(*events)
    assert [f.code for f in standing(after.findings)] == ["plateau", "M13"]


def new_history(*codes: str) -> danlu.History:
    spec = danlu.Spec("s", SPACE, danlu.Objective("val_loss", "min"), 3)
    findings = tuple(Finding(code, "warning", 0.9, code) for code in codes)
    return danlu.History(spec, findings=findings)
