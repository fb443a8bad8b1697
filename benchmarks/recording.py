"""Reported epochs per second that become durable in SQLite."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from asking import SPACE, journal, sqlite
from optuna.storages import BaseStorage
from table import Row

from danlu.core.event import Reported, Started
from danlu.core.spec import Objective, Spec
from danlu.stores.sql import SqlStore

METRICS = {"train_loss": 0.41, "train_accuracy": 0.87, "val_loss": 0.52, "val_accuracy": 0.83}


def danlu_rate(store: SqlStore, name: str, batch: int, seconds: float) -> float:
    """Reports per second, of four metrics each, in transactions of ``batch``."""
    store.create(Spec(name, SPACE, Objective.parse("min val_loss"), epochs=10**9))
    store.append(name, [Started(0.0, 1, {"lr": 0.1}, 10**9, 0)])
    epoch, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        store.append(name, [Reported(0.0, 1, epoch + k, METRICS) for k in range(1, batch + 1)])
        epoch += batch
    return epoch / (time.perf_counter() - started)


def optuna_rate(storage: BaseStorage, seconds: float) -> float:
    """Reports per second of its one value, each in a transaction of its own: there is no other."""
    study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    trial_id = storage.create_new_trial(study_id)
    epoch, started = 0, time.perf_counter()
    while time.perf_counter() < started + seconds:
        epoch += 1
        storage.set_trial_intermediate_value(trial_id, epoch, 0.52)
    return epoch / (time.perf_counter() - started)


def measure(folder: Path, seconds: float, repeats: int) -> Iterator[Row]:
    """Rows for batches of 1, 10 and 100; the best of some repeats, taken in turn."""
    store = SqlStore(folder / "recording")
    contenders: dict[str, Callable[[int], float]] = {
        "SQLite": lambda _: optuna_rate(sqlite(folder / "recording.sqlite"), seconds),
        "journal": lambda _: optuna_rate(journal(folder / "recording.log"), seconds),
    }
    for batch in (1, 10, 100):
        contenders[str(batch)] = lambda i, b=batch: danlu_rate(store, f"{b}-{i}", b, seconds)
    best = dict.fromkeys(contenders, 0.0)
    for i in range(repeats):
        for name, rate in contenders.items():
            best[name] = max(best[name], rate(i))
    for batch in ("1", "10", "100"):
        yield Row(f"reports recorded, {batch} at once", "/s", best[batch], best["SQLite"],
                  best["journal"])  # fmt: skip
