"""Any networks of one shape as one batched model, by torch's own rules for batches of models."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from danlu.kit.devices import precision
from danlu.kit.dropout import Masks
from danlu.kit.fused import recurrent
from danlu.kit.fused.networks import LossesOf, Views
from danlu.kit.prepared import Tensors


class Batched:
    """Networks under `vmap`.

    Args:
        model: Of one row; its own tensors are not used.
        masks: Its stream of dropout, which gives the masks of all rows meanwhile.
        p: Each parameter of all rows, (k, …).
        g: Where its gradient goes, (k, …).
        buffers: All other tensors of all rows, (k, …), which training moves in place.
        mixed: Whether gradients are taken in mixed precision.
    """

    def __init__(
        self, model: nn.Module, masks: Masks, p: Views, g: Views, buffers: Views, *, mixed: bool
    ) -> None:
        self._model, self._masks = model, masks
        self._p = {name: values.requires_grad_() for name, values in p.items()}
        self._g = list(g.values())
        self._buffers, self._mixed = buffers, mixed
        self._recurrent = [m for m in model.modules() if recurrent.known(m)]
        others = [m for m in model.modules() if isinstance(m, nn.RNNBase)]
        self._apart = len(others) > len(self._recurrent)

    def gradients(self, x: Tensors, masks: Sequence[Tensor | None], losses_of: LossesOf) -> Tensor:
        out = self._trained(x, masks)
        losses, by_outputs = losses_of(out.detach())
        found = torch.autograd.grad(out, list(self._p.values()), by_outputs.to(out.dtype))
        torch._foreach_copy_(self._g, found)
        return losses

    def _trained(self, x: Tensors, masks: Sequence[Tensor | None]) -> Tensor:
        """The outputs in training mode, (k, B, outputs)."""
        self._model.train()
        flags = [m is not None for m in masks]

        def one(p: Views, b: Views, m: list[Tensor], x: Tensors) -> Any:
            given, needed = iter(m), iter(flags)
            self._masks.take = lambda _layer, _x: next(given) if next(needed) else None
            return self._forward(p, b, x)

        kept = self._masks.take
        try:
            with precision(mixed=self._mixed), recurrent.batched(self._recurrent):
                out: Tensor = vmap(one)(
                    self._p, self._buffers, [m for m in masks if m is not None], x
                )
        finally:
            self._masks.take = kept
        return out

    @torch.no_grad()
    def outputs(self, x: Tensors) -> Tensor:
        self._model.eval()
        with recurrent.batched(self._recurrent):
            out: Tensor = vmap(self._forward, in_dims=(0, 0, None))(self._p, self._buffers, x)
        return out

    def _forward(self, p: Mapping[str, Tensor], b: Mapping[str, Tensor], x: Tensors) -> Any:
        """The outputs of the model with the tensors of one row."""
        if not self._apart:
            return functional_call(self._model, {**p, **b}, x)
        return recurrent.apart(lambda p: functional_call(self._model, {**p, **b}, x), p)
