"""What public trainings say about the role table: ``strategies/experts.json`` beside what is best.

    DANLU_BENCH=/path/to/harness python benchmarks/roles.py

Of each public task configs are drawn evenly and the best few are kept. Where these lie on the
scale of each role is compared with the table: its default and spread, the median of the best and
their own spread (half of the middle half), both as a share of the range or in decades, and in how
many suites the role occurs. The first config of the table is then scored on each suite, beside one
whose numbers were learned from all *other* suites, and the same learned from the suite itself.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from adapter import space_of
from portfolio import regrets
from search import harness
from table import markdown

from danlu.catalogue.roles import role_of
from danlu.core.parameter import Choice
from danlu.strategies.encoding import Axis, Encoding, encode
from danlu.strategies.experts import expectations
from danlu.surrogates.candidates import perturbed
from danlu.surrogates.linalg import Array

SUITES = ("lcbench", "yahpo-lcbench", "taskset", "yahpo-xgb", "hpobench")
DRAWN, BEST = 1500, 0.02  # configs of a task, and the share of them that is looked at
NEIGHBOURS, STEP = 12, 0.05  # of a config that is scored, so that no lucky run counts


@dataclass(frozen=True)
class Task:
    """A public task, its axes with a role that no other of them has, and its best configs."""

    suite: str
    problem: Any
    encoding: Encoding
    roles: Mapping[str, int]
    best: Array


def tasks(suite: str) -> Iterator[Task]:
    problems = harness()[1]
    for name in problems.names(suite):
        problem = problems.load(name)
        encoding = encode(space_of(problem.space))
        W = np.random.default_rng(0).random((DRAWN, len(encoding.axes)))
        order = np.argsort(regrets(problem, encoding, W))[: round(BEST * DRAWN)]
        yield Task(suite, problem, encoding, single_roles(encoding), W[order])


def single_roles(encoding: Encoding) -> dict[str, int]:
    """Role → column, of the numbers whose role is known and no other's."""
    roles = [role_of(a.name, a.parameter) for a in encoding.axes]
    return {
        role: j
        for j, (role, a) in enumerate(zip(roles, encoding.axes, strict=True))
        if role and roles.count(role) == 1 and not isinstance(a.parameter, Choice)
    }


def learned(known: Sequence[Task]) -> dict[str, float]:
    """Role → the median over tasks of the middle of their best configs."""
    found: dict[str, list[float]] = defaultdict(list)
    for task in known:
        for role, j in task.roles.items():
            middle = np.median(task.best[:, j])
            found[role].append(float(task.encoding.axes[j].from_unit(np.array([middle]))[0]))
    return {role: float(np.median(values)) for role, values in found.items()}


def first(task: Task, values: Mapping[str, float]) -> Array:
    """The config to try first, with these values of roles where the ranges hold them."""
    w = task.encoding.default()
    for role, j in task.roles.items():
        p = task.encoding.axes[j].parameter
        if role in values and p.low <= values[role] <= p.high:  # type: ignore[union-attr]
            w[j] = task.encoding.axes[j].to_unit([values[role]])[0]
    return w


def score(task: Task, w: Array) -> float:
    """Mean regret of a config and its neighbours."""
    rng, e = np.random.default_rng(0), task.encoding
    near = perturbed(w[None], NEIGHBOURS, STEP, e.cell, e.unordered, rng).reshape(-1, len(w))
    return float(regrets(task.problem, e, np.r_[w[None], near]).mean())


def spread(axis: Axis, best: Array) -> str:
    """Half of the middle half of the best, in decades on a logarithmic scale."""
    half = float(np.subtract(*np.quantile(best, [0.75, 0.25]))) / 2
    if axis.scale == "linear":
        return f"{half:.2f}"
    return f"{half * (axis.high - axis.low) / np.log(10):.1f} decades"


def of_roles(found: Mapping[str, Sequence[Task]]) -> None:
    rows = []
    for suite, known in found.items():
        means = learned(known)
        for role, j in known[0].roles.items():
            axis, expected = known[0].encoding.axes[j], expectations(known[0].encoding.space)
            unit = " decades" if expected[axis.name].decades and axis.scale != "linear" else ""
            rows.append((
                role, suite, f"{expected[axis.name].default}", f"{means[role]:.2g}",
                f"{expected[axis.name].spread}{unit}",
                spread(axis, np.concatenate([t.best[:, t.roles[role]] for t in known])),
                f"{sum(role in ts[0].roles for ts in found.values())}",
            ))  # fmt: skip
    head = ("role", "suite", "default", "middle of the best", "spread", "of the best", "suites")
    print(markdown(head, sorted(rows, key=lambda row: row[:2])))


def of_suites(found: Mapping[str, Sequence[Task]]) -> None:
    rows = []
    for suite, known in found.items():
        others = learned([t for s, ts in found.items() if s != suite for t in ts])
        sources: tuple[Mapping[str, float], ...] = ({}, others, learned(known))
        scores = [np.mean([score(t, first(t, values)) for t in known]) for values in sources]
        shared = len(set(others) & set(known[0].roles))
        rows.append((suite, f"{shared} of {len(known[0].roles)}", *(f"{s:.3f}" for s in scores)))
    print(markdown(("suite", "roles elsewhere", "table", "others", "itself"), rows))


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    found = {suite: list(tasks(suite)) for suite in SUITES}
    of_roles(found)
    print()
    of_suites(found)


if __name__ == "__main__":
    main()
