"""What optimisers keep of the past, from and to torch's own, whose checkpoints it shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from danlu.kit.fused.blocks import Blocks, Layout, chosen, joined

# What torch calls the state of each of its optimisers, in the order of `v` and `w`.
STATE: Mapping[str, tuple[str, ...]] = {
    "SGD": ("momentum_buffer",),
    "Adam": ("exp_avg", "exp_avg_sq"),
    "AdamW": ("exp_avg", "exp_avg_sq"),
    "NAdam": ("exp_avg", "exp_avg_sq"),
    "RMSprop": ("square_avg",),
    "Adadelta": ("square_avg", "acc_delta"),
    "Adagrad": ("sum",),
}
KINDS = tuple(STATE)


def kind_of(optimizer: Optimizer) -> str:
    return type(optimizer).__name__


@dataclass
class Moments:
    """What the optimisers of some rows keep.

    Attributes:
        v: First state, shaped like the parameters.
        w: Second state; None if no row has one.
        t: Steps taken, (k, 1), float64.
        mu: NAdam's product of momenta, (k, 1), float64.
    """

    v: Blocks
    w: Blocks | None
    t: Tensor
    mu: Tensor

    def rows(self, rows: Tensor | slice) -> "Moments":
        """Of some of the rows; a slice shares their memory."""
        w = None if self.w is None else chosen(self.w, rows)
        return Moments(chosen(self.v, rows), w, self.t[rows], self.mu[rows])

    @classmethod
    def joined(cls, of: Sequence["Moments"]) -> "Moments":
        """Those of several, one after another."""
        w = None
        if any(m.w is not None for m in of):
            w = joined([[torch.zeros_like(v) for v in m.v] if m.w is None else m.w for m in of])
        t, mu = torch.cat([m.t for m in of]), torch.cat([m.mu for m in of])
        return cls(joined([m.v for m in of]), w, t, mu)


def read_state(optimizer: Optimizer, trained: Mapping[str, Tensor], layout: Layout) -> Moments:
    """The state of one optimiser as a single row; zeros before its first step."""
    kept: Any = {name: optimizer.state[p] for name, p in trained.items()}
    v, *w = (_flat(kept, name, trained, layout) for name in STATE[kind_of(optimizer)])
    first, device = next(iter(kept.values())), next(iter(trained.values())).device
    t, mu = (_number(first, name, start) for name, start in (("step", 0.0), ("mu_product", 1.0)))
    return Moments(v, w[0] if w else None, t.to(device), mu.to(device))


def _flat(
    kept: Mapping[str, Mapping[str, Tensor]], name: str, trained: Mapping[str, Tensor],
    layout: Layout,
) -> Blocks:  # fmt: skip
    begun = all(name in state for state in kept.values())
    values = {n: kept[n][name] if begun else torch.zeros_like(p) for n, p in trained.items()}
    return layout.flat(values)


def _number(state: Mapping[str, Any], name: str, start: float) -> Tensor:
    return torch.full((1, 1), float(state.get(name, start)), dtype=torch.float64)


def write_state(
    optimizer: Optimizer, trained: Mapping[str, Tensor], row: Moments, layout: Layout
) -> None:
    """Give an optimiser the state in a single row, as if it had taken the steps itself."""
    kind = kind_of(optimizer)
    if kind == "SGD" and not optimizer.param_groups[0]["momentum"]:
        return
    for name, blocks in zip(STATE[kind], (row.v, row.w), strict=False):
        assert blocks is not None
        views = layout.views(blocks)
        for n, p in trained.items():
            optimizer.state[p][name] = views[n][0].clone()
    for p in trained.values() if kind != "SGD" else ():
        optimizer.state[p]["step"] = torch.tensor(float(row.t))
        if kind == "NAdam":
            optimizer.state[p]["mu_product"] = torch.tensor(float(row.mu))
