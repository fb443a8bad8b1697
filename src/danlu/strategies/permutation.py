"""A pseudo-random order of 0 … size - 1 that needs no memory, whatever the size."""

import hashlib

ROUNDS = 4


def permuted(position: int, size: int, seed: int) -> int:
    """The number at ``position`` of the order that ``seed`` gives: a bijection on range(size).

    A Feistel network permutes the next power of four; numbers beyond ``size`` are sent through
    again until one falls inside (cycle walking: J. Black and P. Rogaway, 2002).
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    while True:
        position = _feistel(position, half, seed)
        if position < size:
            return position


def _feistel(x: int, half: int, seed: int) -> int:
    mask = (1 << half) - 1
    left, right = x >> half, x & mask
    for i in range(ROUNDS):
        digest = hashlib.blake2b(f"{seed}:{i}:{right}".encode(), digest_size=16).digest()
        left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
    return left << half | right
