"""The executor for Ray clusters, on a real one whose nodes are all on this machine."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing as closing_socket
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.conformance.executors import ProcessConformance
from tests.executors.driving import closed, closing, epochs, job, run
from tests.executors.training import SCRIPT, train
from tests.invariants import assert_sound
from tests.processes import numbers, wait_for, wait_until_gone
from tests.test_crash import Weight, lines
from tests.test_crash import note as note_here

import danlu
from danlu.core.command import Command
from danlu.core.event import Finished, Lost, Paused
from danlu.errors import DanluError, LaunchError, StudyError
from danlu.executors.base import Executor
from danlu.executors.cluster import Cluster

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray"), pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130  # exit status
STORE = 80 << 20  # bytes of Ray's object store, the least that it takes


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - else 15: too polite for tests
    from ray.cluster_utils import Cluster as Nodes

    head = {"num_cpus": 3, "num_gpus": 1, "include_dashboard": False, "object_store_memory": STORE}
    nodes = Nodes(initialize_head=True, head_node_args=head)
    ray.init(nodes.address, log_to_driver=False, logging_level=logging.ERROR)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def made(target: Any = train, workers: int = 1, **given: float) -> Any:
    from danlu.executors.ray import RayExecutor

    return RayExecutor(target, "val_loss", workers, Cluster(**given))  # type: ignore[arg-type]


@pytest.fixture
def make(cluster: Any) -> Iterator[Callable[..., Any]]:
    executors: list[Any] = []

    def one_more(*args: Any, **given: Any) -> Any:
        executors.append(made(*args, **given))
        return executors[-1]

    yield one_more
    for executor in executors:
        executor.close()


def pids(folder: Path, trial: int = 1) -> list[int]:
    return numbers(folder / str(trial) / "pids")


@pytest.fixture(scope="module")
def kept(cluster: Any) -> Iterator[Executor]:
    executor = made(cpus=0.5)
    yield executor
    executor.close()


class TestFunction(ProcessConformance):
    """Some seconds pass until a worker is up, so that most of these tests share one."""

    @pytest.fixture
    def one(self, kept: Executor) -> Executor:
        return kept

    @pytest.fixture
    def two(self, cluster: Any) -> Iterator[Executor]:
        executor = made(workers=2, cpus=0.5)
        yield executor
        executor.close()

    def test_nothing_survives_the_close(self, two: Executor, tmp_path: Path) -> None:
        """As for processes, but for those that Ray starts by itself."""
        hanging = self.hanging(two, tmp_path)
        run(two, job(tmp_path, trial=2, until=2))
        two.close()
        wait_until_gone([*hanging, *pids(tmp_path, 2)], 2.0)
        assert isinstance(closing(two.collect(0.0)), Lost)


def study(name: str, **given: Any) -> danlu.Study:
    values: dict[str, Any] = {"budget": "6 trials", "epochs": 12, "strategy": "random"} | given
    space = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))
    return danlu.Study(name, space=space, objective="min val_loss", **values)


def steady(trial: danlu.Trial) -> None:
    """Epochs that take their time, each noted once it is reported; and each start."""
    weight = Weight()
    start = trial.restore(weight)
    note_here("pids", str(os.getpid()))
    note_here("starts", f"{trial.number} {trial.attempt} {start}")
    for epoch in trial.epochs(start):
        time.sleep(0.1)
        weight.epochs += 1
        assert weight.epochs == epoch, "the checkpoint is of another epoch"
        trial.report(epoch, val_loss=float(trial.params["lr"] or 0) + 1 / epoch)
        note_here("reported", f"{trial.number} {epoch}")
        trial.save(weight, now=True)


def check_whole(name: str, workers: int, epochs: int) -> danlu.Study:
    """Nothing is lost, nothing doubled, nothing left running."""
    reported = {(trial, epoch) for trial, epoch in lines("reported")}
    assert_sound(Path(".danlu"), name, reported, over=True, workers=workers)
    wait_until_gone([pid for (pid,) in lines("pids")], 5.0)
    done = danlu.Study.open(name)
    for trial in done.trials:
        assert trial.state == "finished"
        assert [r.epoch for r in trial.reports] == list(range(1, epochs + 1))
    return done


def test_a_lost_node_costs_no_epoch_and_its_trials_go_on_from_their_checkpoints(
    cluster: Any, kept: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers have room beside the kept one on the head, and one on each further node."""
    monkeypatch.chdir(tmp_path)
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
    struck: list[float] = []

    def strike(history: danlu.History) -> None:
        running = [t for t in history.running if t.epoch >= 3]
        if len(running) == 4 and not struck:  # one on each CPU of the cluster
            struck.append(time.monotonic())
            cluster.remove_node(nodes[0], allow_graceful=False)

    # Long enough, as a worker goes on for a second or two until it sees that its node is gone.
    study("nodes", epochs=40).run(steady, workers=4, watch=strike, executor="ray")
    cluster.remove_node(nodes[1])
    assert struck
    done = check_whole("nodes", 4, 40)
    (lost,) = [t for t in done.trials if t.attempt > 1]
    starts = {(trial, attempt): start for trial, attempt, start in lines("starts")}
    assert starts[lost.number, 2] >= 3, "from its checkpoint"
    assert "was lost" in lost.launches[-1].why
    assert len(starts) == len(done.trials) + 1, "all others went on undisturbed"


