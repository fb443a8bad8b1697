"""Defaults and spreads of roles: ``strategies/experts.json`` beside what is best.

Of each public task configs are drawn evenly and the best few are kept. Where these lie on the
scale of each role is compared with the table: its default and spread, the median of the best and
how far they are from the default (root mean square), as a share of the range or in decades.

The table is then judged beside what was learned from *other families* and from *other tasks of
the same family*: by the regret of the first config, and by the density that spreads around the
table's default give the best configs, per number and against an even draw. Grids of places are
left out: no role's numbers hold there.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from adapter import space_of
from families import FAMILIES, beside, elsewhere, family_of, problems_of
from portfolio import regrets
from progress import shown
from scipy.special import ndtr
from table import apart, markdown

from danlu.catalogue.roles import roles_of
from danlu.core.parameter import Choice
from danlu.strategies import encoding as encodings
from danlu.strategies.encoding import Axis, Encoding, encode
from danlu.strategies.experts import Expectation, expectations
from danlu.surrogates.candidates import perturbed
from danlu.surrogates.linalg import Array

JUDGED = ("perceptrons by SGD", "recurrent networks by Adam", "XGBoost")
DRAWN, BEST = 1500, 0.02  # configs of a task, and the share of them that is looked at
NEIGHBOURS, STEP = 12, 0.05  # of a config that is scored, so that no lucky run counts
Learned: TypeAlias = Mapping[str, float]  # by role


@dataclass(frozen=True)
class Task:
    """A public task, its axes with a role that no other of them has, and its best configs."""

    problem: Any
    encoding: Encoding
    roles: Mapping[str, int]
    best: Array

    @property
    def name(self) -> str:
        return str(self.problem.name)

    def expected(self, role: str) -> Expectation:
        return expectations(self.encoding.space)[self.axis(role).name]

    def axis(self, role: str) -> Axis:
        return self.encoding.axes[self.roles[role]]


def task_of(problem: Any) -> Task:
    encoding = encode(space_of(problem.space))
    W = np.random.default_rng(0).random((DRAWN, len(encoding.axes)))
    order = np.argsort(regrets(problem, encoding, W))[: round(BEST * DRAWN)]
    return Task(problem, encoding, single_roles(encoding), W[order])


def single_roles(encoding: Encoding) -> dict[str, int]:
    """Role → column, of the numbers whose role is known and no other's."""
    roles = roles_of(encoding.space)
    return {
        roles[a.name]: j
        for j, a in enumerate(encoding.axes)
        if [*roles.values()].count(roles.get(a.name, "")) == 1
        and not isinstance(a.parameter, Choice)
    }


def medians(tasks: Sequence[Task], of: Callable[[Task, str], float | None]) -> Learned:
    """Role → the median over tasks of what is measured, where it can be."""
    found: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        for role in task.roles:
            value = of(task, role)
            if value is not None:
                found[role].append(value)
    return {role: float(np.median(values)) for role, values in found.items()}


def middle(task: Task, role: str) -> float:
    """The middle of the best configs."""
    median = np.median(task.best[:, task.roles[role]])
    return float(task.axis(role).from_unit(np.array([median]))[0])


def spread(task: Task, role: str) -> float | None:
    """How far the best configs lie from the table's default, as the table counts it."""
    axis = task.axis(role)
    if axis.centre is None:
        return None
    off = float(np.sqrt(np.mean((task.best[:, task.roles[role]] - axis.centre) ** 2)))
    return off * (axis.high - axis.low) / np.log(10) if in_decades(task, role) else off


def in_decades(task: Task, role: str) -> bool:
    return task.expected(role).decades and task.axis(role).scale != "linear"


def regret(task: Task, defaults: Learned) -> float:
    """Mean regret of the first config and its neighbours, with these defaults where they fit."""
    w, e = task.encoding.default(), task.encoding
    for role, j in task.roles.items():
        p = e.axes[j].parameter
        if role in defaults and p.low <= defaults[role] <= p.high:  # type: ignore[union-attr]
            w[j] = e.axes[j].to_unit([defaults[role]])[0]
    rng = np.random.default_rng(0)
    near = perturbed(w[None], NEIGHBOURS, STEP, e.cell, e.unordered, rng).reshape(-1, len(w))
    return float(regrets(task.problem, e, np.r_[w[None], near]).mean())


def density(task: Task, spreads: Learned) -> float:
    """Mean log density of the best configs' numbers whose roles have a spread, in nats."""
    found = []
    for role in [role for role in task.roles if role in spreads]:
        p, expected = task.axis(role).parameter, task.expected(role)
        axis = encodings._axis(role, p, replace(expected, spread=spreads[role]))
        if axis.centre is not None:
            c, s = axis.centre, axis.spread
            inside = s * np.sqrt(2 * np.pi) * (ndtr((1 - c) / s) - ndtr(-c / s))
            found.append(np.mean(axis.log_prior(task.best[:, task.roles[role]])) - np.log(inside))
    return float(np.mean(found))


def in_table(task: Task, roles: Learned, what: str) -> Learned:
    """What the table says of these roles, as far as the task has them."""
    said = {role: getattr(task.expected(role), what) for role in roles.keys() & task.roles.keys()}
    return {role: value for role, value in said.items() if value is not None}


def of_roles(tasks: Sequence[Task]) -> None:
    """Print defaults and spreads of each role in each family."""
    rows = []
    for family in JUDGED:
        own = [t for t in tasks if family_of(t.name) == family]
        middles, spreads = medians(own, middle), medians(own, spread)
        for role in own[0].roles:
            expected, unit = own[0].expected(role), " decades" * in_decades(own[0], role)
            far = f"{spreads[role]:.2g}{unit}" if role in spreads else ""
            rows.append((role, family, f"{expected.default}", f"{middles[role]:.2g}",
                         f"{expected.spread}{unit}", far))  # fmt: skip
    head = ("role", "family", "default", "middle of the best", "spread", "of the best from it")
    print(markdown(head, sorted(rows)))


def judge(
    tasks: Sequence[Task], what: str, of: Callable[[Task, str], float | None],
    score: Callable[[Task, Learned], float],
) -> list[tuple[str, ...]]:  # fmt: skip
    """Rows of the table against what was learned, ± standard error over tasks."""
    rows: list[tuple[str, ...]] = []
    for source, name in ((elsewhere, "other families"), (beside, "its other tasks")):
        for family in JUDGED:
            own = [t for t in tasks if family_of(t.name) == family]
            known = [medians(source(tasks, t), of) for t in own]
            table = [score(t, in_table(t, k, what)) for t, k in zip(own, known, strict=True)]
            gaps = [score(t, k) - was for t, k, was in zip(own, known, table, strict=True)]
            shared = len(in_table(own[0], known[0], what))
            rows.append((f"{what} of {family} ({len(own)})", name, f"{shared}",
                         f"{np.mean(table):.3f}", apart(gaps)))  # fmt: skip
    return rows


def learn() -> None:
    """Print what public tasks say of defaults and spreads; the table stays the experts'."""
    problems = [p for family in JUDGED for p in problems_of(FAMILIES[family])]
    tasks = [task_of(p) for p in shown(problems, "roles")]
    of_roles(tasks)
    head = ("what of which family (tasks)", "learned from", "roles", "table", "learned instead")
    print("\nRegret of the first config\n")
    print(markdown(head, judge(tasks, "default", middle, regret)))
    print("\nLog density of the best\n")
    print(markdown(head, judge(tasks, "spread", spread, density)))
