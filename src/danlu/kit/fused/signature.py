"""Which trials can train together: those whose networks differ in numbers of tensors only.

A batched model is one Python object for all its trials. Whatever that object holds besides
tensors is the same for all of them, so every such attribute belongs to the signature; a float
that differs between trials would otherwise be taken from the first one for all, without a word.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from danlu.kit.dropout import Dropout, Masks
from danlu.kit.fused.row import Row

TENSORS = ("_parameters", "_buffers", "_modules")
LIFTED: Mapping[type, tuple[str, ...]] = {Dropout: ("p",)}  # attributes that are given per trial
# What torch sets up by itself from the rest.
OWN = ("_flat_weights", "_flat_weight_refs", "_non_persistent_buffers_set")
PLAIN = (int, float, complex, bool, str, bytes, type(None), torch.Size, torch.dtype, torch.device)


def signature(row: Row) -> Hashable:
    """Equal for two rows if and only if they can be trained together."""
    part, params = row.setup.part, row.setup.params
    row.begun.model.train()  # as in a step: a module tells in which mode it is
    told = (id(part), str(part.y.device), params.batch_size, params.oversample)
    return told, tuple(_module(row.begun.model))


def _module(model: nn.Module) -> Iterator[Hashable]:
    for name, module in model.named_modules():
        tensors = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        yield name, type(module), tuple(_tensor(n, t) for n, t in tensors)
        yield tuple(sorted(_attributes(module)))


def _tensor(name: str, tensor: torch.Tensor) -> Hashable:
    return name, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad


def _attributes(module: nn.Module) -> Iterable[tuple[str, str]]:
    left_out = (*TENSORS, *OWN, *LIFTED.get(type(module), ()))
    for name, value in vars(module).items():
        if name not in left_out:
            yield name, _told(value)


def _told(value: Any) -> str:
    """A value as a text that is equal for equal values; other objects equal themselves only."""
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, Masks):
        return "masks"
    if isinstance(value, list | tuple | set | frozenset):
        return f"{type(value).__name__}({', '.join(map(_told, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_told(k)}: {_told(v)}' for k, v in value.items())}}}"
    return f"{type(value).__qualname__} {id(value)}"  # functions of a module are one object


def hooked(model: nn.Module) -> str:
    """The first module that has hooks, which may do anything; empty without one."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    for name, module in model.named_modules():
        if any(getattr(module, kind) for kind in kinds):
            return name or type(module).__name__
    return ""
