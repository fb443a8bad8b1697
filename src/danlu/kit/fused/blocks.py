"""How what the rows learn lies in memory: in blocks, each of all rows and in one piece.

A large matrix of the network is a block of its own: a batched product can then leave its
gradient where the optimiser reads it, and what an optimiser has in hand at a time fits into a
cache. What is small shares one block, since a call costs as much as some thousand numbers.

k: rows.  n: numbers of a block for each row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import torch
from torch import Tensor

LARGE = 1 << 11  # numbers from which on a matrix is a block of its own

Blocks: TypeAlias = list[Tensor]  # parameters, gradients or moments of all rows: each (k, n)


@dataclass(frozen=True)
class Block:
    """Some of a network's parameters.

    Attributes:
        shapes: Of each of them for one row, by name.
        decayed: How many of the n numbers have L2: the first ones.
    """

    shapes: Mapping[str, torch.Size]
    decayed: int

    @classmethod
    def of(cls, names: Sequence[str], trained: Mapping[str, Tensor]) -> "Block":
        decayed = sum(trained[name].numel() for name in names if trained[name].ndim > 1)
        return cls({name: trained[name].shape for name in names}, decayed)

    @property
    def n(self) -> int:
        return sum(shape.numel() for shape in self.shapes.values())

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Each parameter of all rows, (k, …), in the memory of ``flat``, (k, n)."""
        ends = accumulate(shape.numel() for shape in self.shapes.values())
        return {
            name: flat[:, end - shape.numel() : end].view(len(flat), *shape).detach()
            for (name, shape), end in zip(self.shapes.items(), ends, strict=True)
        }


@dataclass(frozen=True)
class Layout:
    """The blocks of a network.

    Attributes:
        names: Of its parameters, in its own order.
        blocks: The large ones, and one of all that is small if there is anything.
    """

    names: tuple[str, ...]
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, trained: Mapping[str, Tensor]) -> "Layout":
        """The layout for a row's parameters, by name."""
        large = [n for n, p in trained.items() if p.ndim > 1 and p.numel() >= LARGE]
        # Those with L2 first: one call then acts on all of them.
        small = sorted((n for n in trained if n not in large), key=lambda n: trained[n].ndim <= 1)
        found = [*([name] for name in large), *([small] if small else [])]
        return cls(tuple(trained), tuple(Block.of(names, trained) for names in found))

    def flat(self, values: Mapping[str, Tensor]) -> Blocks:
        """One row's numbers, each (1, n)."""
        return [
            torch.cat([values[name].detach().flatten() for name in block.shapes])[None]
            for block in self.blocks
        ]

    def views(self, blocks: Blocks) -> dict[str, Tensor]:
        """Each parameter of all rows, (k, …), in the memory of the blocks."""
        found: dict[str, Tensor] = {}
        for block, flat in zip(self.blocks, blocks, strict=True):
            found |= block.views(flat)
        return {name: found[name] for name in self.names}


def chosen(blocks: Blocks, rows: Tensor | slice) -> Blocks:
    """Some of the rows; a slice shares their memory."""
    return [flat[rows] for flat in blocks]


def joined(of: Sequence[Blocks]) -> Blocks:
    """The rows of several, one after another."""
    return [torch.cat(parts) for parts in zip(*of, strict=True)]
