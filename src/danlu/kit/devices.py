"""Where to train, and in which precision."""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from danlu.core.sentence import say
from danlu.errors import DataError

# Floating-point operations of a step from which on bfloat16 is expected to be quicker: some 10¹³
# of them take a GPU a second in float32, and the launches of a small step about a millisecond.
HEAVY = 1e10
WHOLE_STEP = 3  # passes: the backward one costs twice the forward one


def best_device() -> torch.device:
    """A CUDA GPU if there is one, else the CPU.

    Apple's GPUs are taken only when they are named: small networks gain little there, and nobody
    has measured it yet.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_device(name: str) -> None:
    """Whether a device of that name can be; no GPU is opened, for processes are forked later.

    Raises:
        DataError: If torch knows no such device, or was built without it.
    """
    if name == "auto":
        return
    try:
        kind = torch.device(name).type
    except RuntimeError:
        known = 'torch knows none of that name; common are "cpu", "cuda", "cuda:1" and "mps".'
        raise _refused(name, known) from None
    built = {"cuda": torch.backends.cuda.is_built(), "mps": torch.backends.mps.is_built()}
    if not built.get(kind, True):
        raise _refused(name, say("this torch was built without {kind}.", kind=kind))


def device_of(name: str) -> torch.device:
    """The device of that name, ``"auto"`` for the best one; asked in the process that trains.

    Raises:
        DataError: If there is none of that name.
    """
    if name == "auto":
        return best_device()
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise _refused(name, error) from None


def _refused(name: str, reason: object) -> DataError:
    told = reason if isinstance(reason, str) else str(reason).partition("\n")[0]
    return DataError(say("device = '{name}' cannot be used: {reason}", name=name, reason=told))


def gains_by_mixing(model: nn.Module, x: tuple[Tensor, ...]) -> bool:
    """Whether a network's training is expected to be quicker in mixed precision.

    Only on GPUs that compute in bfloat16 by themselves, which needs no scaling of the loss, and
    for steps of much arithmetic: to smaller ones the casts are but further launches.

    Args:
        model: On its device; is left in evaluation mode.
        x: The inputs of a batch, each (batch, …).
    """
    if x[0].device.type != "cuda" or not torch.cuda.is_bf16_supported(including_emulation=False):
        return False
    return WHOLE_STEP * operations(model, x) >= HEAVY


@torch.no_grad()
def operations(model: nn.Module, x: tuple[Tensor, ...]) -> int:
    """Floating-point operations of a forward pass, in evaluation mode: nothing is changed."""
    model.eval()
    with FlopCounterMode(display=False) as counter:
        model(*x)
    return int(counter.get_total_flops())


def precision(*, mixed: bool) -> Any:
    """The context of a training step."""
    return torch.autocast("cuda", torch.bfloat16) if mixed else nullcontext()