def write_study(folder: Path, name: str) -> None:
    (folder / "study.toml").write_text(
        f'[study]\nname = "{name}"\nobjective = "min val_loss"\nepochs = 12\n'
        "[space]\nlr = { low = 0.01, high = 1.0, log = true }\n"
        '[plan]\nstrategy = "random"\n'
        '[run]\nfunction = "tests.executors.test_ray:steady"\nbudget = "3 trials"\n'
    )


def test_a_killed_tuner_takes_its_trials_along_and_the_same_command_goes_on(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, "killed")
    command = [
        *(sys.executable, "-m", "danlu", "run", "study.toml", "--json", "--executor", "ray"),
        *("--address", cluster.address, "--workers", "2"),
    ]
    around = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL) as tuner:
        try:
            wait_for(lambda: len(lines("reported")) > 5, "some epochs", 60)
        finally:
            tuner.kill()
    wait_until_gone([pid for (pid,) in lines("pids")], 20.0)
    subprocess.run(command, env=around, stdout=subprocess.DEVNULL, check=True, timeout=120)
    done = check_whole("killed", 2, 12)
    assert [t.attempt for t in done.trials] == [1, 1, 1], "that was no fault of theirs"
    assert any(start > 0 for _, _, start in lines("starts")), "from a checkpoint"


@contextmanager
def head(port: int) -> Iterator[str]:
    """A cluster of one node with processes of its own; its address. All of it is gone after it."""
    here = ["--node-ip-address=127.0.0.1", "--include-dashboard=false", "--num-cpus=2"]
    begin = ["start", "--head", "--block", f"--port={port}", f"--object-store-memory={STORE}"]
    ray_command = [sys.executable, "-m", "ray.scripts.scripts"]
    with subprocess.Popen(
        [*ray_command, *begin, *here], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"},
    ) as process:  # fmt: skip
        try:
            wait_for(lambda: answers(port), "the head of a cluster", 60)
            yield f"127.0.0.1:{port}"
        finally:
            children = psutil.Process(process.pid).children(recursive=True)
            for each in (process, *children):
                each.kill()
            psutil.wait_procs(children, 10)


def unused_port() -> int:
    with closing_socket(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def answers(port: int) -> bool:
    with closing_socket(socket.socket()) as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_a_head_that_is_gone_ends_the_run_and_with_a_new_one_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, "headless")
    port = unused_port()
    command = [
        *(sys.executable, "-m", "danlu", "run", "study.toml", "--executor", "ray"),
        *("--address", f"127.0.0.1:{port}", "--workers", "2"),
    ]
    around = {
        **os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "3",  # a minute by default
    }  # fmt: skip
    with head(port):
        tuner = subprocess.Popen(command, env=around, stderr=subprocess.DEVNULL)
        wait_for(lambda: len(lines("reported")) > 5, "some epochs", 60)
    with tuner:
        assert tuner.wait(60), "Ray ends the processes that have lost their cluster"
    wait_until_gone([pid for (pid,) in lines("pids")], 20.0)
    with head(port):
        subprocess.run(command, env=around, stdout=subprocess.DEVNULL, check=True, timeout=120)
    check_whole("headless", 2, 12)


