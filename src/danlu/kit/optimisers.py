"""torch's optimisers, set to a trial's params; L2 in each of its conventions.

SGD with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013), Adagrad (Duchi et al. 2011),
Adadelta (Zeiler 2012), RMSprop (Tieleman & Hinton 2012), Adam (Kingma & Ba 2015), NAdam (Dozat
2016), AdamW (Loshchilov & Hutter 2019).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from danlu.kit.params import Params


def optimiser(parameters: Iterable[nn.Parameter], params: Params, n_train: int) -> Optimizer:
    """The optimiser of a trial, with no L2 on biases and normalisation layers.

    Args:
        parameters: Of the model.
        params: The trial's.
        n_train: Training samples of this trial, by which L2 of the summed loss is divided: it so
            stays right when the share of the data grows.
    """
    decay, decoupled = l2_of(params, n_train)
    inside = 0.0 if decoupled and params.optimizer != "adamw" else decay
    trained = [p for p in parameters if p.requires_grad]
    matrices, vectors = ([p for p in trained if (p.ndim > 1) is big] for big in (True, False))
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": inside, "shrink": decay - inside},
        {"params": vectors, "weight_decay": 0.0, "shrink": 0.0},
    ]
    made = _make(params, [group for group in groups if group["params"]])
    if decay > inside:
        made.register_step_pre_hook(_shrink)
    return made


def l2_of(params: Params, n_train: int) -> tuple[float, bool]:
    """L2 as a coefficient of the mean loss, and whether it is decoupled from the gradient.

    A summed loss Σ ℓ + λ/2 ‖w‖², divided by n, is the mean loss + λ/n/2 ‖w‖². AdamW knows
    decoupled decay only, since inside Adam's gradient L2 is rescaled by the second moment
    (Loshchilov & Hutter 2019).
    """
    adamw = params.optimizer == "adamw"
    if params.l2 is None:
        return params.weight_decay, adamw
    if params.l2_convention == "sum":
        return params.l2 / n_train, adamw
    return params.l2, adamw or params.l2_convention == "decoupled"


def _make(params: Params, groups: list[dict[str, Any]]) -> Optimizer:
    lr, betas = params.lr, (params.beta1, params.beta2)
    # One kernel for a whole step: seven times as quick on the embedding of a vocabulary.
    devices = {p.device.type for group in groups for p in group["params"]}
    fused = devices <= {"cpu", "cuda"}
    match params.optimizer:
        case "sgd":
            return torch.optim.SGD(
                groups, lr, momentum=params.momentum, nesterov=params.nesterov, fused=fused
            )
        case "adam":
            return torch.optim.Adam(groups, lr, betas, params.eps, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr, betas, params.eps, fused=fused)
        case "nadam":
            return torch.optim.NAdam(groups, lr, betas, params.eps)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr, params.alpha, params.eps)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr, params.rho)
        case _:
            return torch.optim.Adagrad(groups, lr, fused=devices == {"cpu"})


@torch.no_grad()
def _shrink(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
    """Decoupled decay for an optimiser that has none of its own: w ← w · (1 - lr · λ)."""
    for group in optimizer.param_groups:
        if group["shrink"]:
            factor = 1.0 - float(group["lr"]) * group["shrink"]
            for p in group["params"]:
                p.mul_(factor)


def clip_gradient(model: nn.Module, limit: float) -> torch.Tensor:
    """Scale the gradient down to a norm of at most ``limit`` (0 = as it is).

    Returns:
        Its norm before, a tensor without axes.
    """
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    if limit:
        nn.utils.clip_grads_with_norm_(model.parameters(), limit, norm)
    return norm
