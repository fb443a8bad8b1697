"""A thousand workers through the real tuner and store; how decisions and opening grow.

    python benchmarks/scale.py workers      # 1,000 workers: reports and launches a second
    python benchmarks/scale.py open         # 10,000 trials, a million reports
    python benchmarks/scale.py decide       # decisions after 100, 1,000, 10,000 trials
    python benchmarks/scale.py decide --strategy bayes --sizes 100

Workers are simulated: which of them reports next is decided by a clock that only they see, and
no time passes between reports, so that what is measured is the tuner's own work. Times are
processor time of this process.
"""

import argparse
import heapq
import math
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from table import markdown

import danlu
from danlu.core.decision import Note
from danlu.core.event import Began, Event, Finished, Noted, Paused, Reported, Started, Stopped
from danlu.core.history import History, empty
from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.spec import Budget, Objective, Spec
from danlu.stores import open_store
from danlu.stores.base import Store
from danlu.stores.memory import MemoryStore
from danlu.strategies.names import chosen_for
from danlu.tuner import Tuner

SPACE = danlu.Space(
    lr=danlu.Float(1e-5, 1.0, log=True), weight_decay=danlu.Float(1e-6, 0.1, log=True),
    dropout=danlu.Float(0.0, 0.7), momentum=danlu.Float(0.0, 0.99),
    units=danlu.Int(16, 512, log=True), layers=danlu.Int(1, 6),
    optimizer=danlu.Choice("sgd", "adam"), activation=danlu.Choice("relu", "gelu", "tanh"),
)  # fmt: skip
STRATEGIES = (
    "random",
    "quasi-random",
    "halving",
    "hyperband",
    "staged",
    "bayes",
    "freeze-thaw",
    "auto",
)
TURN_S = 0.2  # simulated seconds that pass from one look of the tuner to the next
LIMIT_S = 120.0  # of processor time for the decisions of one row
STARTED = 1.7e9  # when simulated histories began


def loss(config: dict[str, Value], epoch: int) -> float:
    """A learning curve that depends on the config."""
    lr, dropout = float(config["lr"] or 0), float(config["dropout"] or 0)
    return abs(math.log10(lr) + 2.5) / 3 + dropout / 5 + 2.0 / (1 + epoch * min(1.0, 30 * lr))


def metrics(config: dict[str, Value], epoch: int) -> dict[str, float]:
    value = loss(config, epoch)
    return {
        "train_loss": 0.9 * value, "train_accuracy": math.exp(-0.9 * value),
        "val_loss": value, "val_accuracy": math.exp(-value),
    }  # fmt: skip


class Simulated:
    """An executor whose workers train on a clock of their own."""

    can_pause = True
    takes_fraction = False
    takes_classes = False

    def __init__(self, workers: int, seed: int = 0) -> None:
        self.workers = workers
        self.reports = 0
        self._clock = 0.0
        self._draw = random.Random(seed)
        self._jobs: dict[int, tuple[Job, float]] = {}
        self._due: list[tuple[float, int, int]] = []  # simulated time, trial, epoch

    @property
    def free_slots(self) -> int:
        return self.workers - len(self._jobs)

    def launch(self, job: Job) -> None:
        epoch_s = self._draw.uniform(0.5, 2.0)
        self._jobs[job.trial] = (job, epoch_s)
        heapq.heappush(self._due, (self._clock + epoch_s, job.trial, job.epoch + 1))

    def stop(self, trial: int) -> None:
        if trial in self._jobs:
            heapq.heappush(self._due, (self._clock, trial, 0))

    def collect(self, timeout_s: float) -> Sequence[Event]:  # noqa: ARG002 - no time passes
        self._clock += TURN_S
        events: list[Event] = []
        while self._due and self._due[0][0] <= self._clock:
            at, trial, epoch = heapq.heappop(self._due)
            if trial in self._jobs:
                events += self._epoch(at, trial, epoch)
        return events

    def _epoch(self, at: float, trial: int, epoch: int) -> Iterator[Event]:
        (job, epoch_s), now = self._jobs[trial], time.time()
        if not epoch:
            del self._jobs[trial]
            yield Stopped(now, trial)
            return
        self.reports += 1
        yield Reported(now, trial, epoch, metrics(dict(job.config), epoch))
        if epoch < job.until:
            heapq.heappush(self._due, (at + epoch_s, trial, epoch + 1))
            return
        del self._jobs[trial]
        yield Paused(now, trial) if epoch < job.epochs else Finished(now, trial)

    def close(self) -> None:
        self._jobs.clear()


def spec(strategy: str, epochs: int, **budget: float) -> Spec:
    made = Budget(**budget)  # type: ignore[arg-type]
    return Spec(
        "scale", SPACE, Objective("val_loss", "min"), epochs, budget=made, strategy=strategy
    )


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stores(folder: Path, postgres: str | None) -> Iterator[tuple[str, Store]]:
    yield "memory", MemoryStore()
    yield "SQLite", open_store(folder / "workers")
    if postgres:
        yield "PostgreSQL", open_store(postgres)


