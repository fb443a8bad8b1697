"""Batches that are too large for the memory: their gradient as the sum of smaller ones'.

The effective batch stays: each piece counts by its share of the batch, in samples or, with class
weights, in their weight. Only batch normalisation sees the pieces, as its statistics are theirs.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from danlu.kit.imbalance import class_weights
from danlu.kit.params import Params
from danlu.kit.prepared import Part

FEWEST = 2  # samples of a piece: batch normalisation knows no variance of one


class Split(Protocol):
    """What knows into how many pieces a batch is split."""

    pieces: int


def pieces_of(
    batch: Tensor, pieces: int, part: Part, params: Params
) -> Iterator[tuple[Tensor, float]]:
    """The pieces of a batch, (b,) each, and the share of each in the batch's mean loss."""
    if pieces == 1:
        yield batch, 1.0
        return
    weighted = params.class_weights and not part.regression
    weights = class_weights(part.y, part.shape.outputs) if weighted else None
    mass = torch.ones(len(batch)) if weights is None else weights[part.y[batch]]
    parts = min(pieces, len(batch) // FEWEST) or 1
    for piece, masses in zip(batch.tensor_split(parts), mass.tensor_split(parts), strict=True):
        yield piece, float(masses.sum() / mass.sum())


def with_memory(split: Split, size: int, take: Callable[[], Tensor]) -> Tensor:
    """Do what may want more memory than there is; then again, with twice as many pieces.

    Raises:
        RuntimeError: If it wants too much with the smallest pieces of ``size`` samples, too.
    """
    while True:
        try:
            return take()
        except RuntimeError as error:
            if not _wants_memory(error) or size < 2 * FEWEST * split.pieces:
                raise
            split.pieces *= 2
            sys.stderr.write(
                f"danlu: there is too little memory for a batch of {size}: its gradient is taken "
                f"in {split.pieces} pieces from now on.\n"
            )


def _wants_memory(error: RuntimeError) -> bool:
    """Whether torch could not get memory, on a GPU or (by its text) on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
