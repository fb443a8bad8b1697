"""Which configs to try first: the portfolio of learned.json.

    DANLU_BENCH=/path/to/harness python benchmarks/portfolio.py [--write]
    DANLU_BENCH=… python benchmarks/portfolio.py --without car,189905 --out portfolio.json

For each family of trainings whose parameters have known roles, candidates are drawn from its
space and scored on its public tasks by normalised regret (0 = best known, 1 = a median random
config). A score is the mean over the config and its neighbours, so that no lucky run is learned.
The greedy choice of Auto-sklearn 2.0 then takes the config with which the best of those chosen is
best over tasks. Printed is, for each task, what the portfolio of the tasks on *other data sets*
reaches on it. ``--without`` leaves out tasks, to measure the search with a portfolio that has not
seen them (DANLU_BENCH_PORTFOLIO names the file for ``adapter.py``).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from adapter import space_of
from search import harness

import danlu.surrogates
from danlu.catalogue.roles import role_of
from danlu.core.parameter import Value
from danlu.strategies.encoding import Encoding, encode
from danlu.surrogates.candidates import perturbed
from danlu.surrogates.linalg import Array

FAMILIES = {
    "perceptrons by SGD with momentum": (
        ("lcbench", "yahpo-lcbench"),
        ("lr", "momentum"),
        {"optimizer": "sgd"},
    ),
}
"""Suites of a family, the roles that tell it, and what these must be where they vary."""
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
    roles = {a.name: role_of(a.name, a.parameter) for a in encoding.axes}
    single = [n for n, role in roles.items() if role and [*roles.values()].count(role) == 1]
    return {str(roles[n]): _short(config[n]) for n in single if n in config}


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
    rng, (_, problems) = np.random.default_rng(0), harness()
    tasks = {name: problems.load(name) for s in suites for name in problems.names(s)}
    first = encode(space_of(next(iter(tasks.values())).space))
    W = rng.random((DRAWN * len(suites), len(first.axes)))
    W[::2] = first.prior_draw(W[::2])
    rough = np.stack([regrets(p, encode(space_of(p.space)), W) for p in tasks.values()], 1)
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
        for p in tasks.values()
    ]
    return Scores([*tasks], [by_role(first, w) for w in W], np.stack(smooth, 1))


def chosen(scores: Scores) -> list[int]:
    """Rows of the portfolio, greedily."""
    rows: list[int] = []
    reached = np.full(scores.regrets.shape[1], np.inf)
    for _ in range(ENTRIES):
        rows.append(int(np.argmin(np.minimum(scores.regrets, reached).mean(1))))
        reached = np.minimum(reached, scores.regrets[rows[-1]])
    return rows


def report(scores: Scores, twins: Sequence[Sequence[str]]) -> None:
    """What the portfolio of other data sets reaches on each task."""
    print("| task | first | best of all | a random config |\n|---|---|---|---|")
    for j, task in enumerate(scores.tasks):
        name = task.partition("/")[2]
        same = next((t for t in twins if name in t), [name])
        rows = chosen(scores.without(same))
        own = scores.regrets[:, j]
        print(f"| {task} | {own[rows[0]]:.3f} | {own[rows].min():.3f} | {np.median(own):.3f} |")


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--without", default="", help="tasks to leave out, by commas")
    a.add_argument("--out", default="", help="file to write the entries to")
    a.add_argument("--write", action="store_true", help="into learned.json")
    o = a.parse_args()
    left_out = [t for t in o.without.split(",") if t]
    twins = [[*pair] for pair in harness()[1].PUBLIC_LCB.items()]  # one data set, two suites
    entries = []
    for family, (suites, needs, kind) in FAMILIES.items():
        scores = scored(suites)
        if not left_out:
            print(f"\n{family}\n")
            report(scores, twins)
        kept = scores.without(left_out)
        entries += [
            {"needs": needs, "values": scores.configs[i], "kind": kind} for i in chosen(kept)
        ]
    print(json.dumps(entries, indent=1))
    if o.out:
        Path(o.out).write_text(json.dumps(entries))
    if o.write:
        path = Path(danlu.surrogates.__file__).with_name("learned.json")
        path.write_text(
            json.dumps({**json.loads(path.read_text()), "portfolio": entries}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
