"""Which samples: the split into training and validation, and nested fractions of the former.

All of it is decided by hashes of (seed, sample), so that it is the same on every machine and in
every trial, and a smaller fraction is always part of a larger one: what a trial saw at 10 % of
the data it sees again at 30 %, and differences between fractions come from the added samples.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

DECILES = 10  # strata of a target that is a number
FEWEST_OF_CLASS = 20  # samples of each class that a fraction keeps, if there are as many
BATCHES_OF_CLASS = 2  # and enough of each class for so many batches
MOST_VALIDATION = 5_000  # samples; beyond, the standard error of an accuracy is below 0.005


def hashes(keys: npt.NDArray[Any], seed: int) -> npt.NDArray[np.uint64]:
    """A hash of each key, (n,): splitmix64's finaliser (Steele et al. 2014) of key and seed."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(seed % 2**64) * np.uint64(0xD1B54A32D192ED03)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        return z ^ (z >> np.uint64(31))


def strata(y: npt.NDArray[Any], *, regression: bool) -> Indices:
    """The stratum of each sample, (n,): its class, or the decile of its target."""
    if not regression:
        return y.astype(np.int64)
    edges = np.quantile(y, np.linspace(0, 1, DECILES + 1)[1:-1])
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def split(
    stratum: Indices, share: float, seed: int, groups: npt.NDArray[Any] | None = None
) -> tuple[Indices, Indices]:
    """Training and validation samples, every stratum in both as far as it has two samples.

    Args:
        stratum: Of each sample, (n,).
        share: Of validation, in (0, 1).
        seed: The same seed gives the same split.
        groups: (n,); samples of one group stay together, which comes before the strata's shares.
    """
    if groups is not None:
        val = _whole_groups(stratum, share, seed, groups)
    else:
        order = np.argsort(hashes(np.arange(len(stratum)), seed), kind="stable")
        val = np.zeros(len(stratum), dtype=bool)
        for c in np.unique(stratum):
            own = order[stratum[order] == c]
            wanted = min(len(own) - 1, max(1, round(share * len(own))))
            val[own[:wanted]] = True
    return np.flatnonzero(~val), np.flatnonzero(val)


def _whole_groups(
    stratum: Indices, share: float, seed: int, groups: npt.NDArray[Any]
) -> npt.NDArray[np.bool_]:
    """Groups for validation, in the order of their hashes, while they bring the share nearer."""
    _, group = np.unique(groups.astype(str), return_inverse=True)
    _, code = np.unique(stratum, return_inverse=True)
    counts = np.zeros((group.max() + 1, code.max() + 1))
    np.add.at(counts, (group, code), 1)
    wanted, have = share * counts.sum(0), np.zeros(counts.shape[1])
    chosen = np.zeros(len(counts), dtype=bool)
    for g in np.argsort(hashes(np.arange(len(counts)), seed), kind="stable"):
        if np.abs(have + counts[g] - wanted).sum() < np.abs(have - wanted).sum():
            chosen[g], have = True, have + counts[g]
    if not chosen.any():  # a single group is more than the share: the smallest one it is
        chosen[counts.sum(1).argmin()] = True
    return chosen[group]


def fraction(
    stratum: Indices,
    share: float,
    seed: int,
    batch_size: int = 1,
    groups: npt.NDArray[Any] | None = None,
) -> Indices:
    """The samples of a share of the data: nested in the share, stratified, by hash.

    Each stratum c keeps max(m, ⌈share · n_c⌉) of its n_c samples, m = min(n_c, max(20, 2 · batch /
    strata)), so that a small fraction still holds some of a rare class.

    Args:
        stratum: Of each training sample, (n,).
        share: In (0, 1].
        seed: Of the subset, not of the trial.
        batch_size: Of the trial.
        groups: (n,); groups come in whole.

    Returns:
        Sorted positions in ``stratum``.
    """
    if share >= 1.0:
        return np.arange(len(stratum))
    kinds, code, counts = np.unique(stratum, return_inverse=True, return_counts=True)
    floor = max(FEWEST_OF_CLASS, math.ceil(BATCHES_OF_CLASS * batch_size / len(kinds)))
    wanted = np.maximum(np.minimum(counts, floor), np.ceil(share * counts).astype(np.int64))
    if groups is not None:
        return _group_fraction(code, wanted, seed, groups)
    order = np.argsort(hashes(np.arange(len(stratum)), seed), kind="stable")
    kept = [order[code[order] == c][: wanted[c]] for c in range(len(kinds))]
    return np.sort(np.concatenate(kept))


def _group_fraction(
    code: Indices, wanted: Indices, seed: int, groups: npt.NDArray[Any]
) -> Indices:
    """As many whole groups, in the order of their hashes, as fill every stratum."""
    _, group = np.unique(groups.astype(str), return_inverse=True)
    rank = np.empty(group.max() + 1, dtype=np.int64)
    rank[np.argsort(hashes(np.arange(len(rank)), seed), kind="stable")] = np.arange(len(rank))
    ranks = rank[group]
    last = max(np.sort(ranks[code == c])[w - 1] for c, w in enumerate(wanted))
    return np.flatnonzero(ranks <= last)
