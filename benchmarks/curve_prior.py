"""What curve hyperparameters are expected to be: learned from public tables of trainings.

    DANLU_BENCH=/path/to/harness python benchmarks/curve_prior.py [--leave-out lcbench]

Draws ragged sets of curves as a search would leave them (most short, the better ones longer), fits
the curve model to each with a vague prior, and prints the medians and deviations that stand as
CURVE_CENTRE and CURVE_WIDTH in `danlu.surrogates.curve_gp`; then how well last values are
predicted with them on other draws, per suite. With ``--leave-out`` a suite is predicted, but not
learned from.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from adapter import space_of
from search import harness

from danlu.strategies.encoding import Encoding, encode
from danlu.surrogates.curve_gp import (
    CURVE_CENTRE,
    EXTRA,
    TRIANGLE,
    condition_curve_gp,
    curve_prior,
    fit_curve_gp,
)
from danlu.surrogates.curves import RANK, Horizon, statistics
from danlu.surrogates.gp import GPPrior
from danlu.surrogates.linalg import Array
from danlu.surrogates.warping import fit_warp

SUITES = ("lcbench", "yahpo-lcbench", "taskset")
SPREAD, NEAR = 44, 16  # configs over the whole space, and around the best after a first slice
REACH = (
    (1.0, 0.06),
    (0.5, 0.1),
    (0.35, 0.15),
    (0.25, 0.23),
    (0.17, 0.35),
    (0.1, 0.5),
    (0.05, 1.0),
)
"""Share of the configs, best first, that reach a share of a full training."""


@dataclass(frozen=True)
class Ragged:
    """Curves as a search would leave them, and what they would have come to."""

    encoding: Encoding
    X: Array
    epochs: list[tuple[int, ...]]
    values: list[Array]
    ends: Array
    horizon: Horizon

    def fit(self, centre: Array, width: Array, steps: int) -> Array:
        stats = statistics(self.horizon, self.epochs, self.values)
        own = curve_prior(self.encoding.ell)
        d = len(self.encoding.ell)
        prior = GPPrior(np.r_[own.centre[:d], centre], np.r_[own.width[:d], width])
        return fit_curve_gp(self.X, self.encoding.group, stats, prior, steps=steps)

    def errors(self, theta: Array) -> tuple[float, float]:
        """Root mean square error of the last values, and of them in standard deviations."""
        model = condition_curve_gp(
            self.horizon, self.X, self.encoding.group, self.epochs, self.values, theta
        )
        T = self.horizon.epochs
        rows = np.array([i for i, e in enumerate(self.epochs) if len(e) < T])
        mu, variance = model.predict_seen(rows, np.full(len(rows), T))
        off = self.ends[rows] - mu
        return float(np.sqrt(np.mean(off**2))), float(np.sqrt(np.mean(off**2 / variance)))


def ragged(problem: object, seed: int) -> Ragged:
    p, rng = problem, np.random.default_rng(seed)
    configs = [p.space.sample(rng) for _ in range(SPREAD)]  # type: ignore[attr-defined]
    T = p.max_epoch  # type: ignore[attr-defined]
    first = max(1, round(REACH[0][1] * T)) - 1
    Y = p.curves(configs)  # type: ignore[attr-defined]
    best = p.space.to_unit(configs[int(np.argmin(Y[:, first]))])  # type: ignore[attr-defined]
    near = [np.clip(best + rng.normal(0, 0.15, len(best)), 0, 0.999) for _ in range(NEAR)]
    configs += [p.space.from_unit(u) for u in near]  # type: ignore[attr-defined]
    Y = p.curves(configs)  # type: ignore[attr-defined]
    n = len(configs)
    order = np.argsort(np.argsort(np.argsort(Y[:, first])) / n + 0.35 * rng.normal(size=n))
    length = np.empty(n, int)
    for share, reach in REACH:
        length[order[: max(1, int(share * n))]] = max(1, round(reach * T))
    seen = [y[:k] for y, k in zip(Y, length, strict=True)]
    warp = fit_warp(np.array([y[-1] for y in seen]), min(y.min() for y in seen), 4.0)
    encoding = encode(space_of(p.space))  # type: ignore[attr-defined]
    X = encoding.snap(encoding.place(configs))[1]
    epochs = [tuple(range(1, int(k) + 1)) for k in length]
    return Ragged(encoding, X, epochs, [warp(y) for y in seen], warp(Y[:, -1]), Horizon(T))


def vague() -> tuple[Array, Array]:
    """A prior that only says that configs end differently."""
    lam = np.eye(RANK)
    lam[0, 0], lam[1, 0] = 1.2, -0.5
    n = len(TRIANGLE[0])
    return np.r_[lam[TRIANGLE], -4.0, -5.0], np.r_[np.ones(n), 1.0, 1.5]


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--leave-out", default="")
    a.add_argument("--draws", type=int, default=2)
    o = a.parse_args()
    _, problems = harness()
    loaded = {s: [problems.load(name) for name in problems.names(s)] for s in SUITES}
    fits = [
        ragged(p, seed).fit(*vague(), steps=40)[-EXTRA:]
        for suite, tasks in loaded.items()
        if suite != o.leave_out
        for p in tasks
        for seed in range(o.draws)
    ]
    centre = np.median(fits, 0)
    width = np.maximum(1.48 * np.median(np.abs(fits - centre), 0), 0.15)
    print("centre", np.round(centre, 2).tolist(), "(now", CURVE_CENTRE.tolist(), end=")\n")
    print("width ", np.round(width, 2).tolist())
    for suite, tasks in loaded.items():
        sets = [ragged(p, 100) for p in tasks]
        errors = np.mean([r.errors(r.fit(centre, width, 25)) for r in sets], 0)
        print(f"{suite}: error {errors[0]:.2f}, in standard deviations {errors[1]:.2f}")


if __name__ == "__main__":
    main()
