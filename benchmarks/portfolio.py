"""Which configs to try first: the portfolio of learned.json.

    DANLU_BENCH=/path/to/harness python benchmarks/portfolio.py --without car,189905 --out p.json

For each family of trainings whose parameters have known roles, candidates are drawn from its
space and scored on its public tasks by normalised regret (0 = best known, 1 = a median random
config). A score is the mean over the config and its neighbours, so that no lucky run is learned.
The greedy choice of Auto-sklearn 2.0 then takes the config with which the best of those chosen is
best over tasks. Printed is, for each task, what the portfolio of the tasks on *other data sets*
reaches on it. ``learn.py`` makes the portfolio of all tasks. This script leaves some out, to
measure the search with a portfolio that has not seen them (DANLU_BENCH_PORTFOLIO names the file
for ``adapter.py``).
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from adapter import space_of
from families import FAMILIES, data_set, problems_of
from progress import shown
from table import markdown

from danlu.catalogue.roles import roles_of
from danlu.core.parameter import Value
from danlu.strategies.encoding import Encoding, encode
from danlu.surrogates.candidates import perturbed
from danlu.surrogates.linalg import Array

KINDS: Mapping[str, tuple[Sequence[str], Mapping[str, Value]]] = {
    "perceptrons by SGD": (("lr", "momentum"), {"optimizer": "sgd"}),
}
"""Of a family: the roles that tell it, and what these must be where they vary."""
DRAWN = 1500  # candidates of each suite, half of them from what experts expect
SCORED = 200  # candidates, best on average or on a task, whose neighbours are looked at
NEIGHBOURS, STEP = 6, 0.05
ENTRIES = 4  # configs of a family


@dataclass(frozen=True)
class Scores:
    """Regrets of candidates, (n, tasks), with the configs by roles."""

    tasks: list[str]
    configs: list[dict[str, Value]]
    regrets: Array

    def without(self, left_out: Sequence[str]) -> "Scores":
        kept = [j for j, t in enumerate(self.tasks) if t.partition("/")[2] not in left_out]
        return Scores([self.tasks[j] for j in kept], self.configs, self.regrets[:, kept])


def by_role(encoding: Encoding, w: Array) -> dict[str, Value]:
    """A config by the roles that only one of its parameters has; numbers of two digits."""
    config = encoding.config(w)
    roles = roles_of(encoding.space)
    single = [n for n, role in roles.items() if [*roles.values()].count(role) == 1]
    return {roles[n]: _short(config[n]) for n in single if n in config}


def _short(value: Value) -> Value:
    if not isinstance(value, float):
        return value
    return float(f"{value:.2g}") if value < 0.5 else round(value, 2)


def losses(problem: Any, encoding: Encoding, W: Array) -> Array:
    """The best loss of each point's training, (n,)."""
    names = dict(zip(encoding.space, (p.name for p in problem.space), strict=True))
    configs = [{names[k]: v for k, v in encoding.config(w).items()} for w in W]
    return np.concatenate([
        np.asarray(problem.curves(configs[i : i + 200])).min(1) for i in range(0, len(W), 200)
    ])  # fmt: skip


def regrets(problem: Any, encoding: Encoding, W: Array) -> Array:
    return np.array([problem.regret(loss) for loss in losses(problem, encoding, W)])


def scored(suites: Sequence[str]) -> Scores:
    """Candidates of a family with their regrets, each averaged over its neighbourhood."""
    rng, tasks = np.random.default_rng(0), list(problems_of(suites))
    first = encode(space_of(tasks[0].space))
    W = rng.random((DRAWN * len(suites), len(first.axes)))
    W[::2] = first.prior_draw(W[::2])
    rough = np.stack([
        regrets(p, encode(space_of(p.space)), W) for p in shown(tasks, "candidates")
    ], 1)  # fmt: skip
    best = {*np.argsort(rough.mean(1))[: SCORED // 2].tolist()}
    each = SCORED // (2 * len(tasks))
    best |= {i for j in range(len(tasks)) for i in np.argsort(rough[:, j])[:each].tolist()}
    W = W[sorted(best)]
    near = perturbed(W, NEIGHBOURS, STEP, first.cell, first.unordered, rng)
    every = np.concatenate([W[:, None], near.reshape(len(W), NEIGHBOURS, -1)], 1)
    smooth = [
        regrets(p, encode(space_of(p.space)), every.reshape(-1, W.shape[1]))
        .reshape(len(W), -1)
        .mean(1)
        for p in shown(tasks, "their neighbours")
    ]
    return Scores([p.name for p in tasks], [by_role(first, w) for w in W], np.stack(smooth, 1))


def chosen(scores: Scores) -> list[int]:
    """Rows of the portfolio, greedily."""
    rows: list[int] = []
    reached = np.full(scores.regrets.shape[1], np.inf)
    for _ in range(ENTRIES):
        rows.append(int(np.argmin(np.minimum(scores.regrets, reached).mean(1))))
        reached = np.minimum(reached, scores.regrets[rows[-1]])
    return rows


def entries(scores: Scores, family: str) -> list[dict[str, Any]]:
    """The portfolio as learned.json holds it."""
    needs, kind = KINDS[family]
    return [
        {"needs": [*needs], "values": scores.configs[i], "kind": dict(kind)}
        for i in chosen(scores)
    ]


def report(scores: Scores) -> None:
    """What the portfolio of other data sets reaches on each task."""
    rows = []
    for j, task in enumerate(scores.tasks):
        same = [t.partition("/")[2] for t in scores.tasks if data_set(t) == data_set(task)]
        best, own = chosen(scores.without(same)), scores.regrets[:, j]
        figures = (own[best[0]], own[best].min(), np.median(own))
        rows.append((task, *(f"{figure:.3f}" for figure in figures)))
    print(markdown(("task", "first", "best of all", "a random candidate"), rows))


def learn() -> dict[str, Any]:
    """The entry of learned.json; prints what it is worth on data sets left out."""
    found = []
    for family in KINDS:
        scores = scored(FAMILIES[family])
        report(scores)
        found += entries(scores, family)
    return {"portfolio": found}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--without", required=True, help="tasks to leave out, by commas")
    a.add_argument("--out", required=True, help="file to write the portfolio to")
    o = a.parse_args()
    left_out = [t for t in o.without.split(",") if t]
    known = {p.name.partition("/")[2] for f in KINDS for p in problems_of(FAMILIES[f])}
    if unknown := {*left_out} - known:
        a.error(f"--without: no such task: {', '.join(sorted(unknown))}")
    found = [
        entry
        for family in KINDS
        for entry in entries(scored(FAMILIES[family]).without(left_out), family)
    ]
    Path(o.out).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
