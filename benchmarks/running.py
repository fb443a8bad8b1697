"""Trials per second with two workers, of trials that do nothing but report once."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from table import Row

import danlu
from danlu.study import Study

WORKERS = 2
REPORT = 'echo "{{\\"val_loss\\": {lr}}}" >> "$DANLU_REPORTS"'  # as a template of danlu

RIVAL = """
import json, subprocess, sys, time
import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, where, trials, command = sys.argv[1:]

def open_storage():
    if kind == "SQLite":
        return RDBStorage(f"sqlite:///{where}", engine_kwargs={"connect_args": {"timeout": 60}})
    return JournalStorage(JournalFileBackend(where))

def function(trial):
    return trial.suggest_float("lr", 1e-4, 1.0, log=True)

def run(trial):
    lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
    printed = subprocess.run(["sh", "-c", f"echo {lr}"], capture_output=True, check=True)
    return float(printed.stdout)

study = optuna.create_study(
    study_name="noop", storage=open_storage(), load_if_exists=True,
    sampler=optuna.samplers.RandomSampler(),
)
print("ready", flush=True)
sys.stdin.readline()
started = time.time()
study.optimize(run if command == "command" else function, n_trials=int(trials))
print(json.dumps([started, time.time()]))
"""


def function(trial: danlu.Trial) -> None:
    """The least that training can do."""
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=trial.params["lr"])


def danlu_rate(store: Path, trials: int, *, command: bool) -> float:
    """Finished trials per second of `Study.run`, from its call to its return."""
    study = Study(
        "noop", space=danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True)), objective="min val_loss",
        epochs=1, strategy="random", store=store, budget=f"{trials} trials",
    )  # fmt: skip
    target = danlu.Command(["sh", "-c", REPORT]) if command else function
    started = time.perf_counter()
    study.run(target, workers=WORKERS)
    seconds = time.perf_counter() - started
    states = [trial.state for trial in study.trials]
    assert states == ["finished"] * trials, f"not all trials finished: {set(states)}"
    return trials / seconds


def optuna_rate(kind: str, where: Path, trials: int, *, command: bool) -> float:
    """The same of two processes that share a study; without the time to start them."""
    arguments = [kind, str(where), str(trials // WORKERS), "command" if command else "function"]
    processes = []
    for _ in range(WORKERS):  # one after the other: at once, they stumble over making the schema
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RIVAL, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "Optuna's worker did not start"
        processes.append(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    spans = [json.loads(process.communicate()[0]) for process in processes]
    return trials / (max(end for _, end in spans) - min(start for start, _ in spans))


def measure(folder: Path, trials: int, repeats: int) -> Iterator[Row]:
    """Rows for functions and commands; the best of some repeats, taken in turn."""
    for command in (False, True):
        rates: dict[str, list[float]] = {"danlu": [], "SQLite": [], "journal": []}
        for i in range(repeats):
            base = folder / f"noop-{command}-{i}"
            rates["danlu"].append(danlu_rate(base, trials, command=command))
            for kind in ("SQLite", "journal"):
                where = base.with_suffix(f".{kind}")
                rates[kind].append(optuna_rate(kind, where, trials, command=command))
        best = {name: max(found) for name, found in rates.items()}
        what = f"no-op {'command' if command else 'function'} trials, {WORKERS} workers"
        yield Row(what, "/s", best["danlu"], best["SQLite"], best["journal"])