def test_kit_trainings_go_on_after_ctrl_c_where_the_last_cluster_of_the_machine_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    points = [(37 * i % 401, 91 * i % 401) for i in range(1, 401)]
    rows = [f"{x / 401:.3f},{y / 401:.3f},{'ab'[x > y]}" for x, y in points]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,label", *rows]))
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "kit"\nepochs = 300\n[train]\ndata = "points.csv"\ntarget = "label"\n'
        '[plan]\nstrategy = "random"\n[run]\nbudget = "3 trials"\nworkers = 2\n'
    )
    command = [sys.executable, "-m", "danlu", "run", "study.toml", "--executor", "ray"]
    with tempfile.TemporaryDirectory() as short:  # the paths of sockets must be
        (Path(short) / "ray").mkdir()
        (Path(short) / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
        around = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        around["RAY_TMPDIR"] = short
        with subprocess.Popen(command, env=around, stdout=subprocess.DEVNULL) as tuner:
            wait_for(lambda: reports("kit") > 20, "some epochs", 90)
            tuner.send_signal(signal.SIGINT)
            assert tuner.wait(60) == INTERRUPTED
        had = reports("kit")
        subprocess.run(command, env=around, stdout=subprocess.DEVNULL, check=True, timeout=120)
    assert_sound(Path(".danlu"), "kit", set(), over=True, workers=2)
    assert 20 < had < reports("kit")
    assert {t.state for t in danlu.Study.open("kit").trials} <= {"finished", "stopped"}


def reports(name: str) -> int:
    if not Path(".danlu", "danlu.db").exists():
        return 0
    with contextlib.suppress(DanluError):
        return sum(len(t.reports) for t in danlu.Study.open(name).trials)
    return 0


def test_a_command_is_frozen_on_its_node_and_goes_on_there(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    executor = make(Command(SCRIPT))
    assert isinstance(closing(run(executor, job(tmp_path, until=2))), Paused)
    assert isinstance(closing(run(executor, job(tmp_path, trial=2)), 2), Finished)
    assert epochs(run(executor, job(tmp_path, epoch=2))) == [3, 4, 5, 6]
    assert len(pids(tmp_path)) == 1


def test_what_has_no_name_is_sent_and_two_trials_share_a_gpu(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    word = "a value of this process"

    def show(trial: danlu.Trial) -> None:
        (trial.folder / "gpus").write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']} {word}")
        trial.report(1, val_loss=0.5)
        wait_for((trial.folder.parent / "go").exists, "both")

    executor = make(show, 2, cpus=0.5, gpus=0.5)
    for trial in (1, 2):
        executor.launch(job(tmp_path, trial=trial, until=1, epochs=1))
    shown = [tmp_path / str(trial) / "gpus" for trial in (1, 2)]
    wait_for(lambda: executor.collect(0.1) is not None and all(p.exists() for p in shown), "both")
    (tmp_path / "go").touch()
    closed(executor, (1, 2))
    assert {path.read_text() for path in shown} == {f"0 {word}"}


def test_what_cannot_be_sent_is_refused_with_the_way_out(make: Callable[..., Any]) -> None:
    lock = threading.Lock()
    with pytest.raises(LaunchError, match=r"cannot be sent .* top level of a module"):
        make(lambda trial: lock)


def test_a_function_that_is_not_there_and_a_folder_that_is_not_shared_are_launch_errors(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = make("nowhere_at_all:train", cpus=0.5)
    with pytest.raises(LaunchError, match="there is no module 'nowhere_at_all'"):
        run(executor, job(tmp_path))
    gone = tmp_path / "only here"
    gone.mkdir()
    monkeypatch.chdir(gone)
    executor = make(cpus=0.5)
    gone.rmdir()
    with pytest.raises(LaunchError, match=r"only here is not there on .* all nodes share"):
        run(executor, job(tmp_path))


def test_what_no_node_has_is_said(
    make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("danlu.executors.ray.PATIENCE_S", 0.5)
    executor = make(gpus=3)
    with pytest.raises(LaunchError, match="no node of the cluster has 1 CPU and 3 GPUs"):
        run(executor, job(tmp_path))


def test_where_there_is_no_cluster_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(LaunchError, match="cluster at nowhere:1 cannot be joined"):
        study("none", store=None).run(steady, executor=danlu.Cluster("nowhere:1"))


@pytest.mark.parametrize("given", [{"cpus": 0}, {"gpus": 1.5}, {"gpus": -1}])
def test_workers_that_cannot_be_are_refused(given: Any) -> None:
    with pytest.raises(StudyError, match="must be a"):
        danlu.Cluster(**given)
