"""What every executor must do, whatever training does; run on each by a subclass."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.executors.driving import closed, closing, epochs, job, run
from tests.processes import below, numbers, wait_for, wait_until_gone

from danlu.core.event import Failed, Finished, Lost, Paused, Stopped
from danlu.executors.base import Executor

FAILURES = {
    "exit": ("exit", "3"),
    "nothing": ("no result", "val_loss was expected, but it reported nothing"),
    "other metric": ("no result", "it reported train_loss"),
}


class ExecutorConformance:
    """Subclass it and return the executor; see README.md in this folder.

    Attributes:
        keeps_output: Whether what training prints goes to its log.
        raises: The cause when training raises an exception.
        backwards: The cause when epochs do not grow.
    """

    keeps_output = True
    raises = "exception"
    backwards = "exception"

    def executor(self, workers: int) -> Executor:
        raise NotImplementedError

    @pytest.fixture
    def one(self) -> Iterator[Executor]:
        executor = self.executor(1)
        yield executor
        executor.close()

    @pytest.fixture
    def two(self) -> Iterator[Executor]:
        executor = self.executor(2)
        yield executor
        executor.close()

    def test_a_full_trial_reports_every_epoch_and_finishes(
        self, one: Executor, tmp_path: Path
    ) -> None:
        events = run(one, job(tmp_path))
        assert epochs(events) == [1, 2, 3, 4, 5, 6]
        assert isinstance(closing(events), Finished)
        assert one.free_slots == 1

    def test_a_paused_trial_goes_on_where_it_was(self, one: Executor, tmp_path: Path) -> None:
        first = run(one, job(tmp_path, until=2))
        assert epochs(first) == [1, 2]
        assert isinstance(closing(first), Paused)
        second = run(one, job(tmp_path, until=4, epoch=2))
        assert set(epochs(second)) - {1, 2} == {3, 4}
        assert isinstance(closing(second), Paused)
        third = run(one, job(tmp_path, epoch=4))
        assert set(epochs(third)) - {1, 2, 3, 4} == {5, 6}
        assert isinstance(closing(third), Finished)

    def test_other_trials_run_while_one_is_paused(self, one: Executor, tmp_path: Path) -> None:
        assert isinstance(closing(run(one, job(tmp_path, until=2))), Paused)
        assert one.free_slots == 1
        assert isinstance(closing(run(one, job(tmp_path, trial=2)), 2), Finished)
        last = run(one, job(tmp_path, epoch=2))
        assert isinstance(closing(last), Finished)
        assert set(epochs(last)) >= {3, 4, 5, 6}

    @pytest.mark.parametrize("does", FAILURES)
    def test_a_failure_has_a_cause_a_message_and_the_last_lines_of_its_output(
        self, one: Executor, tmp_path: Path, does: str
    ) -> None:
        end = closing(run(one, job(tmp_path, does)))
        assert isinstance(end, Failed)
        cause, message = FAILURES[does]
        assert end.cause == cause
        assert message in end.message
        assert not self.keeps_output or f"about to {does}" in end.log

    def test_an_exception_fails_the_trial_with_its_traceback(
        self, one: Executor, tmp_path: Path
    ) -> None:
        end = closing(run(one, job(tmp_path, "raise")))
        assert isinstance(end, Failed)
        assert end.cause == self.raises
        assert "ArithmeticError: the weights exploded" in end.log

    def test_epochs_that_do_not_grow_fail_the_trial_and_those_before_count(
        self, one: Executor, tmp_path: Path
    ) -> None:
        events = run(one, job(tmp_path, "backwards"))
        assert epochs(events) == [1, 2]
        end = closing(events)
        assert isinstance(end, Failed)
        assert end.cause == self.backwards
        assert "epoch 2 after epoch 2" in end.message

    def test_a_failed_trial_leaves_the_executor_as_it_was(
        self, one: Executor, tmp_path: Path
    ) -> None:
        run(one, job(tmp_path, "raise"))
        assert isinstance(closing(run(one, job(tmp_path, trial=2)), 2), Finished)

    def test_nan_is_reported_as_it_is(self, one: Executor, tmp_path: Path) -> None:
        events = run(one, job(tmp_path, "nan", until=1, epochs=1))
        assert epochs(events) == [1]
        assert isinstance(closing(events), Finished)

    def test_training_that_goes_on_beyond_its_full_length_is_ended(
        self, one: Executor, tmp_path: Path
    ) -> None:
        events = run(one, job(tmp_path, "too long"))
        assert epochs(events) == [1, 2, 3, 4, 5, 6]
        assert isinstance(closing(events), Finished)

    def test_training_that_goes_on_beyond_its_slice_is_held_there(
        self, one: Executor, tmp_path: Path
    ) -> None:
        first = run(one, job(tmp_path, "ignore until", until=2))
        assert epochs(first) == [1, 2], "what was not asked for is not counted"
        assert isinstance(closing(first), Paused)
        second = run(one, job(tmp_path, "ignore until", epoch=2))
        assert set(epochs(second)) - {1, 2} == {3, 4, 5, 6}
        assert isinstance(closing(second), Finished)

    def test_a_paused_trial_that_is_stopped_is_let_go_without_another_word(
        self, one: Executor, tmp_path: Path
    ) -> None:
        run(one, job(tmp_path, until=2))
        one.stop(1)
        assert not one.collect(0.0)
        one.stop(99)  # never heard of


class ProcessConformance(ExecutorConformance):
    """For executors that train in processes: several at once, and none left behind."""

    def test_several_trials_run_at_once(self, two: Executor, tmp_path: Path) -> None:
        two.launch(job(tmp_path, "hang", trial=1))
        assert two.free_slots == 1
        assert isinstance(closing(run(two, job(tmp_path, trial=2)), 2), Finished)
        assert two.free_slots == 1

    def test_a_stopped_trial_leaves_no_process_however_much_it_clings(
        self, one: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("danlu.executors.processes.STOP_GRACE_S", 0.1)
        pids = self.hanging(one, tmp_path)
        one.stop(1)
        assert isinstance(closing(closed(one)), Stopped)
        wait_until_gone(pids, 1.0)
        assert one.free_slots == 1

    def test_nothing_survives_the_close(self, two: Executor, tmp_path: Path) -> None:
        before = below()
        self.hanging(two, tmp_path)
        run(two, job(tmp_path, trial=2, until=2))
        begun = time.monotonic()
        mine = below() - before
        two.close()
        assert time.monotonic() < begun + 5.0
        assert not below() & mine
        end = closing(two.collect(0.0))
        assert isinstance(end, Lost), "what was cut off can be told from what ended by itself"

    def hanging(self, executor: Executor, folder: Path) -> list[int]:
        """Launch a trial that resists; the pids of its processes."""
        executor.launch(job(folder, "hang"))
        pids = folder / "1" / "pids"
        wait_for(lambda: executor.collect(0.01) or len(numbers(pids)) >= 3, "its processes")
        wait_for(lambda: len(numbers(pids)) >= 3, "its processes")
        return numbers(pids)
