"""Trials per minute of one core: trained together, and one by one in the usual ways.

Each contender trains the same networks on the same data for the same epochs, with an evaluation
on training and validation data after each. A fresh process per trial imports torch each time; the
fork server and the crew are danlu's executors, running already; the loop is Optuna's usual one, a
function in one process. Processor time counts, of all processes together; on a machine with other
work wall time says little.

    python benchmarks/fused.py            # half an hour; --quick for ten minutes
    python benchmarks/fused.py --steps    # only steps: which gain how much, by the number of rows
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from danlu.core.event import Finished, Reported
from danlu.core.job import Job
from danlu.executors.base import Executor
from danlu.executors.fused import FusedExecutor
from danlu.executors.processes import ProcessExecutor
from danlu.kit import Training
from danlu.kit.devices import best_device
from danlu.kit.fused.canary import tried
from danlu.kit.fused.row import Row
from danlu.kit.fused.stack import Stack
from danlu.kit.models import build
from danlu.kit.params import Params
from danlu.worker.trial import Trial

EPOCHS = 20
METRIC = "val_accuracy"
KINDS = ("adam", "sgd", "rmsprop")


def digits() -> Any:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x / 16, y


def large() -> Any:
    """6,000 samples of 784 numbers in ten classes."""
    rng = np.random.default_rng(0)
    y = np.arange(6000) % 10
    return rng.normal(size=(6000, 784)) + rng.normal(size=(10, 784))[y], y


def sequences() -> Any:
    """600 sequences of 20 steps with 8 numbers each in five classes."""
    rng = np.random.default_rng(0)
    y = np.arange(600) % 5
    return list(rng.normal(size=(600, 20, 8)) + rng.normal(size=(5, 1, 8))[y]), y


def images() -> Any:
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images / 16, found.target


def pictures() -> Any:
    """1,000 images of 28 × 28 pixels in ten classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(1000, 28, 28)), np.arange(1000) % 10


DATA = {
    "digits": digits, "large": large, "sequences": sequences, "images": images,
    "pictures": pictures,
}  # fmt: skip
MLP = {"layers": 2, "batch_size": 64}
PROBLEMS: Mapping[str, tuple[str, dict[str, Any], int]] = {
    "digits, width 16": ("digits", {**MLP, "units": 16}, EPOCHS),
    "digits, width 64": ("digits", {**MLP, "units": 64}, EPOCHS),
    "digits, width 128": ("digits", {**MLP, "units": 128}, EPOCHS),
    "784 inputs, width 64": ("large", {**MLP, "units": 64, "batch_size": 128}, 5),
    "GRU, width 16, 20 steps": ("sequences", {"units": 16, "layers": 1, "batch_size": 32}, 5),
}
OF_STEPS: Mapping[str, tuple[str, dict[str, Any], int]] = {
    "digits, width 256": ("digits", {**MLP, "units": 256}, 1),
    "digits, width 512": ("digits", {**MLP, "units": 512}, 1),
    "784 inputs, width 16": ("large", {**MLP, "units": 16, "batch_size": 128}, 1),
    "784 inputs, width 128": ("large", {**MLP, "units": 128, "batch_size": 128}, 1),
    "784 inputs, width 512": ("large", {**MLP, "units": 512, "batch_size": 128}, 1),
    "GRU, width 64, 20 steps": ("sequences", {"units": 64, "layers": 1, "batch_size": 32}, 1),
    "8 × 8 images, convolutions": ("images", {"filters": 8, "layers": 2, "batch_size": 64}, 1),
    "28 × 28 images, convolutions": ("pictures", {"filters": 8, "layers": 2, "batch_size": 64}, 1),
}  # further ones, of which only steps are timed
ROWS = (2, 4, 8, 32)
TIMED = 10  # steps; the quickest counts


def config(params: Mapping[str, Any], i: int) -> dict[str, Any]:
    return {
        **params,
        "optimizer": KINDS[i % 3],
        "lr": 1e-3 * (1 + i % 7),
        "dropout": 0.05 * (i % 9),
    }


@contextmanager
def spent(found: dict[str, float]) -> Iterator[None]:
    """Processor and wall seconds of this process and all below."""
    before, began = processor_s(), time.perf_counter()
    yield
    found["cpu"], found["wall"] = processor_s() - before, time.perf_counter() - began


def processor_s() -> float:
    me = psutil.Process()
    return sum(sum(p.cpu_times()[:4]) for p in (me, *me.children(recursive=True)))


def launched(
    executor: Executor, params: Mapping[str, Any], epochs: int, n: int
) -> dict[str, float]:
    """Train n trials by an executor that has trained as many before."""
    found: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        _train(executor, Path(folder, "warm"), params, epochs, n)
        with spent(found):
            _train(executor, Path(folder, "timed"), params, epochs, n)
        executor.close()
    return found


def _train(
    executor: Executor, folder: Path, params: Mapping[str, Any], epochs: int, n: int
) -> None:
    todo, over = list(range(1, n + 1)), 0
    while over < n:
        while todo and executor.free_slots:
            i = todo.pop(0)
            executor.launch(Job("b", i, config(params, i), i, epochs, epochs, folder / str(i)))
        for event in executor.collect(1.0):
            over += isinstance(event, Finished)
            assert isinstance(event, Finished | Reported) or "Failed" not in type(event).__name__


def fresh(problem: str, n: int) -> dict[str, float]:
    """Each trial in an interpreter of its own."""
    found: dict[str, float] = {}
    with spent(found):
        for i in range(1, n + 1):
            subprocess.run([sys.executable, __file__, "--one", problem, str(i)], check=True)
    return found