def workers(folder: Path, count: int, trials: int, postgres: str | None) -> None:
    """Rows of a study with many workers, on each kind of store."""
    rows = []
    for name, store in stores(folder, postgres):
        for strategy in ("random", "halving"):
            study = spec(strategy, 27, trials=trials)
            if study.name in store.studies():
                store.remove(study.name)
            store.create(study)
            place = Simulated(count)
            began, wall = time.process_time(), time.perf_counter()
            history = Tuner(
                store.load(study.name), chosen_for(study), place, store, folder, heed=False
            ).run()
            spent, wall = time.process_time() - began, time.perf_counter() - wall
            launches = sum(len(t.launches) for t in history.trials.values())
            rows.append((name, strategy, f"{history.version:,}", f"{place.reports / spent:,.0f}",
                         f"{launches / spent:,.0f}", f"{spent:.1f}", f"{wall:.1f}",
                         f"{memory_mb():.0f}"))  # fmt: skip
            print(*rows[-1], sep="  ", flush=True)
    head = (
        "store",
        "strategy",
        "events",
        "reports/CPU s",
        "launches/CPU s",
        "CPU s",
        "wall s",
        "MB",
    )
    print("\n" + markdown(head, rows))


def past(study: Spec, count: int, epochs: int) -> Iterator[Event]:
    """Trials that were trained to the end, as a store holds them."""
    draw = random.Random(0)
    yield Began(STARTED, 8)
    for n in range(1, count + 1):
        config = drawn(draw)
        yield Started(STARTED + n, n, config, epochs, n, why="random draw")
        for epoch in range(1, epochs + 1):
            noise = draw.gauss(0.0, 0.01)
            values = {name: v + noise for name, v in metrics(dict(config), epoch).items()}
            yield Reported(STARTED + n + epoch / (2 * epochs), n, epoch, values)
        yield (
            Finished(STARTED + n + 0.9, n)
            if epochs == study.epochs
            else Paused(STARTED + n + 0.9, n)
        )


def drawn(draw: random.Random) -> dict[str, Value]:
    """A config of `SPACE`."""
    return {
        "lr": 10 ** draw.uniform(-5, 0), "weight_decay": 10 ** draw.uniform(-6, -1),
        "dropout": draw.uniform(0, 0.7), "momentum": draw.uniform(0, 0.99),
        "units": draw.randint(16, 512), "layers": draw.randint(1, 6),
        "optimizer": draw.choice(("sgd", "adam")),
        "activation": draw.choice(("relu", "gelu", "tanh")),
    }  # fmt: skip


def opening(folder: Path, trials: int, epochs: int) -> None:
    """How long a large study takes to open."""
    study, where = spec("random", epochs), folder / "large"
    store = open_store(where)
    store.create(study)
    batch: list[Event] = []
    for event in past(study, trials, epochs):
        batch.append(event)
        if len(batch) == 50_000:
            store.append(study.name, batch)
            batch = []
    store.append(study.name, batch)
    store.close()
    began = time.process_time()
    store = open_store(where)
    opened = time.process_time() - began
    before, began = memory_mb(), time.process_time()
    history = store.load(study.name)
    loaded = time.process_time() - began
    print(
        f"{len(history.trials):,} trials, {history.version:,} events: opened in {opened:.2f} s, "
        f"loaded in {loaded:.2f} s of processor time, {memory_mb():.0f} MB (before {before:.0f})"
    )


def grown(strategy: str, trials: int, epochs: int, full: int) -> History:
    """A study with a history of so many trials."""
    study = spec(strategy, full, trainings=1e9)
    return empty(study, list(past(study, trials, epochs)))


def deciding(strategies: Sequence[str], sizes: Sequence[int], epochs: int, turns: int) -> None:
    """How long a decision takes, as the history grows."""
    rows = []
    for strategy in strategies:
        cells = [strategy]
        for size in sizes:
            cells.append(decided(grown(strategy, size, epochs, epochs), turns))
            print(strategy, size, cells[-1], flush=True)
        rows.append(cells)
    print("\n" + markdown(("strategy", *(f"{n:,} trials" for n in sizes)), rows))


def decided(history: History, turns: int) -> str:
    """Milliseconds of one decision: the median of some turns, each with one more report."""
    chosen, took = chosen_for(history.spec), []
    limit = time.process_time() + LIMIT_S
    for turn in range(turns):
        began = time.process_time()
        found = chosen.decide(history.spec.space, history, 1)
        took.append(time.process_time() - began)
        now = history.last_at + 1
        notes = [Noted(now, d.entry) for d in found if isinstance(d, Note)]
        number = history.next_number
        config = drawn(random.Random(turn))
        history = history.after(
            *notes, Started(now, number, config, history.spec.epochs, number),
            Reported(now, number, 1, metrics(config, 1)), Finished(now, number),
        )  # fmt: skip
        if time.process_time() > limit:
            break
    first, rest = took[0], sorted(took[1:] or took)
    return f"{1e3 * rest[len(rest) // 2]:.1f} ms (first {1e3 * first:.0f}, of {len(took)})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["workers", "open", "decide"])
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--strategy", nargs="+", default=STRATEGIES)
    parser.add_argument("--sizes", type=int, nargs="+", default=(100, 1000, 10_000))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--postgres", help="address of a database for the rows on PostgreSQL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "workers":
            workers(Path(folder), given.workers, given.trials, given.postgres)
        elif given.what == "open":
            opening(Path(folder), given.trials, given.epochs or 100)
        else:
            deciding(given.strategy, given.sizes, given.epochs or 30, given.turns)


if __name__ == "__main__":
    main()
