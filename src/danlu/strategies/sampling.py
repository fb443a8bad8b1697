"""Draws from a space: independent uniform ones, and a scrambled Halton sequence.

Each draw is a function of the study's seed and a number, uniform on every parameter's own scale.
"""

import random
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

from danlu.core.parameter import Value
from danlu.core.space import Space

Sampler: TypeAlias = Callable[[Space, int, int], dict[str, Value]]

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47,
          53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113)  # fmt: skip
RESOLUTION = 2.0**-32  # digits below it change no value that a person could tell apart


def random_config(space: Space, seed: int, number: int) -> dict[str, Value]:
    """An independent uniform draw."""
    rng = random.Random(f"{seed}:{number}")
    return space.from_unit({name: rng.random() for name in space})


def quasi_random_config(space: Space, seed: int, number: int) -> dict[str, Value]:
    """Point ``number`` of a scrambled Halton sequence: spread more evenly than random draws.

    Good for up to 30 varying parameters, the number of its bases; further ones are random.
    """
    rng = random.Random(f"{seed}:{number}")
    free = {name: i for i, name in enumerate(space.free) if i < len(PRIMES)}
    point = {
        name: halton(PRIMES[free[name]], seed, number) if name in free else rng.random()
        for name in space
    }
    return space.from_unit(point)


def halton(base: int, seed: int, index: int) -> float:
    """Coordinate of point ``index`` in one base, in [0, 1), its digits permuted at random.

    Each digit has its own permutation, which breaks the correlation between large bases and
    keeps the equal spread (A. Owen, "A randomized Halton algorithm in R", 2017).
    """
    u, weight = 0.0, 1.0
    for permutation in _permutations(base, seed):
        weight /= base
        index, digit = divmod(index, base)
        u += permutation[digit] * weight
    return u


@lru_cache(maxsize=256)
def _permutations(base: int, seed: int) -> tuple[tuple[int, ...], ...]:
    """One permutation of the digits 0 … base - 1 for each digit of a coordinate."""
    rng = random.Random(f"halton:{seed}:{base}")
    digits, weight = [], 1.0
    while weight > RESOLUTION:
        weight /= base
        digits.append(tuple(rng.sample(range(base), base)))
    return tuple(digits)


SAMPLERS: Mapping[str, Sampler] = {
    "random": random_config,
    "quasi-random": quasi_random_config,
}
