"""Processes: what pausing costs nobody, what nothing survives, and what each worker is given."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from tests.executors.driving import closed, closing, epochs, job, run
from tests.executors.training import SCRIPT, daemon, note, train
from tests.processes import Running, alive, below, numbers, wait_for, wait_until_gone

import danlu
from danlu.core.command import Command
from danlu.core.event import Event, Failed, Finished, Lost, Paused, Reported
from danlu.errors import LaunchError
from danlu.executors.launched import recovered
from danlu.executors.processes import ProcessExecutor

# Not importorskip: with torch in this process every fork server takes a second to warm up.
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")

Make = Callable[..., ProcessExecutor]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ProcessExecutor] = []

    def executor(target: object = train, workers: int = 1, **given: float) -> ProcessExecutor:
        made.append(ProcessExecutor(target, "val_loss", workers, **given))  # type: ignore[arg-type]
        return made[-1]

    yield executor
    for each in made:
        each.close()


def pids(folder: Path, trial: int = 1) -> list[int]:
    return numbers(folder / str(trial) / "pids")


# ---- pausing


def test_a_function_that_is_continued_at_once_goes_on_in_its_process(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    first = run(executor, job(tmp_path, until=2))
    second = run(executor, job(tmp_path, epoch=2))
    assert epochs([*first, *second]) == [1, 2, 3, 4, 5, 6]
    assert len(pids(tmp_path)) == 1, "called once"


def test_a_function_with_a_checkpoint_leaves_when_it_is_not_continued_at_once(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    run(executor, job(tmp_path, until=2))
    executor.collect(0.0)
    wait_until_gone(pids(tmp_path))
    assert epochs(run(executor, job(tmp_path, epoch=2))) == [3, 4, 5, 6]
    assert len(set(pids(tmp_path))) == 2


def test_a_function_without_a_checkpoint_stays_in_memory_and_goes_on(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    run(executor, job(tmp_path, "train unsaved", until=2))
    run(executor, job(tmp_path, trial=2))
    assert epochs(run(executor, job(tmp_path, "train unsaved", epoch=2))) == [3, 4, 5, 6]
    assert len(pids(tmp_path)) == 1


@pytest.mark.parametrize(("target", "does"), [(train, "ignore until"), (Command(SCRIPT), "train")])
def test_what_cannot_wait_is_frozen_with_all_its_processes_and_thawed(
    make: Make, tmp_path: Path, target: object, does: str
) -> None:
    executor = make(target)
    run(executor, job(tmp_path, does, until=2))
    process = psutil.Process(pids(tmp_path)[0])
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED, "its stop")
    spent = process.cpu_times()
    assert executor.collect(0.1) == []
    assert process.cpu_times() == spent
    assert epochs(run(executor, job(tmp_path, does, epoch=2))) == [3, 4, 5, 6]
    assert len(pids(tmp_path)) == 1


def test_a_command_that_ended_before_it_could_be_frozen_is_not_run_again(
    make: Make, tmp_path: Path
) -> None:
    line = (
        'for i in 1 2 3 4; do echo "{\\"val_loss\\": $i}"; done >> $DANLU_REPORTS; echo > ran.$$'
    )
    (tmp_path / "quick.sh").write_text(f"cd {tmp_path}; {line}")
    executor = make(Command(["sh", str(tmp_path / "quick.sh")]))
    seen = []
    for until in (1, 2, 3, 4):
        events = run(executor, job(tmp_path, until=until, epochs=4, epoch=until - 1))
        seen += epochs(events)
        assert isinstance(closing(events), Finished if until == 4 else Paused)
    assert seen == [1, 2, 3, 4]
    assert len(list(tmp_path.glob("ran.*"))) == 1


def test_what_was_ended_for_want_of_memory_begins_anew_when_it_is_continued(
    make: Make, tmp_path: Path
) -> None:
    executor = make(memory_share=0.0)
    run(executor, job(tmp_path, "train unsaved", until=2))
    executor.collect(0.0)
    wait_until_gone(pids(tmp_path))
    events = run(executor, job(tmp_path, "train unsaved", epoch=2))
    assert epochs(events) == [1, 2, 3, 4, 5, 6], "the history counts each epoch once"
    assert isinstance(closing(events), Finished)


def test_the_trial_that_was_paused_first_is_the_first_to_be_ended(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    for trial in (1, 2):
        run(executor, job(tmp_path, "train unsaved", trial=trial, until=2))
    run(executor, job(tmp_path, "train unsaved", until=4, epoch=2))  # now 2 waits for longest
    executor._memory = 1.5 * max(p.memory for p in executor._launched.values())
    executor.collect(0.0)
    wait_until_gone(pids(tmp_path, 2))
    assert alive(pids(tmp_path, 1)[0])


def test_a_paused_process_that_somebody_kills_is_lost_when_it_is_continued(
    make: Make, tmp_path: Path
) -> None:
    executor = make()
    run(executor, job(tmp_path, "train unsaved", until=2))
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    assert isinstance(closing(run(executor, job(tmp_path, "train unsaved", epoch=2))), Lost)
    assert isinstance(closing(run(executor, job(tmp_path, "train unsaved", epoch=2))), Finished)


# ---- losses


def test_a_signal_is_named(make: Make, tmp_path: Path) -> None:
    end = closing(run(make(), job(tmp_path, "crash")))
    assert isinstance(end, Failed)
    assert (end.cause, end.message) == ("signal", "it died of signal 11 (SIGSEGV).")


def test_a_killed_worker_is_lost_and_its_epochs_are_kept(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.launch(job(tmp_path, "hang"))
    wait_for(lambda: len(pids(tmp_path)) >= 3, "its processes")
    events = list(executor.collect(1.0))
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    events += closed(executor)
    assert epochs(events) == [1]
    assert isinstance(closing(events), Lost)
    wait_until_gone(pids(tmp_path))


def test_nothing_survives_a_killed_supervisor(make: Make, tmp_path: Path) -> None:
    executor = make()
    executor.launch(job(tmp_path, "hang"))
    wait_for(lambda: len(pids(tmp_path)) >= 3, "its processes")
    supervisor = psutil.Process(pids(tmp_path)[0]).ppid()
    os.kill(supervisor, signal.SIGKILL)
    events = closed(executor)
    assert epochs(events) == [1]
    assert isinstance(closing(events), Lost)
    wait_until_gone(pids(tmp_path))
    assert isinstance(closing(run(executor, job(tmp_path, trial=2)), 2), Finished)


@pytest.mark.parametrize("target", [train, "tests.executors.training:train", Command(SCRIPT)])
def test_a_killed_fork_server_is_replaced_and_what_runs_goes_on(
    make: Make, tmp_path: Path, target: object
) -> None:
    executor = make(target, 2)
    executor.launch(job(tmp_path, "ignore until"))
    wait_for(lambda: pids(tmp_path), "its start")
    os.kill(executor.server.pid, signal.SIGKILL)
    events = run(executor, job(tmp_path, trial=2))
    if isinstance(closing(events, 2), Lost):  # it was on its way to the dead server
        events += run(executor, job(tmp_path, trial=2))
    if not any(isinstance(e, Finished) and e.trial == 1 for e in events):
        events += closed(executor)
    assert isinstance(closing(events, 1), Finished)
    assert epochs(events, 1) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("target", [train, Command(SCRIPT)])
def test_nothing_survives_a_killed_tuner(tmp_path: Path, target: object) -> None:
    def tune() -> None:
        executor = ProcessExecutor(target, "val_loss", 2)  # type: ignore[arg-type]
        run(executor, job(tmp_path, "ignore until", trial=2, until=2))
        executor.launch(job(tmp_path, "hang"))
        closed(executor)

    with Running(tune) as tuner:
        wait_for(lambda: len(pids(tmp_path)) >= 3 and pids(tmp_path, 2), "its processes")
        family = below(tuner.pid)
        assert len(family) >= 5
    wait_until_gone({*family, *pids(tmp_path), *pids(tmp_path, 2)}, 6.0)


def test_a_process_that_somebody_else_forked_does_not_keep_a_dead_tuners_trials_alive(
    tmp_path: Path,
) -> None:
    def tune() -> None:
        executor = ProcessExecutor(train, "val_loss")
        executor.launch(job(tmp_path, "hang"))
        wait_for(lambda: len(pids(tmp_path)) >= 3, "its processes")
        if os.fork() == 0:  # it inherits the tuner's ends of all sockets
            note(tmp_path, "bystander")
            time.sleep(600)
        closed(executor)

    with Running(tune):
        wait_for(lambda: numbers(tmp_path / "bystander"), "the bystander")
    try:
        wait_until_gone(pids(tmp_path), 6.0)
    finally:
        os.kill(numbers(tmp_path / "bystander")[0], signal.SIGKILL)


def test_recovery_waits_for_the_last_process_and_finds_every_report(tmp_path: Path) -> None:
    def stubborn(trial: danlu.Trial) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note(trial.folder, "pids")
        for epoch in range(1, 100):
            trial.report(epoch, val_loss=1.0)
            with (trial.folder / "reported").open("a") as file:
                file.write(f"{epoch}\n")
            time.sleep(0.05)

    tried = job(tmp_path, until=100, epochs=100)
    with Running(lambda: run(ProcessExecutor(stubborn, "val_loss"), tried)):
        wait_for(lambda: len(numbers(tmp_path / "1" / "reported")) > 2, "some epochs")
    found = recovered(tried, None, script=False)
    assert not alive(pids(tmp_path)[0])
    assert set(epochs(found)) >= set(numbers(tmp_path / "1" / "reported"))


def test_what_a_trial_left_running_ends_with_it(make: Make, tmp_path: Path) -> None:
    def leaving(trial: danlu.Trial) -> None:
        daemon(trial.folder)
        wait_for(lambda: (trial.folder / "pids").exists(), "the daemon")
        trial.report(1, val_loss=0.5)

    events = run(make(leaving), job(tmp_path))
    assert isinstance(closing(events), Finished)
    assert not any(map(alive, pids(tmp_path)))


# ---- launching


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere_at_all:train", "there is no module 'nowhere_at_all'"),
        ("nowhere/at/all.py:train", "there is no file"),
        ("tests.executors.training:trian", "no function 'trian'"),
        ("tests.executors.broken:train", "ZeroDivisionError"),
        ("train", "must be given as 'module:function'"),
    ],
)
def test_a_function_that_cannot_be_loaded_is_a_launch_error(
    make: Make, tmp_path: Path, target: str, message: str
) -> None:
    with pytest.raises(LaunchError, match=message):
        run(make(target), job(tmp_path))


def test_a_command_that_cannot_be_found_fails_with_its_name(make: Make, tmp_path: Path) -> None:
    end = closing(run(make(Command(["no-such-program", "x"])), job(tmp_path)))
    assert isinstance(end, Failed)
    assert end.cause == "launch"
    assert "no-such-program: No such file or directory" in end.message


def test_a_text_at_exit_is_in_the_log(make: Make, tmp_path: Path) -> None:
    end = closing(run(make(), job(tmp_path, "say and exit")))
    assert isinstance(end, Failed)
    assert end.log.endswith("no such data set")


def test_a_trial_folder_that_cannot_be_made_is_a_launch_error(make: Make, tmp_path: Path) -> None:
    (tmp_path / "1").write_text("in the way")
    with pytest.raises(LaunchError, match="cannot be written to"):
        make().launch(job(tmp_path))


def test_files_of_ones_own_in_the_trials_folder_do_no_harm(make: Make, tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    for name in ("log-.txt", "log-x.txt", "log-1.txt.txt", "reports-1.jsonl"):
        (tmp_path / "1" / name).touch()
    assert isinstance(closing(run(make(), job(tmp_path))), Finished)


# ---- what each worker is given


def environment_of(folder: Path, trial: int) -> dict[str, str]:
    text = (folder / str(trial) / "environment").read_text()
    return dict(line.split("=", 1) for line in text.splitlines())


def show_environment(trial: danlu.Trial) -> None:
    names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "DANLU_TRIAL")
    lines = [f"{name}={os.environ.get(name)}" for name in names]
    (trial.folder / "environment").write_text("\n".join(lines))
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=0.5)


def test_each_worker_has_one_gpu_and_one_thread(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    executor = make(show_environment, 2)
    run(executor, *(job(tmp_path, trial=n, until=2) for n in (1, 2)))
    given = [environment_of(tmp_path, n) for n in (1, 2)]
    assert {g["CUDA_VISIBLE_DEVICES"] for g in given} == {"3", "5"}
    assert all(g["OMP_NUM_THREADS"] == g["MKL_NUM_THREADS"] == "1" for g in given)


def test_a_trial_that_goes_on_in_its_process_keeps_its_gpu(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    executor = make(show_environment, 2)
    run(executor, *(job(tmp_path, trial=n, until=2) for n in (1, 2)))
    executor.launch(job(tmp_path, trial=2, epoch=2))  # goes on first, on the second worker
    events = run(executor, job(tmp_path, trial=3))
    assert isinstance(closing(events, 3), Finished)
    assert environment_of(tmp_path, 3) | {"DANLU_TRIAL": ""} == (
        environment_of(tmp_path, 1) | {"DANLU_TRIAL": ""}
    )


def values(events: Iterable[Event]) -> list[float]:
    return [e.metrics["val_loss"] for e in events if isinstance(e, Reported)]


@pytest.mark.torch
@needs_torch
def test_torch_uses_one_thread_in_each_worker(make: Make, tmp_path: Path) -> None:
    executor = make("tests.executors.torch_training:count_threads")
    assert values(run(executor, job(tmp_path, until=2, epochs=2))) == [1.0, 1.0]


@pytest.mark.torch
@needs_torch
def test_a_run_that_is_paused_and_resumed_elsewhere_has_the_curve_of_one_that_is_not(
    make: Make, tmp_path: Path
) -> None:
    executor = make("tests.executors.torch_training:train")
    whole = values(run(executor, job(tmp_path, trial=1)))
    parts = values(run(executor, job(tmp_path, trial=2, until=2)))
    executor.collect(0.0)  # not continued at once: it leaves
    parts += values(run(executor, job(tmp_path, trial=2, epoch=2)))
    assert len(list((tmp_path / "2").glob("log-*"))) == 2
    assert parts == whole
