"""How searches fare where the learning rate falls to the end, on real trainings.

::

    python benchmarks/annealed.py --quick         # one task of each space, one seed
    python benchmarks/annealed.py --seeds 0-7     # 40 minutes of one core

Small networks on three tasks (noisy digits, MNIST at 14 × 14, clusters; 1,000 samples), in NumPy:
a training takes a fifth of a second. Two spaces are searched:

- ``cells``: what the six edges of a cell do (Dong and Yang 2020), five choices each, with a
  cosine-annealed rate; nothing is known of such parameters;
- ``rates``: four numbers of a rate that falls as a polynomial (Wang et al. 2021, PD1), with a
  fixed cell: the rate, 1 − momentum, power, and the share of the steps in which it falls. Known
  by their names, or ``hidden`` behind ``x0``, ``x1``, ….

Printed is the lowest validation error so far, in percentage points above the lowest of any study
of its task and space in this run, after a compute of 1, 3, 5, 10 and 20 full trainings: mean and
standard error over tasks and seeds. A training's luck is its config's: all strategies see the
same curve.

Sources: Dong and Yang, NAS-Bench-201, 2020; Wang et al., Pre-trained Gaussian Processes for
Bayesian Optimization, 2021.
"""

import argparse
import itertools
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from cells import EDGES, OPERATIONS, Array, Cell, Schedule, descend
from progress import shown
from shares import clusters, digits, hidden, mnist, seeds_of
from table import about, markdown

import danlu
from danlu.core.parameter import Choice, Float
from danlu.core.space import Space

SPENT = (1, 3, 5, 10, 20)
"""Full trainings after which the lowest error is looked at."""
TASKS = {"digits": digits, "clusters": clusters, "mnist": mnist}
EPOCHS = 50
SAMPLES, JUDGED = 1000, 2000  # rows for training and for validation
BATCH = 50
CELL = ("relu", "none", "linear", "skip", "none", "skip")  # that of the rates

CELLS = Space({f"edge{a}{b}": Choice(*OPERATIONS) for a, b in EDGES})
RATES = Space({
    "lr_initial": Float(1e-5, 10.0, log=True),
    "one_minus_momentum": Float(1e-3, 1.0, log=True),
    "lr_power": Float(0.1, 2.0),
    "lr_decay_steps_factor": Float(0.01, 0.99),
})  # fmt: skip
SPACES = {"cells": CELLS, "rates": RATES, "rates, hidden": hidden(RATES)}


@cache
def samples(task: str) -> tuple[Array, Array, Array, Array]:
    """Rows and classes for training, and for validation."""
    train, *others = [[part.numpy() for part in parts] for parts in TASKS[task]()]
    V, truth = (np.concatenate(rows) for rows in zip(*others, strict=True))
    return train[0][:SAMPLES], train[1][:SAMPLES], V[:JUDGED], truth[:JUDGED]


def trained(
    task: str, operations: Sequence[str], schedule: Schedule, seed: int
) -> Iterator[float]:
    """Validation errors in per cent, epoch by epoch."""
    X, y, V, truth = samples(task)
    rng = np.random.default_rng(seed)
    cell = Cell(operations, X.shape[1], int(y.max()) + 1, rng)
    speed = {name: np.zeros_like(w) for name, w in cell.weights.items()}
    steps = EPOCHS * (len(X) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        rows = rng.permutation(len(X))
        for batch in np.split(rows[: len(X) // BATCH * BATCH], len(X) // BATCH):
            with np.errstate(all="ignore"):
                descend(cell, speed, X[batch], y[batch], schedule, step / steps)
            step += 1
        with np.errstate(all="ignore"):
            scores = cell.answers(V)
        right = np.isfinite(scores).all() and (scores.argmax(1) == truth).mean()
        yield 100.0 * (1.0 - float(right))


def curve(task: str, space: str, config: Mapping[str, Any]) -> Iterator[float]:
    """The curve of a config, whose luck is its own."""
    values = list(config.values())
    seed = zlib.crc32(repr(values).encode())
    if space == "cells":
        return trained(task, values, Schedule(), seed)
    return trained(task, CELL, Schedule(*values), seed)


class Run(NamedTuple):
    """One study."""

    space: str
    task: str
    seed: int
    strategy: str


def searched(run: Run) -> list[float]:
    """The lowest error after each of `SPENT`; infinite before any."""
    study = danlu.Study(
        "annealed", space=SPACES[run.space], objective="min error", epochs=EPOCHS,
        strategy=run.strategy, seed=run.seed, store=None,
    )  # fmt: skip
    curves: dict[int, Iterator[float]] = {}
    spent, best, after = 0, math.inf, list[float]()
    while len(after) < len(SPENT) and (trial := study.ask()) is not None:
        course = curves.setdefault(trial.number, curve(run.task, run.space, trial.params))
        for epoch in trial.epochs():
            error = next(course)
            spent += 1
            best = min(best, error)
            after += [best] * (sum(n * EPOCHS <= spent for n in SPENT) - len(after))
            trial.report(epoch, error=error)
        study.tell(trial)
    return after


Results: TypeAlias = Mapping[Run, Sequence[float]]


def report(results: Results) -> None:
    """Print the table."""
    least: dict[tuple[str, str], float] = {}
    for run, errors in results.items():
        key = run.space, run.task
        least[key] = min(least.get(key, math.inf), *errors)
    rows = []
    for space, strategy in dict.fromkeys((r.space, r.strategy) for r in results):
        over = [
            [error - least[r.space, r.task] for error in errors]
            for r, errors in results.items()
            if (r.space, r.strategy) == (space, strategy)
        ]
        figures = (about(column, 1) for column in zip(*over, strict=True))
        rows.append([f"{space}, {strategy}", *figures])
    print(markdown(["trainings spent", *map(str, SPENT)], rows))


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--seeds", default="0-7", help="such as 0-7, or by commas")
    a.add_argument("--tasks", default=",".join(TASKS), help="by commas")
    a.add_argument("--spaces", default=";".join(SPACES), help="by semicolons")
    a.add_argument("--strategies", default="freeze-thaw,halving,hyperband,bayes,random")
    a.add_argument("--quick", action="store_true", help="one task of each space, one seed")
    o = a.parse_args()
    if o.quick:
        o.seeds, o.tasks, o.strategies = "0", "digits", "freeze-thaw,halving"
    runs = [
        Run(*r)
        for r in itertools.product(
            o.spaces.split(";"), o.tasks.split(","), seeds_of(o.seeds), o.strategies.split(",")
        )
    ]
    report({run: searched(run) for run in shown(runs, "studies")})


if __name__ == "__main__":
    main()