def one(problem: str, i: int) -> None:
    data, params, epochs = PROBLEMS[problem]
    torch.set_num_threads(1)

    with TemporaryDirectory() as folder:
        job = Job("b", i, config(params, i), i, epochs, epochs, Path(folder))
        Training(DATA[data]())(Trial(job, Silent()))


def usual(training: Training, params: Mapping[str, Any], epochs: int, n: int) -> dict[str, float]:
    """Optuna's usual function in one process: plain torch, without anything of danlu's loop."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    device = best_device()
    part = training.data.whole.to(device)

    def objective(trial: optuna.Trial) -> float:
        own = {**params, "dropout": trial.suggest_float("dropout", 0.0, 0.5)}
        kind = trial.suggest_categorical("optimizer", KINDS)
        model = build(Params(**own), part.shape).to(device)
        make: Callable[..., Any] = {
            "adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop,
        }[kind]  # fmt: skip
        optimizer = make(model.parameters(), lr=trial.suggest_float("lr", 1e-4, 1e-2, log=True))
        accuracy = 0.0
        for epoch in range(epochs):
            model.train()
            for batch in torch.randperm(len(part.y)).split(own["batch_size"]):
                optimizer.zero_grad()
                cross_entropy(model(*(t[batch] for t in part.x)), part.y[batch]).backward()
                optimizer.step()
            look(model, tuple(t[:1000] for t in part.x), part.y[:1000])
            accuracy = look(model, part.x_val, part.y_val)
            trial.report(accuracy, epoch)
        return accuracy

    found: dict[str, float] = {}
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=1)
    with spent(found):
        study.optimize(objective, n_trials=n)
    return found


@torch.no_grad()
def look(model: nn.Module, x: tuple[torch.Tensor, ...], y: torch.Tensor) -> float:
    model.eval()
    scores = model(*x)
    cross_entropy(scores, y).item()
    return (scores.argmax(1) == y).float().mean().item()


class Silent:
    """A channel that goes nowhere."""

    def send(self, line: Mapping[str, Any]) -> None: ...

    def wait(self, epoch: int) -> int:  # noqa: ARG002
        return 0


def gain(training: Training, params: Mapping[str, Any], n: int) -> tuple[float, str]:
    """By how much a step of n rows is quicker than n steps, and why they are not trained so."""
    with TemporaryDirectory() as folder:
        jobs = [Job("b", i, config(params, i), i, 1, 1, Path(folder, str(i))) for i in range(n)]
        for job in jobs:
            job.folder.mkdir()
        stack = Stack([Row.of(training, Trial(job, Silent())) for job in jobs])
        verdict = tried(stack)
        steps = stack.begin_epoch().shape[1] - 1  # the last one is of fewer samples
        took = []
        for i in range(min(steps, TIMED)):
            began = time.thread_time()
            stack.step(i)
            took.append(time.thread_time() - began)
    return verdict.alone_s * n / min(took), verdict.why


def step_rows(problem: str) -> list[str]:
    data, params, _ = {**PROBLEMS, **OF_STEPS}[problem]
    training = Training(DATA[data]())
    found = [gain(training, params, n) for n in ROWS]
    return [problem, *(f"{times:.1f}×{' off' if why else ''}" for times, why in found)]


def compared(problem: str, *, quick: bool, rounds: int) -> list[list[str]]:
    """The contenders take turns, and the best round of each counts: other work only adds."""
    data, params, epochs = PROBLEMS[problem]
    training = Training(DATA[data]())
    few, many = (2, 32) if quick else (6, 64)
    runs = {
        "fused": (many, lambda n: launched(FusedExecutor(training, METRIC, 1), params, epochs, n)),
        "fresh process": (few, lambda n: fresh(problem, n)),
        "fork server": (
            few,
            lambda n: launched(ProcessExecutor(training, METRIC), params, epochs, n),
        ),
        "Optuna, one process": (few, lambda n: usual(training, params, epochs, n)),
    }
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, (n, run) in runs.items():
            each = {k: v / n for k, v in run(n).items()}
            if name not in best or each["cpu"] < best[name]["cpu"]:
                best[name] = each
    fused = best["fused"]
    return [
        [problem, name, f"{60 / s['cpu']:,.0f}", f"{s['cpu'] / fused['cpu']:.1f}×",
         f"{60 / s['wall']:,.0f}", f"{s['wall'] / fused['wall']:.1f}×"]
        for name, s in best.items()
    ]  # fmt: skip


def show(head: list[str], rows: Iterable[list[str]]) -> None:
    for row in chain((head, ["---"] * len(head)), rows):
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=2, help="of which the best one counts")
    parser.add_argument("--only", help="one problem")
    parser.add_argument("--steps", action="store_true", help="only steps, by the number of rows")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], int(given.one[1]))
        return
    torch.set_num_threads(1)
    if given.steps:
        wanted = [p for p in (*PROBLEMS, *OF_STEPS) if given.only in (None, p)]
        show(["problem", *map(str, ROWS)], (step_rows(problem) for problem in wanted))
        return
    head = ["problem", "", "trials/CPU min", "fused is", "trials/min", "fused is"]
    rows = [
        row
        for problem in PROBLEMS if given.only in (None, problem)
        for row in compared(problem, quick=given.quick, rounds=given.rounds)
    ]  # fmt: skip
    show(head, rows)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"\ntorch {torch.__version__}, Python {sys.version.split()[0]}, one core, {device}.")


if __name__ == "__main__":
    main()
