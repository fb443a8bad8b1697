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


def clipped(G: Tensor, clip: Tensor) -> Tensor:
    """Scale rows of the gradient down to the norms in ``clip`` (0 = as they are), in place.

    Returns:
        Their norms before, (k,).
    """
    norms: Tensor = torch.linalg.vector_norm(G, dim=1, keepdim=True)
    factor = (clip / (norms + CLIP_EPS)).clamp_(max=1.0)
    G.mul_(factor.where(clip > 0, 1.0))
    return norms.squeeze(1)


def decayed(P: Tensor, G: Tensor, lr: Tensor, of: Columns, matrices: int) -> None:
    """L2 of the first ``matrices`` parameters: in the gradient, or as a shrinking of them."""
    p = P[:, :matrices]
    if bool((of["decay"] > 0).any()):
        G[:, :matrices].addcmul_(p, of["decay"])
    if bool((of["shrink"] > 0).any()):
        p.mul_(1.0 - lr * of["shrink"])


# The rules below write over G, since asking for memory costs more than computing.


def sgd(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    m.v.mul_(of["momentum"]).add_(G)
    ahead = G.addcmul_(m.v, of["momentum"])
    P.addcmul_(torch.where(of["nesterov"] > 0, ahead, m.v), -lr)


def adam(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    b1, b2 = of["beta1"], of["beta2"]
    m.v.lerp_(G, 1.0 - b1)
    m.w.lerp_(G.square_(), 1.0 - b2)
    below = torch.sqrt(m.w, out=G).div_(_correction(m, b2)).add_(of["eps"])
    rate = lr / (1.0 - b1.double() ** m.t).to(lr.dtype)
    P.addcdiv_(m.v * -rate, below)


def nadam(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    b1, b2, wide = of["beta1"], of["beta2"], of["beta1"].double()
    now = wide * (1.0 - 0.5 * 0.96 ** (m.t * NADAM_DECAY))
    after = wide * (1.0 - 0.5 * 0.96 ** ((m.t + 1.0) * NADAM_DECAY))
    m.mu.mul_(now)
    m.v.lerp_(G, 1.0 - b1)
    m.w.lerp_(G.square(), 1.0 - b2)
    below = m.w.div(_correction(m, b2) ** 2).sqrt_().add_(of["eps"])
    of_gradient = ((1.0 - now) / (1.0 - m.mu)).to(lr.dtype)
    of_average = (after / (1.0 - m.mu * after)).to(lr.dtype)
    P.addcdiv_(G.mul_(-lr * of_gradient), below).addcdiv_(m.v * (-lr * of_average), below)


def _correction(m: Moments, b2: Tensor) -> Tensor:
    return (1.0 - b2.double() ** m.t).sqrt_().to(m.v.dtype)


def rmsprop(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    below = G.square()
    m.v.lerp_(below, 1.0 - of["alpha"])
    torch.sqrt(m.v, out=below).add_(of["eps"])
    P.addcdiv_(G.mul_(-lr), below)


def adadelta(P: Tensor, G: Tensor, m: Moments, lr: Tensor, of: Columns) -> None:
    assert m.w is not None
    rho, eps = of["rho"], of["eps"]
    m.v.lerp_(G.square(), 1.0 - rho)
    delta = (m.w + eps).sqrt_().div_((m.v + eps).sqrt_()).mul_(G)
    P.addcmul_(delta, -lr)
    m.w.lerp_(delta.square_(), 1.0 - rho)


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
