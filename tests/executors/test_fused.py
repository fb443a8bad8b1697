"""Trials of the kit in crews, as the tuner sees them."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.executors.driving import closed, closing, epochs, run
from tests.kit.conftest import table

from danlu.core.event import Finished, Lost, Paused, Reported, Stopped
from danlu.core.job import Job
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.errors import StudyError
from danlu.executors.fitting import gains, rows_for
from danlu.executors.fused import FusedExecutor
from danlu.executors.inline import InlineExecutor
from danlu.executors.processes import ProcessExecutor
from danlu.kit import Training
from danlu.running import executor_for

pytestmark = pytest.mark.torch

EPOCHS = 6
CONFIG = {"units": 8, "layers": 1, "batch_size": 4, "dropout": 0.2, "lr": 0.01}


@pytest.fixture(scope="module")
def training() -> Training:
    return Training(table(120))


@pytest.fixture
def crew(training: Training) -> Iterator[FusedExecutor]:
    executor = FusedExecutor(training, "val_loss", cores=1, rows=16)
    yield executor
    executor.close()


def jobs(folder: Path, n: int = 12, until: int = EPOCHS, **params: Any) -> list[Job]:
    return [
        Job("s", i, {**CONFIG, **params}, i, until, EPOCHS, folder / str(i))
        for i in range(1, n + 1)
    ]


def losses(events: Any, trial: int) -> dict[int, float]:
    return {
        e.epoch: e.metrics["val_loss"]
        for e in events
        if isinstance(e, Reported) and e.trial == trial
    }


def test_trials_of_a_crew_give_what_each_gives_alone(
    crew: FusedExecutor, training: Training, tmp_path: Path
) -> None:
    events = run(crew, *jobs(tmp_path / "crew"))
    assert not crew.reasons, "all of them were trained together"
    inline = InlineExecutor(training, "val_loss")
    for job in jobs(tmp_path / "alone")[::5]:
        alone = run(inline, job)
        assert epochs(events, job.trial) == [1, 2, 3, 4, 5, 6]
        assert isinstance(closing(events, job.trial), Finished)
        assert losses(events, job.trial) == pytest.approx(losses(alone, job.trial), rel=1e-4)


def test_paused_trials_go_on_in_the_crew_or_in_a_process(
    crew: FusedExecutor, training: Training, tmp_path: Path
) -> None:
    first = run(crew, *jobs(tmp_path, until=3))
    assert all(isinstance(closing(first, job.trial), Paused) for job in jobs(tmp_path))
    assert crew.free_slots == crew.workers
    *warm, other = (replace(job, epoch=3) for job in jobs(tmp_path))
    second = run(crew, *warm)
    assert epochs(second, 1) == [4, 5, 6]
    process = ProcessExecutor(training, "val_loss")
    assert epochs(run(process, other), other.trial) == [4, 5, 6]
    process.close()


def test_a_trial_without_another_of_its_shape_goes_to_a_process_and_says_why(
    crew: FusedExecutor, tmp_path: Path
) -> None:
    *alike, last = jobs(tmp_path)
    last = replace(last, config={**last.config, "units": 5})
    events = run(crew, *alike, last)
    assert list(crew.reasons) == [last.trial]
    assert "of its shape" in crew.reasons[last.trial]
    assert epochs(events, last.trial) == [1, 2, 3, 4, 5, 6]
    assert isinstance(closing(events, last.trial), Finished)


def test_a_network_that_cannot_be_batched_goes_to_a_process(tmp_path: Path) -> None:
    training = Training(table(), model="tests.kit.fused.test_stacks:branching")
    executor = FusedExecutor(training, "val_loss", cores=1, rows=4)
    events = run(executor, *jobs(tmp_path, 2))
    assert all("cannot be batched" in why for why in executor.reasons.values())
    assert len(executor.reasons) == 2
    assert isinstance(closing(events, 2), Finished)
    executor.close()


def test_a_config_that_cannot_be_fails_with_its_reason(
    crew: FusedExecutor, tmp_path: Path
) -> None:
    (job,) = jobs(tmp_path, 1, optimizer="magic")
    end: Any = closing(run(crew, job))
    assert end.cause == "exception"
    assert "optimizer must be one of" in end.message


def test_a_trial_whose_training_breaks_down_ends_as_in_a_process(
    crew: FusedExecutor, training: Training, tmp_path: Path
) -> None:
    *good, wild = jobs(tmp_path / "crew", optimizer="sgd")
    wild = replace(wild, config={**wild.config, "lr": 1e30})
    events = run(crew, *good, wild)
    process = ProcessExecutor(training, "val_loss")
    alone = run(process, replace(wild, folder=tmp_path / "alone"))
    process.close()
    end, other = (replace(closing(e, wild.trial), at=0.0) for e in (events, alone))
    assert end == other
    assert epochs(events, wild.trial) == epochs(alone, wild.trial)
    assert "Training broke down in step" in (wild.folder / "log-1.txt").read_text()
    assert epochs(events, 1) == [1, 2, 3, 4, 5, 6]


def test_a_stopped_trial_leaves_the_crew_and_the_others_go_on(
    crew: FusedExecutor, tmp_path: Path
) -> None:
    many = [replace(job, until=60, epochs=60) for job in jobs(tmp_path)]
    for job in many:
        crew.launch(job)
    events = list(crew.collect(5.0))
    crew.stop(1)
    events += closed(crew, {job.trial for job in many})
    assert isinstance(closing(events, 1), Stopped)
    assert max(epochs(events, 1), default=0) < 60
    assert epochs(events, 2) == list(range(1, 61))


def test_trials_of_a_crew_that_is_killed_are_lost_and_go_on_alone(
    crew: FusedExecutor, tmp_path: Path
) -> None:
    many = [replace(job, until=400, epochs=400) for job in jobs(tmp_path, 4)]
    for job in many:
        crew.launch(job)
    events: list[Any] = []
    while not losses(events, 1):
        events += crew.collect(0.1)
    os.kill(crew.pids[0], signal.SIGKILL)
    events += closed(crew, {job.trial for job in many})
    assert all(isinstance(closing(events, job.trial), Lost) for job in many)
    again = replace(many[0], attempt=2, until=len(losses(events, 1)) + 1)
    assert isinstance(closing(run(crew, again)), Paused)
    assert "was killed or crashed" in crew.reasons[1]


SPACE = Space(lr=Float(1e-4, 1.0, log=True), optimizer=Choice("sgd", "adam"), layers=2)


def spec(space: Space, budget: str = "50x", strategy: str = "random") -> Spec:
    objective = Objective("val_loss", "min")
    return Spec("s", space, objective, 6, budget=Budget.parse(budget), strategy=strategy)


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (spec(SPACE), FusedExecutor),
        (spec(Space(**SPACE.parameters, units=Int(16, 512))), ProcessExecutor),
        (spec(SPACE, "5x", "auto"), ProcessExecutor),
        (spec(SPACE, "50x", "auto"), FusedExecutor),
    ],
)
def test_auto_fuses_what_gains_from_it(training: Training, of: Spec, kind: type) -> None:
    assert isinstance(executor_for(of, training), kind)
    assert bool(gains(of, rows_for(of, 1))) == (kind is ProcessExecutor)


def test_only_trainings_of_the_kit_can_be_fused() -> None:
    with pytest.raises(StudyError, match="only trainings of the kit"):
        executor_for(spec(SPACE), "module:train", "fused")
