"""What curves look like: centre, width and interval of learned.json.

Draws ragged sets of curves as a search would leave them (most short, the better ones longer) and
fits the curve model to each with a vague prior. The medians and deviations of the fits are the
curve model's prior. Each suite is then predicted with what was learned from the other families:
printed are the errors of the last values, how often nominal 90 % intervals hold them, and the
factor by which intervals have to be wider. What all suites together gave is what is learned.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from adapter import space_of
from families import family_of, problems_of
from progress import shown
from table import markdown

from danlu.core.prediction import NINETY
from danlu.strategies.encoding import Encoding, encode
from danlu.surrogates.curve_gp import (
    EXTRA,
    TRIANGLE,
    condition_curve_gp,
    curve_prior,
    fit_curve_gp,
)
from danlu.surrogates.curves import RANK, Horizon, statistics
from danlu.surrogates.linalg import Array
from danlu.surrogates.posterior import GPPrior
from danlu.surrogates.warping import fit_warp

SUITES = ("lcbench", "yahpo-lcbench", "taskset")
DRAWS = 2  # sets of each task
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
SEEN = (0.0, 0.1, 0.3, 1.0)  # shares of a curve that was seen, for the table of intervals


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

    def errors(self, theta: Array) -> Array:
        """Of each curve's last value: error, the same in standard deviations, share seen."""
        model = condition_curve_gp(
            self.horizon, self.X, self.encoding.group, self.epochs, self.values, theta
        )
        T = self.horizon.epochs
        rows = np.array([i for i, e in enumerate(self.epochs) if len(e) < T])
        mu, variance = model.predict_seen(rows, np.full(len(rows), T))
        off = self.ends[rows] - mu
        seen = np.array([len(self.epochs[i]) / T for i in rows])
        return np.stack([off, off / np.sqrt(variance), seen], 1)


def ragged(problem: Any, seed: int) -> Ragged:
    p, rng = problem, np.random.default_rng(seed)
    configs = [p.space.sample(rng) for _ in range(SPREAD)]
    T = p.max_epoch
    first = max(1, round(REACH[0][1] * T)) - 1
    Y = p.curves(configs)
    best = p.space.to_unit(configs[int(np.argmin(Y[:, first]))])
    near = [np.clip(best + rng.normal(0, 0.15, len(best)), 0, 0.999) for _ in range(NEAR)]
    configs += [p.space.from_unit(u) for u in near]
    Y = p.curves(configs)
    n = len(configs)
    order = np.argsort(np.argsort(np.argsort(Y[:, first])) / n + 0.35 * rng.normal(size=n))
    length = np.empty(n, int)
    for share, reach in REACH:
        length[order[: max(1, int(share * n))]] = max(1, round(reach * T))
    seen = [y[:k] for y, k in zip(Y, length, strict=True)]
    warp = fit_warp(np.array([y[-1] for y in seen]), min(y.min() for y in seen), 4.0)
    encoding = encode(space_of(p.space))
    X = encoding.snap(encoding.place(configs))[1]
    epochs = [tuple(range(1, int(k) + 1)) for k in length]
    return Ragged(encoding, X, epochs, [warp(y) for y in seen], warp(Y[:, -1]), Horizon(T))


def vague() -> tuple[Array, Array]:
    """A prior that only says that configs end differently."""
    lam = np.eye(RANK)
    lam[0, 0], lam[1, 0] = 1.2, -0.5
    n = len(TRIANGLE[0])
    return np.r_[lam[TRIANGLE], -4.0, -5.0], np.r_[np.ones(n), 1.0, 1.5]


def of_others(suite: str, found: Mapping[str, list[Array]]) -> list[Array]:
    """What was found in the suites of other families."""
    others = [s for s in SUITES if family_of(s) != family_of(suite)]
    return [one for s in others for one in found[s]]


def learned(fits: list[Array]) -> tuple[Array, Array]:
    """Centre and width of the prior, by median and median deviation."""
    centre = np.median(fits, 0)
    return centre, np.maximum(1.48 * np.median(np.abs(fits - centre), 0), 0.15)


def factor(errors: Array) -> float:
    """By how much intervals have to be wider to hold nine tenths."""
    return float(np.quantile(np.abs(errors[:, 1]), 0.9)) / NINETY


def fits_of(suite: str) -> list[Array]:
    """The curve model's weights, deviation and noise, fitted to each set of a suite."""
    problems = list(problems_of([suite]))
    return [
        ragged(p, seed).fit(*vague(), steps=40)[-EXTRA:]
        for p in shown(problems, f"curves of {suite}")
        for seed in range(DRAWS)
    ]


def errors_of(suite: str, centre: Array, width: Array) -> Array:
    """Errors in a suite's sets, which were not fitted before, with this prior; as `errors`."""
    problems = list(problems_of([suite]))
    errors = []
    for p in shown(problems, f"predicting {suite}"):
        sets = [ragged(p, 100 + seed) for seed in range(DRAWS)]
        errors += [r.errors(r.fit(centre, width, 25)) for r in sets]
    return np.concatenate(errors)


def learn() -> dict[str, Any]:
    """The entries of learned.json; prints what they are worth on other families."""
    fits = {s: fits_of(s) for s in SUITES}
    errors = {s: errors_of(s, *learned(of_others(s, fits))) for s in SUITES}
    report(errors)
    centre, width = learned([f for s in SUITES for f in fits[s]])
    return {
        "centre": np.round(centre, 2).tolist(),
        "width": np.round(width, 2).tolist(),
        "interval": round(factor(np.concatenate([*errors.values()])), 2),
    }


def report(errors: Mapping[str, Array]) -> None:
    """Errors and intervals of each suite, predicted with what other families taught."""
    apart = {s: [e] for s, e in errors.items()}
    rows = []
    for s, own in errors.items():
        wider = factor(np.concatenate(of_others(s, apart)))
        rms, pulls = np.sqrt(np.mean(own[:, :2] ** 2, 0)), np.abs(own[:, 1])
        parts = [own[(own[:, 2] > low) & (own[:, 2] <= high)]
                 for low, high in itertools.pairwise(SEEN)]  # fmt: skip
        rows.append((
            s, f"{rms[0]:.2f}", f"{rms[1]:.2f}", f"{np.mean(pulls < NINETY):.2f}",
            f"{np.mean(pulls < wider * NINETY):.2f} (× {wider:.2f})",
            ", ".join(f"{factor(part):.2f}" for part in parts if len(part)),
        ))  # fmt: skip
    head = ("suite", "error", "in sd", "90 % holds", "widened holds", "factor by share seen")
    print(markdown(head, rows))
