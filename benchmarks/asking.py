"""How long one ask and tell takes after many finished trials."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from table import Row

import danlu
from danlu.core.event import Event, Finished, Paused, Reported, Started
from danlu.stores.base import Store
from danlu.stores.memory import MemoryStore
from danlu.stores.sql import SqlStore

EPOCHS = 27
RUNGS = (3, 9, 27)
FILL_S = 60.0  # the longest that a history is being filled up to its next size
LR = optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
SPACE = danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True))


@dataclass(frozen=True)
class Past:
    """A finished trial: its learning rate, and its loss at the epochs where it was evaluated."""

    lr: float
    losses: dict[int, float]


def pasts(strategy: str, count: int) -> Iterator[Past]:
    """Trials as the strategy leaves them: all in full, or a third of each rung on the next."""
    rng = random.Random(0)
    for _ in range(count):
        loss, lr = rng.random(), 10 ** rng.uniform(-4, 0)
        best = [rung for k, rung in enumerate(RUNGS) if loss < 3.0**-k]
        epochs = best if strategy == "halving" else [EPOCHS]
        yield Past(lr, dict.fromkeys(epochs, loss))


class Contender:
    """A study that is filled and then asked and told; `clock` times one ask and tell."""

    filled = 0

    def fill(self, past: Sequence[Past]) -> None:
        """Add trials that were never run; stops after `FILL_S`."""
        deadline = time.monotonic() + FILL_S
        while past and time.monotonic() < deadline:
            chunk, past = past[:500], past[500:]
            self.filled += self.add(chunk, deadline)

    def add(self, past: Sequence[Past], deadline: float) -> int:
        """Add some trials; how many came in before the deadline."""
        raise NotImplementedError

    def turn(self) -> None:
        """Ask once, report the first rung and tell."""
        raise NotImplementedError

    def clock(self) -> float:
        """Milliseconds of one turn."""
        started = time.perf_counter()
        self.turn()
        return (time.perf_counter() - started) * 1e3


class Danlu(Contender):
    """danlu's study with one of its stores."""

    def __init__(self, strategy: str, store: Store) -> None:
        self.strategy, self.store = strategy, store
        self.study: danlu.Study | None = self.open()

    def open(self) -> danlu.Study:
        """The study as a user opens it again."""
        return danlu.Study(
            self.strategy, space=SPACE, objective="min val_loss", epochs=EPOCHS,
            strategy=self.strategy, store=self.store,
        )  # fmt: skip

    def add(self, past: Sequence[Past], deadline: float) -> int:  # noqa: ARG002 - it is quick
        self.study = None  # while it is asked, nobody else may write
        first = self.store.load(self.strategy).next_number
        self.store.append(self.strategy, list(events(past, first)))
        self.study = self.open()
        return len(past)

    def turn(self) -> None:
        assert self.study is not None
        trial = self.study.ask()
        assert trial is not None
        self.study.tell(trial, 1.0)  # reports it at the trial's `until`


def events(past: Iterable[Past], first: int) -> Iterator[Event]:
    """What a store holds of some trials, numbered from ``first``."""
    for n, p in enumerate(past, first):
        last = max(p.losses)
        yield Started(n, n, {"lr": p.lr}, last, n)
        for epoch, loss in p.losses.items():
            yield Reported(n, n, epoch, {"val_loss": loss})
        yield Finished(n, n) if last == EPOCHS else Paused(n, n)


