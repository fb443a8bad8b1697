"""torch's optimisers for many trials at once, on one matrix of parameters.

P, G: parameters and gradients, (k, n): a row for each trial.  v, w: what an optimiser keeps of
the past, (k, n).  Every hyperparameter is a column (k, 1).  t: steps taken, (k, 1).

Each rule is that of `torch.optim` with the arguments that `danlu.kit.optimisers` gives; the papers
are named there. The state goes from and to torch's own optimisers, whose checkpoints it shares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer

NADAM_DECAY = 4e-3  # torch's momentum_decay
CLIP_EPS = 1e-6  # that torch adds to the norm

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
COLUMNS = ("momentum", "nesterov", "beta1", "beta2", "eps", "alpha", "rho", "decay", "shrink")

Columns: TypeAlias = Mapping[str, Tensor]


def kind_of(optimizer: Optimizer) -> str:
    return type(optimizer).__name__


@dataclass
class Moments:
    """What the optimisers of some rows keep.

    Attributes:
        v: First state, (k, n).
        w: Second state, (k, n); None if no row has one.
        t: Steps taken, (k, 1), float64.
        mu: NAdam's product of momenta, (k, 1), float64.
    """

    v: Tensor
    w: Tensor | None
    t: Tensor
    mu: Tensor

    def rows(self, rows: Tensor | slice) -> "Moments":
        """Of some of the rows; a slice shares their memory."""
        w = None if self.w is None else self.w[rows]
        return Moments(self.v[rows], w, self.t[rows], self.mu[rows])


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
        matrices: Of the n parameters of a row, how many from the first on have L2.
    """

    def __init__(
        self, P: Tensor, G: Tensor, moments: Moments, of: Sequence[tuple[Optimizer, float]],
        matrices: int,
    ) -> None:  # fmt: skip
        self._P, self._G, self._t, self._matrices = P, G, moments.t, matrices
        rows = [columns_of(*one) for one in of]
        self._columns = {
            name: torch.tensor([[row[name]] for row in rows], dtype=P.dtype, device=P.device)
            for name in rows[0]
        }
        self._used = {name for name in rows[0] if any(row[name] for row in rows)}
        self._kinds = [
            (RULES[kind], at, P[at], G[at], moments.rows(at), self._columns_of(at))
            for kind, at in _slices([kind_of(optimizer) for optimizer, _ in of])
        ]

    def _columns_of(self, rows: slice) -> dict[str, Tensor]:
        """The hyperparameters of some rows, and what follows from them at every step alike.

        To compute a column costs as much as to compute a matrix: it is the call that counts.
        """
        own = {name: column[rows] for name, column in self._columns.items()}
        new = {f"new {name}": 1.0 - own[name] for name in ("beta1", "beta2", "alpha", "rho")}
        wide = {f"wide {name}": own[name].double() for name in ("beta1", "beta2")}
        if not bool(own["nesterov"].any()):
            own.pop("nesterov")
        return own | new | wide

    def step(self, lr: Tensor) -> Tensor:
        """Move all rows by their gradients.

        Args:
            lr: Of each row, (k, 1).

        Returns:
            The norms of their gradients before clipping, (k,).
        """
        norms: Tensor = torch.linalg.vector_norm(self._G, dim=1, keepdim=True)
        if "clip" in self._used:
            self._clip(norms)
        self._t.add_(1.0)
        self._decay(lr)
        for rule, rows, P, G, moments, of in self._kinds:
            rule(P, G, moments, lr[rows], of)
        return norms.squeeze(1)

    def _clip(self, norms: Tensor) -> None:
        """Scale gradients down to the norms in ``clip``; 0 leaves them as they are."""
        clip = self._columns["clip"]
        factor = (clip / (norms + CLIP_EPS)).clamp_(max=1.0)
        self._G.mul_(factor.where(clip > 0, 1.0))

    def _decay(self, lr: Tensor) -> None:
        """L2: in the gradient, or as a shrinking of the parameters."""
        p = self._P[:, : self._matrices]
        if "decay" in self._used:
            self._G[:, : self._matrices].addcmul_(p, self._columns["decay"])
        if "shrink" in self._used:
            p.mul_(1.0 - lr * self._columns["shrink"])


def _slices(kinds: Sequence[str]) -> list[tuple[str, slice]]:
    """Where each kind stands in a sorted list."""
    found = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
    return [(kind, slice(at, at + kinds.count(kind))) for kind, at in found.items()]


# The rules below write over G, since asking for memory costs more than computing.


