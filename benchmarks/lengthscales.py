"""How much each role matters: the lengthscales of ``strategies/experts.json`` beside learned ones.

Of each public task sets of configs are drawn, half of them evenly, half as experts expect. A
Gaussian process over final values with a vague prior is fitted to each set; the median of its
lengthscales, relative to their mean, is what the task says of a role. Judged are the processes
that the search would fit to the first 10, 20 and 40 configs of a set, by how they predict 200
others, with the lengthscales of the table, with equal ones, and with those that were learned from
*other families* and from *other tasks of the same family*. A role that was not learned is one.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from adapter import space_of
from families import FAMILIES, beside, elsewhere, family_of, problems_of
from progress import shown
from scipy.stats import spearmanr
from search import mixed_seed
from table import apart, markdown

from danlu.catalogue.roles import roles_of
from danlu.strategies.encoding import Encoding, encode
from danlu.surrogates.gp import condition_gp, fit_gp, gp_prior
from danlu.surrogates.linalg import Array
from danlu.surrogates.warping import fit_warp

SETS, LEARNED, OTHERS = 8, 60, 200  # sets of a task, configs to learn from, and to predict
KNOWN = (10, 20, 40)  # configs that a judged process knows
VAGUE = 1.5  # standard deviation of ln ell before a task is looked at
STEEPNESS = 4.0  # as the search warps losses
Lengthscales: TypeAlias = Mapping[str, float]  # role → relative to the other parameters'


@dataclass(frozen=True)
class Task:
    """A public task: the role of each axis, sets of (configs, losses), and what they say."""

    name: str
    encoding: Encoding
    roles: tuple[str | None, ...]
    sets: list[tuple[Array, Array]]
    ell: Array  # relative, (d,)

    def of(self, known: Lengthscales) -> Array:
        """Factors for the process' prior, (d,)."""
        return np.array([known.get(role, 1.0) if role else 1.0 for role in self.roles])


def task_of(problem: Any) -> Task:
    e = encode(space_of(problem.space))
    seeds = [mixed_seed(problem.name, seed) for seed in range(SETS)]
    sets = [drawn(problem, e, np.random.default_rng(seed)) for seed in seeds]
    known = roles_of(e.space)
    roles = tuple(known.get(a.name) for a in e.axes)
    return Task(problem.name, e, roles, sets, np.median([fitted(e, *s) for s in sets], 0))


def drawn(problem: Any, encoding: Encoding, rng: np.random.Generator) -> tuple[Array, Array]:
    W = rng.random((LEARNED + OTHERS, len(encoding.axes)))
    W[::2] = encoding.prior_draw(W[::2])
    rng.shuffle(W)
    configs = [encoding.config(w) for w in W]
    curves = np.asarray(problem.curves(configs))
    losses = curves.min(1) if problem.resumable else curves[:, -1]
    return encoding.snap(encoding.place(configs))[1], losses


def fitted(encoding: Encoding, X: Array, y: Array) -> Array:
    """Relative lengthscales that the configs to learn from say, (d,)."""
    d, seen = len(encoding.axes), y[:LEARNED]
    z = fit_warp(seen, float(seen.min()), STEEPNESS)(seen)
    prior = gp_prior(np.ones(d), width=VAGUE)
    ln = fit_gp(X[:LEARNED], z, encoding.group, prior, steps=40)[:d]
    return np.asarray(np.exp(ln - ln.mean()))


def learned(tasks: Sequence[Task]) -> Lengthscales:
    """Role → the median over tasks; of several parameters of a role, their geometric mean."""
    found: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        for role in {*filter(None, task.roles)}:
            own = task.ell[[r == role for r in task.roles]]
            found[role].append(float(np.log(own).mean()))
    return {role: float(np.exp(np.median(values))) for role, values in found.items()}


def judged(task: Task, factor: Array, known: int) -> tuple[float, float]:
    """Mean log predictive density and rank correlation of other configs, over the sets."""
    scores = []
    for X, y in task.sets:
        warp = fit_warp(y[:known], float(y[:known].min()), STEEPNESS)
        z, truth = warp(y[:known]), warp(y[LEARNED:])
        theta = fit_gp(X[:known], z, task.encoding.group, gp_prior(factor))
        gp = condition_gp(X[:known], z, task.encoding.group, theta)
        mean, variance = gp.predict(X[LEARNED:])
        total = variance + np.exp(theta[-1])
        density = -0.5 * np.mean(np.log(2 * np.pi * total) + (truth - mean) ** 2 / total)
        order = spearmanr(mean, y[LEARNED:]).statistic if np.ptp(mean) else 0.0
        scores.append((float(density), float(order)))
    density, order = np.mean(scores, 0).tolist()
    return density, order


Source: TypeAlias = Callable[[Sequence[Task], Task], Array]
SOURCES: Mapping[str, Source] = {
    "table": lambda _, task: task.encoding.ell,
    "all equal": lambda _, task: np.ones(len(task.roles)),
    "other families": lambda tasks, task: task.of(learned(elsewhere(tasks, task))),
    "its other tasks": lambda tasks, task: task.of(learned(beside(tasks, task))),
}


def of_roles(tasks: Sequence[Task]) -> None:
    """Print what each family says of each role."""
    said = {f: learned([t for t in tasks if family_of(t.name) == f]) for f in FAMILIES}
    table = {r: a.ell for t in tasks for r, a in zip(t.roles, t.encoding.axes, strict=True) if r}
    rows = [
        (role, f"{ell}", *(f"{s[role]:.2f}" if role in s else "" for s in said.values()))
        for role, ell in sorted(table.items())
    ]
    print(markdown(("lengthscale of role", "table", *FAMILIES), rows))


def against_table(scores: Array) -> Iterator[str]:
    """The table's mean, and how far the others are from it, ± standard error over tasks."""
    yield f"{scores[0].mean():.3f}"
    for gaps in scores[1:] - scores[0]:
        yield apart(gaps)


def report(tasks: Sequence[Task]) -> None:
    """Print what lengthscales are worth, as rows of families and numbers of known configs."""
    cells = list(itertools.product(KNOWN, SOURCES.values()))
    each = [[judged(t, of(tasks, t), n) for t in tasks] for n, of in shown(cells, "judging them")]
    found = np.reshape(each, (len(KNOWN), len(SOURCES), len(tasks), 2))
    groups = {f: [family_of(t.name) == f for t in tasks] for f in FAMILIES} | {
        "all": [True] * len(tasks)
    }
    for i, what in enumerate(("log density", "rank correlation")):
        rows = [
            (f"{group} ({sum(members)})", f"{n}", *against_table(found[k][:, members, i]))
            for (group, members), (k, n) in itertools.product(groups.items(), enumerate(KNOWN))
        ]
        print("\n" + markdown((f"{what} (tasks)", "configs", *SOURCES), rows))


def learn() -> None:
    """Print what public tasks say of lengthscales; the table stays the experts'."""
    problems = [p for suites in FAMILIES.values() for p in problems_of(suites)]
    tasks = [task_of(p) for p in shown(problems, "lengthscales")]
    of_roles(tasks)
    report(tasks)
