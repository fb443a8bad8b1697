"""Does a study end when nothing learns, and only then? Whole studies on simulated trainings.

Random labels should end a study early; tasks on which learning begins late, in a small region of
the learning rate, or hardly above chance, should never be ended. Each study is run by the real
tuner with a budget of 20 full trainings of 30 epochs, and as many seeds as are asked for. Prints
one row for each task: how many studies were ended, what they had spent, and the best value found.

    python benchmarks/hopeless.py [--seeds 6] [--strategy auto]
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import danlu
from danlu.core.event import Learned
from danlu.core.task import Task
from danlu.stores.memory import MemoryStore

EPOCHS, BUDGET = 30, 20
SPACE = danlu.Space(
    lr=danlu.Float(1e-5, 1.0, log=True, default=1e-3),
    units=danlu.Int(16, 512, log=True),
    layers=danlu.Int(1, 4),
    dropout=danlu.Float(0.0, 0.8),
    optimizer=danlu.Choice("sgd", "adam", "rmsprop", default="adam"),
)
Value = Callable[[float, int, int], float]
"""(position of the learning rate, epoch, seed) → validation accuracy."""


def luck(sd: float, *of: object) -> float:
    return random.Random(repr(of)).gauss(0.0, sd)


def error(chance: float, samples: int) -> float:
    return math.sqrt(chance * (1.0 - chance) / samples)


def random_labels(samples: int, chance: float = 0.1) -> tuple[Value, Task]:
    sd = error(chance, samples)

    def value(_: float, epoch: int, seed: int) -> float:
        return max(0.0, chance - 0.004 + luck(sd, seed) + luck(0.4 * sd, seed, epoch))

    return value, task(chance, samples)


def late(begins: float, width: float, samples: int = 300) -> tuple[Value, Task]:
    """At chance up to a share of the full length; then learning, where the rate is right."""
    chance = 0.1
    sd = error(chance, samples)

    def value(place: float, epoch: int, seed: int) -> float:
        since = epoch - begins * EPOCHS
        learns = abs(place - 0.55) < width / 2 and since > 0
        gain = 0.6 * (1.0 - math.exp(-since / 4.0)) if learns else 0.0
        return max(0.0, chance + gain + luck(sd, seed, epoch))

    return value, task(chance, samples)


def weak(gain: float, samples: int) -> tuple[Value, Task]:
    """Two classes, and hardly more right answers than chance gives."""
    sd = error(0.5, samples)

    def value(place: float, epoch: int, seed: int) -> float:
        good = math.exp(-(((place - 0.55) / 0.25) ** 2)) * (1.0 - math.exp(-epoch / 5.0))
        return 0.5 + gain * good + luck(0.5 * sd, seed, epoch) + luck(0.5 * sd, seed)

    return value, task(0.5, samples)


def task(chance: float, samples: int) -> Task:
    classes = round(1 / chance)
    priors = (1 / classes,) * classes
    return Task("classification", 1000, samples, classes, priors, math.log(classes), chance)


TASKS: dict[str, tuple[bool, tuple[Value, Task]]] = {
    "random labels, 60 validation samples": (True, random_labels(60)),
    "random labels, 300": (True, random_labels(300)),
    "random labels, 5,000": (True, random_labels(5000)),
    "learning begins at 60 % of the epochs": (False, late(0.6, 2.0)),
    "at 80 %": (False, late(0.8, 2.0)),
    "at 60 %, in two decades of the rate": (False, late(0.6, 0.4)),
    "at 60 %, in 1.25 decades": (False, late(0.6, 0.25)),
    "at 50 %, in 0.75 decades": (False, late(0.5, 0.15)),
    "at 30 %, in 0.75 decades": (False, late(0.3, 0.15)),
    "55 % against 50 %, 400 samples": (False, weak(0.05, 400)),
    "55 % against 50 %, 2,000 samples": (False, weak(0.05, 2000)),
    "60 % against 50 %, 200 samples": (False, weak(0.1, 200)),
}


def run(given: tuple[Value, Task], seed: int, strategy: str) -> danlu.History:
    value, known = given
    store = MemoryStore()

    def study() -> danlu.Study:
        return danlu.Study(
            "hopeless", space=SPACE, objective="max val_accuracy", epochs=EPOCHS,
            budget=BUDGET, seed=seed, strategy=strategy, store=store,
        )  # fmt: skip

    def train(trial: Any) -> None:
        place = SPACE["lr"].to_unit(trial.params["lr"])
        for epoch in trial.epochs(trial.restore()):
            trial.report(epoch, val_accuracy=value(place, epoch, trial.seed))
            trial.save()

    study()
    store.append("hopeless", [Learned(time.time(), known)])
    mine = study()
    mine.run(train, executor="inline")
    return mine.history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--strategy", default="auto")
    asked = parser.parse_args()
    print("| task | should end | ended | spent, of 20 | best value |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, (should, given) in TASKS.items():
        histories = [run(given, seed, asked.strategy) for seed in range(asked.seeds)]
        ended = sum(h.outcome == "hopeless" for h in histories)
        spent = statistics.fmean(h.trainings for h in histories)
        best = statistics.fmean(h.best.value for h in histories if h.best and h.best.value)
        word = "yes" if should else "no"
        row = f"| {name} | {word} | {ended}/{asked.seeds} | {spent:.1f} | {best:.2f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
