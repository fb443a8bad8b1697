"""torch's optimisers for many trials at once.

P, G: a block of parameters and of their gradients, (k, n): a row for each trial.  v, w: what an
optimiser keeps of the past, (k, n).  Hyperparameters are columns (k, 1).  t: steps taken, (k, 1).

Each rule is that of `torch.optim` with the arguments that `danlu.kit.optimisers` gives; the papers
are named there. What differs from step to step but not from number to number, such as Adam's
corrections, is computed for an epoch at once. Rows are moved some at a time, block by block, so
that what a rule has in hand stays in a cache between its operations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer

from danlu.kit.fused.blocks import Blocks, Layout
from danlu.kit.fused.moments import Moments, kind_of

NADAM_DECAY = 4e-3  # torch's momentum_decay
CLIP_EPS = 1e-6  # that torch adds to the norm
AT_ONCE = 1 << 16  # numbers of a block that a rule has in hand, of four or five tensors

Columns: TypeAlias = Mapping[str, Tensor]


def columns_of(optimizer: Optimizer, clip: float) -> dict[str, float]:
    """The hyperparameters of an optimiser made by the kit, one number for each column."""
    group = max(optimizer.param_groups, key=lambda g: g["params"][0].ndim)
    matrices = group["params"][0].ndim > 1
    decoupled = kind_of(optimizer) == "AdamW"
    decay = group["weight_decay"] if matrices else 0.0
    beta1, beta2 = group.get("betas", (0.0, 0.0))
    return {
        "momentum": group.get("momentum", 0.0), "nesterov": float(group.get("nesterov", False)),
        "beta1": beta1, "beta2": beta2, "eps": group.get("eps", 0.0),
        "alpha": group.get("alpha", 0.0), "rho": group.get("rho", 0.0),
        "decay": 0.0 if decoupled else decay,
        "shrink": decay if decoupled else group["shrink"], "clip": clip,
    }  # fmt: skip


class Optimisers:
    """The optimisers of all rows, each kind at work on its own rows.

    Args:
        P: Parameters, which are moved in place.
        G: Their gradients, which are written over.
        moments: What the optimisers keep; moved in place.
        of: Each row's optimiser and largest norm of the gradient, sorted by kind.
        layout: Of the blocks.
    """

    def __init__(
        self, P: Blocks, G: Blocks, moments: Moments, of: Sequence[tuple[Optimizer, float]],
        layout: Layout,
    ) -> None:  # fmt: skip
        self._G, self._t = G, moments.t
        rows = [columns_of(*one) for one in of]
        wide = {
            name: torch.tensor(
                [[row[name]] for row in rows], dtype=torch.float64, device=P[0].device
            )
            for name in rows[0]
        }
        self._clip = wide["clip"].to(P[0]) if any(row["clip"] for row in rows) else None
        # Elsewhere than on a CPU it is the number of calls that counts.
        on_cpu = P[0].device.type == "cpu"
        most = max(1, AT_ONCE // max(block.n for block in layout.blocks)) if on_cpu else len(of)
        self._parties = [
            Party(
                kind, at, _pieces(P, G, moments.rows(at), at, layout),
                {name: column[at] for name, column in wide.items()}, moments.mu[at],
            )
            for kind, at in _slices([kind_of(optimizer) for optimizer, _ in of], most)
        ]  # fmt: skip

    def begin(self, lr: Tensor) -> None:
        """Prepare the next steps.

        Args:
            lr: Of each row in each of them, (k, steps).
        """
        t = self._t + torch.arange(1, lr.shape[1] + 1, dtype=self._t.dtype, device=lr.device)
        for party in self._parties:
            party.begin(t[party.at], lr[party.at].to(t.dtype))

    def norms(self) -> Tensor:
        """Of the gradients, (k,)."""
        of_blocks = [torch.linalg.vector_norm(g, dim=1, keepdim=True) for g in self._G]
        found: Tensor = torch.linalg.vector_norm(torch.cat(of_blocks, dim=1), dim=1)
        return found

    def step(self, i: int, norms: Tensor) -> None:
        """Move all rows by their gradients, in the step i of those that were begun.

        Args:
            i: Counted from 0.
            norms: Of the gradients, (k,).
        """
        if self._clip is not None:
            factor = (self._clip / (norms[:, None] + CLIP_EPS)).clamp_(max=1.0)
            for g in self._G:
                g.mul_(factor.where(self._clip > 0, 1.0))  # 0 leaves them as they are
        self._t.add_(1.0)
        for party in self._parties:
            party.move(i)


def _slices(kinds: Sequence[str], most: int) -> list[tuple[str, slice]]:
    """Where the rows of each kind stand in a sorted list, at most so many at a time."""
    found = []
    for kind in dict.fromkeys(kinds):
        first, n = kinds.index(kind), kinds.count(kind)
        parts = -(-n // most)
        ends = [first + n * i // parts for i in range(parts + 1)]
        found += [(kind, slice(a, b)) for a, b in pairwise(ends)]
    return found


@dataclass
class Piece:
    """A block of some rows.

    Attributes:
        P, G, v, w: As above; w is None if no row of the stack has one.
        decayed: How many of a row's numbers have L2: the first ones.
    """

    P: Tensor
    G: Tensor
    v: Tensor
    w: Tensor | None
    decayed: int


def _pieces(P: Blocks, G: Blocks, moments: Moments, rows: slice, layout: Layout) -> list[Piece]:
    """The blocks of some rows, whose moments are given."""
    seconds: Sequence[Tensor | None] = moments.w or [None] * len(P)
    return [
        Piece(p[rows], g[rows], v, w, block.decayed)
        for p, g, v, w, block in zip(P, G, moments.v, seconds, layout.blocks, strict=True)
    ]


@dataclass
class Party:
    """Rows with one kind of optimiser that are moved together.

    Attributes:
        kind: What torch calls it.
        at: Where the rows stand.
        pieces: Their blocks.
        of: Their hyperparameters, and NAdam's product of momenta as ``mu``, (k, 1), float64.
        mu: The same where it is kept.
    """

    kind: str
    at: slice
    pieces: Sequence[Piece]
    of: Columns
    mu: Tensor

    def __post_init__(self) -> None:
        like = self.pieces[0].P
        new = {f"new {name}": 1.0 - self.of[name] for name in ("beta1", "beta2", "alpha", "rho")}
        self._own = {name: column.to(like) for name, column in {**self.of, **new}.items()}
        if not bool(self.of["nesterov"].any()):
            self._own.pop("nesterov")
        self._decays = bool(self.of["decay"].any())
        self._shrinks = bool(self.of["shrink"].any())

    def begin(self, t: Tensor, lr: Tensor) -> None:
        """Plan steps: t and lr of each, (k, steps), float64."""
        plan, self._rule = RULES[self.kind]
        columns = plan(t, lr, {**self.of, "mu": self.mu})
        self._mus = columns.pop("mu", None)
        shrink = 1.0 - lr * self.of["shrink"]
        planned = torch.stack([*columns.values(), shrink])  # (columns, k, steps)
        self._names = list(columns)
        self._planned = planned.permute(2, 0, 1)[..., None].to(self.pieces[0].P)

    def move(self, i: int) -> None:
        """Take the step i of the planned ones."""
        *columns, shrink = self._planned[i].unbind(0)
        now = self._own | dict(zip(self._names, columns, strict=True))
        for piece in self.pieces:
            if self._decays and piece.decayed:
                p = piece.P[:, : piece.decayed]
                piece.G[:, : piece.decayed].addcmul_(p, now["decay"])
            if self._shrinks and piece.decayed:
                piece.P[:, : piece.decayed].mul_(shrink)
            self._rule(piece, now)
        if self._mus is not None:
            self.mu.copy_(self._mus[:, i : i + 1])


# Each kind has two functions. The first one gives what a step needs besides hyperparameters, for
# all steps that come, (k, steps): ``rate``, minus the learning rate with all factors of a row, and
# an ``eps`` where it takes part in one. The second one takes a step; it writes over G, since
# asking for memory costs more than computing.


def plain(_t: Tensor, lr: Tensor, _of: Columns) -> dict[str, Tensor]:
    return {"rate": -lr}


def sgd(of: Piece, now: Columns) -> None:
    torch.addcmul(of.G, of.v, now["momentum"], out=of.v)
    if "nesterov" not in now:
        of.P.addcmul_(of.v, now["rate"])
        return
    ahead = of.G.addcmul_(of.v, now["momentum"])
    of.P.addcmul_(torch.where(now["nesterov"] > 0, ahead, of.v), now["rate"])


def corrected(t: Tensor, lr: Tensor, of: Columns) -> dict[str, Tensor]:
    """Adam's corrections c of w, as a factor of all of w's root + eps: (√w / c + eps) c."""
    c = (1.0 - of["beta2"] ** t).sqrt_()
    return {"rate": -lr * c / (1.0 - of["beta1"] ** t), "eps": of["eps"] * c}


def adam(of: Piece, now: Columns) -> None:
    assert of.w is not None
    of.v.lerp_(of.G, now["new beta1"])
    of.w.lerp_(of.G.square_(), now["new beta2"])
    below = torch.sqrt(of.w, out=of.G).add_(now["eps"])
    of.P.addcmul_(torch.div(of.v, below, out=below), now["rate"])


def ahead(t: Tensor, lr: Tensor, of: Columns) -> dict[str, Tensor]:
    """NAdam's: Adam's for two terms, of the gradient and of its average."""
    c = (1.0 - of["beta2"] ** t).sqrt_()
    now, after = (of["beta1"] * (1.0 - 0.5 * 0.96 ** (s * NADAM_DECAY)) for s in (t, t + 1.0))
    mu = of["mu"] * now.cumprod(1)
    return {
        "rate": -lr * c * (1.0 - now) / (1.0 - mu),
        "rate of average": -lr * c * after / (1.0 - mu * after),
        "eps": of["eps"] * c,
        "mu": mu,
    }


def nadam(of: Piece, now: Columns) -> None:
    assert of.w is not None
    of.v.lerp_(of.G, now["new beta1"])
    of.w.lerp_(of.G.square(), now["new beta2"])
    below = of.w.sqrt().add_(now["eps"])
    of.P.addcdiv_(of.G.mul_(now["rate"]), below)
    of.P.addcdiv_(of.v * now["rate of average"], below)


def rmsprop(of: Piece, now: Columns) -> None:
    below = of.G.square()
    of.v.lerp_(below, now["new alpha"])
    torch.sqrt(of.v, out=below).add_(now["eps"])
    of.P.addcmul_(of.G.div_(below), now["rate"])


def adadelta(of: Piece, now: Columns) -> None:
    assert of.w is not None
    new, eps = now["new rho"], now["eps"]
    of.v.lerp_(of.G.square(), new)
    delta = (of.w + eps).sqrt_().div_((of.v + eps).sqrt_()).mul_(of.G)
    of.P.addcmul_(delta, now["rate"])
    of.w.lerp_(delta.square_(), new)


def adagrad(of: Piece, now: Columns) -> None:
    of.v.addcmul_(of.G, of.G)
    of.P.addcdiv_(of.G.mul_(now["rate"]), of.v.sqrt().add_(now["eps"]))


Plan: TypeAlias = Callable[[Tensor, Tensor, Columns], dict[str, Tensor]]
Rule: TypeAlias = Callable[[Piece, Columns], None]
RULES: Mapping[str, tuple[Plan, Rule]] = {
    "SGD": (plain, sgd), "Adam": (corrected, adam), "AdamW": (corrected, adam),
    "NAdam": (ahead, nadam), "RMSprop": (plain, rmsprop), "Adadelta": (plain, adadelta),
    "Adagrad": (plain, adagrad),
}  # fmt: skip
