"""Dropout whose masks come from a stream of the trial's own.

torch draws the masks of all `nn.Dropout` layers from one stream of the process. Here each trial
has its own, which begins anew with each epoch: the masks of a trial are then the same whether it
is trained alone or together with others, on a CPU or a GPU.

A mask is cut from raw 64-bit draws, 16 bits for each unit, and each mask begins with a new draw;
so a probability is rounded to a multiple of 2⁻¹⁶, and kept units are scaled by what is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

LEVELS = 1 << 16  # of a probability
PER_DRAW = 4  # units whose bits are cut from one draw
LOWEST = -(1 << 15)  # of the 16 bits, which torch takes as a signed number

Take: TypeAlias = Callable[["Dropout", Tensor], Tensor | None]


@dataclass
class Masks:
    """The stream of masks of one network.

    Attributes:
        generator: Of the trial, on the CPU whatever device trains.
        take: Gives the mask of a layer for an input, None for all ones; set to something else
            while trials are trained together.
    """

    generator: torch.Generator
    take: Take

    @classmethod
    def new(cls) -> "Masks":
        masks = cls(torch.Generator(), lambda _layer, _x: None)
        masks.take = masks.drawn
        return masks

    def drawn(self, layer: "Dropout", x: Tensor) -> Tensor | None:
        """The next mask of the stream, shaped like x: 0, or 1 / (1 - p)."""
        if not layer.p:
            return None
        bits = fill(torch.empty(draws(x.numel()), dtype=torch.int64), self.generator)
        bits = bits.view(torch.int16)[: x.numel()]
        kept = bits.view(x.shape).ge(threshold(layer.p)).to(x.dtype).mul_(scale(layer.p))
        return kept.to(x.device)


class Dropout(nn.Module):
    """Drops each unit with probability p in training, and scales the others by 1 / (1 - p).

    Args:
        p: In [0, 1).
        masks: Where the masks come from.
    """

    def __init__(self, p: float, masks: Masks) -> None:
        super().__init__()
        self.p = p
        self.masks = masks

    def forward(self, x: Tensor) -> Tensor:
        mask = self.masks.take(self, x) if self.training else None
        return x if mask is None else x * mask


def with_own_masks(model: nn.Module) -> Masks:
    """Replace all `nn.Dropout` layers of a model by ones with a stream of their own."""
    masks = Masks.new()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout and child.p < 1.0:
                setattr(module, name, Dropout(child.p, masks).train(child.training))
    return masks


def draws(units: int) -> int:
    """How many 64-bit draws a mask of some units takes."""
    return -(-units // PER_DRAW)


def fill(bits: Tensor, generator: torch.Generator) -> Tensor:
    """Fill (n,) int64 with draws of 64 bits each; so many at once or one by one are the same."""
    return bits.random_(-(2**63), None, generator=generator)


def threshold(p: float) -> int:
    """Units whose 16 bits are below are dropped."""
    return _dropped(p) + LOWEST


def scale(p: float) -> float:
    """By which kept units are multiplied."""
    return LEVELS / (LEVELS - _dropped(p))


def _dropped(p: float) -> int:
    return min(LEVELS - 1, round(p * LEVELS))