class Optuna(Contender):
    """Optuna's study with one of its storages; ``reopen`` gives it as a user opens it."""

    def __init__(
        self, strategy: str, reopen: Callable[[], BaseStorage], filling: Callable[[], BaseStorage]
    ) -> None:
        self.strategy, self.reopen, self.filling = strategy, reopen, filling
        self.storage = reopen()
        self.study = optuna.create_study(study_name=strategy, storage=self.storage)

    def add(self, past: Sequence[Past], deadline: float) -> int:
        study = optuna.load_study(study_name=self.strategy, storage=self.filling())
        added = 0
        for p in past:
            if time.monotonic() > deadline:
                break
            study.add_trial(frozen(p))
            added += 1
        self.study = optuna.load_study(
            study_name=self.strategy, storage=self.reopen(),
            sampler=optuna.samplers.RandomSampler(seed=0), pruner=self.pruner(),
        )  # fmt: skip
        return added

    def pruner(self) -> optuna.pruners.BasePruner:
        """Optuna's counterpart of the strategy."""
        if self.strategy == "random":
            return optuna.pruners.NopPruner()
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=RUNGS[0], reduction_factor=3)

    def turn(self) -> None:
        trial = self.study.ask({"lr": LR})
        if self.strategy == "random":
            self.study.tell(trial, 1.0)
            return
        trial.report(1.0, RUNGS[0])
        pruned = trial.should_prune()
        self.study.tell(trial, None if pruned else 1.0,
                        state=TrialState.PRUNED if pruned else TrialState.COMPLETE)  # fmt: skip


def frozen(p: Past) -> optuna.trial.FrozenTrial:
    """A trial as Optuna keeps it, with the rungs that its pruner compares."""
    loss = next(iter(p.losses.values()))
    return create_trial(
        state=TrialState.COMPLETE if max(p.losses) == EPOCHS else TrialState.PRUNED,
        value=loss,
        params={"lr": p.lr},
        distributions={"lr": LR},
        intermediate_values=p.losses,
        system_attrs={f"completed_rung_{k}": v for k, v in enumerate(p.losses.values())},
    )


def sqlite(path: Path) -> BaseStorage:
    return RDBStorage(f"sqlite:///{path}")


def sqlite_unsafe(path: Path) -> BaseStorage:
    """Optuna's SQLite without waiting for the disk: only for filling it."""
    storage = RDBStorage(f"sqlite:///{path}")
    sqlalchemy.event.listen(
        storage.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous = OFF")
    )
    storage.engine.dispose()
    return storage


def journal(path: Path) -> BaseStorage:
    return JournalStorage(JournalFileBackend(str(path)))


def contenders(strategy: str, base: Path) -> dict[str, Contender]:
    """All of one strategy, in the order of the table's columns; ``base`` is a path of theirs."""
    memory = optuna.storages.InMemoryStorage()
    file, log = base.with_suffix(".sqlite"), base.with_suffix(".log")
    return {
        "danlu, memory": Danlu(strategy, MemoryStore()),
        "Optuna, memory": Optuna(strategy, lambda: memory, lambda: memory),
        "danlu, SQLite": Danlu(strategy, SqlStore(base)),
        "Optuna, SQLite": Optuna(strategy, lambda: sqlite(file), lambda: sqlite_unsafe(file)),
        "Optuna, journal": Optuna(strategy, lambda: journal(log), lambda: journal(log)),
    }


def measure(folder: Path, sizes: Sequence[int], turns: int) -> Iterator[Row]:
    """Rows for both strategies after each number of trials, in memory and on disk."""
    for strategy in ("random", "halving"):
        all_of_them = contenders(strategy, folder / strategy)
        past = list(pasts(strategy, sizes[-1]))
        for size in sizes:
            for contender in all_of_them.values():
                contender.fill(past[contender.filled : size])
            times = {name: [] for name in all_of_them}  # type: dict[str, list[float]]
            for _ in range(turns):  # in turn, so that what else the machine does hits them alike
                for name, contender in all_of_them.items():
                    times[name].append(contender.clock())
            low = {name: sorted(found)[turns // 4] for name, found in times.items()}
            short = min(c.filled for c in all_of_them.values())
            note = f"Optuna after {short:,}" if short < size else ""
            what = f"ask + tell after {size:,} trials, {strategy}"
            yield Row(f"{what}, memory", "ms", low["danlu, memory"], low["Optuna, memory"])
            yield Row(f"{what}, disk", "ms", low["danlu, SQLite"], low["Optuna, SQLite"],
                      low["Optuna, journal"], note)  # fmt: skip