def sgd(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    m.v.mul_(of["momentum"]).add_(G)
    if "nesterov" not in of:
        P.addcmul_(m.v, -lr)
        return
    ahead = G.addcmul_(m.v, of["momentum"])
    P.addcmul_(torch.where(of["nesterov"] > 0, ahead, m.v), -lr)


def adam(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    m.v.lerp_(G, of["new beta1"])
    m.w.lerp_(G.square_(), of["new beta2"])
    below = torch.sqrt(m.w, out=G).div_(_correction(m, of)).add_(of["eps"])
    rate = lr / (of["wide beta1"] ** m.t - 1.0).to(lr.dtype)
    P.addcdiv_(m.v * rate, below)


def nadam(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    wide = of["wide beta1"]
    now = wide * (1.0 - 0.5 * 0.96 ** (m.t * NADAM_DECAY))
    after = wide * (1.0 - 0.5 * 0.96 ** ((m.t + 1.0) * NADAM_DECAY))
    m.mu.mul_(now)
    m.v.lerp_(G, of["new beta1"])
    m.w.lerp_(G.square(), of["new beta2"])
    below = m.w.div(_correction(m, of) ** 2).sqrt_().add_(of["eps"])
    of_gradient = ((1.0 - now) / (1.0 - m.mu)).to(lr.dtype)
    of_average = (after / (1.0 - m.mu * after)).to(lr.dtype)
    P.addcdiv_(G.mul_(-lr * of_gradient), below).addcdiv_(m.v * (-lr * of_average), below)


def _correction(m: Moments, of: Columns) -> Tensor:
    return (1.0 - of["wide beta2"] ** m.t).sqrt_().to(m.v.dtype)


def rmsprop(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    below = G.square()
    m.v.lerp_(below, of["new alpha"])
    torch.sqrt(m.v, out=below).add_(of["eps"])
    P.addcdiv_(G.mul_(-lr), below)


def adadelta(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    new, eps = of["new rho"], of["eps"]
    m.v.lerp_(G.square(), new)
    delta = (m.w + eps).sqrt_().div_((m.v + eps).sqrt_()).mul_(G)
    P.addcmul_(delta, -lr)
    m.w.lerp_(delta.square_(), new)


def adagrad(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    m.v.addcmul_(G, G)
    P.addcdiv_(G.mul_(-lr), m.v.sqrt().add_(of["eps"]))


Rule: TypeAlias = Callable[[Tensor, Tensor, Moments, Tensor, Columns], None]
RULES: Mapping[str, Rule] = {
    "SGD": sgd, "Adam": adam, "AdamW": adam, "NAdam": nadam, "RMSprop": rmsprop,
    "Adadelta": adadelta, "Adagrad": adagrad,
}  # fmt: skip


# ---- from and to torch's own optimisers


def read_state(optimizer: Optimizer, parameters: Sequence[Tensor], n: int) -> Moments:
    """The state of one optimiser as a single row; zeros before its first step."""
    names = STATE[kind_of(optimizer)]
    kept: Any = [optimizer.state[p] for p in parameters]
    like = parameters[0]
    v, w = (_flat(kept, names[i], n, like) if i < len(names) else None for i in (0, 1))
    t, mu = (_number(kept, name, start) for name, start in (("step", 0.0), ("mu_product", 1.0)))
    assert v is not None
    device = like.device
    return Moments(v, w, t.to(device), mu.to(device))


def _flat(kept: Sequence[Mapping[str, Tensor]], name: str, n: int, like: Tensor) -> Tensor:
    if not kept or name not in kept[0]:
        return torch.zeros(1, n, dtype=like.dtype, device=like.device)
    return torch.cat([state[name].flatten() for state in kept])[None]


def _number(kept: Sequence[Mapping[str, Tensor]], name: str, start: float) -> Tensor:
    value = float(kept[0][name]) if kept and name in kept[0] else start
    return torch.full((1, 1), value, dtype=torch.float64)


def write_state(optimizer: Optimizer, parameters: Sequence[Tensor], row: Moments) -> None:
    """Give an optimiser the state in a single row, as if it had taken the steps itself."""
    kind = kind_of(optimizer)
    if kind == "SGD" and not optimizer.param_groups[0]["momentum"]:
        return
    sizes = [p.numel() for p in parameters]
    flat = [row.v, row.w][: len(STATE[kind])]
    for name, values in zip(STATE[kind], flat, strict=True):
        assert values is not None
        for p, part in zip(parameters, values[0].split(sizes), strict=True):
            optimizer.state[p][name] = part.view(p.shape).clone()
    for p in parameters if kind != "SGD" else ():
        optimizer.state[p]["step"] = torch.tensor(float(row.t))
        if kind == "NAdam":
            optimizer.state[p]["mu_product"] = torch.tensor(float(row.mu))
