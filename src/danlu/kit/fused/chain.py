"""Perceptrons as batched products, forwards and backwards, in memory that each step uses again.

A network that is a chain of linear layers, activations and dropout needs neither rules for batches
of models nor a tape: one batched product for each linear layer, and two on the way back, are all
there is to it. Half of the time of such small steps would go to asking for memory and recording
what was done; without that a step takes half as long as under vmap.

k: rows.  B: samples of a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from danlu.kit.dropout import Dropout
from danlu.kit.fused.networks import LossesOf, Views
from danlu.kit.models import TableModel
from danlu.kit.prepared import Tensors

ops: Any = torch.ops.aten


@dataclass(frozen=True)
class Bend:
    """An activation.

    Attributes:
        forward: (x, out) → its values, written to out.
        backward: (gradient, x, values) → the gradient by x, written over the given one.
        by_values: Whether the latter makes do with the values, so that they may stand in place
            of x.
    """

    forward: Callable[[Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]
    by_values: bool = True


BENDS: Mapping[type[nn.Module], Bend] = {
    nn.ReLU: Bend(
        lambda x, out: torch.clamp_min(x, 0.0, out=out),
        lambda g, _x, y: ops.threshold_backward.grad_input(g, y, 0.0, grad_input=g),
    ),
    nn.Tanh: Bend(
        lambda x, out: torch.tanh(x, out=out),
        lambda g, _x, y: ops.tanh_backward.grad_input(g, y, grad_input=g),
    ),
    nn.Sigmoid: Bend(
        lambda x, out: torch.sigmoid(x, out=out),
        lambda g, _x, y: ops.sigmoid_backward.grad_input(g, y, grad_input=g),
    ),
    nn.SiLU: Bend(
        lambda x, out: ops.silu.out(x, out=out),
        lambda g, x, _y: ops.silu_backward.grad_input(g, x, grad_input=g),
        by_values=False,
    ),
    nn.GELU: Bend(
        lambda x, out: ops.gelu.out(x, out=out),
        lambda g, x, _y: ops.gelu_backward.grad_input(g, x, grad_input=g),
        by_values=False,
    ),
}


class Layer(Protocol):
    """One layer of all rows; `backward` follows a `forward` of the same samples."""

    def forward(self, x: Tensor) -> Tensor: ...
    def backward(self, g: Tensor) -> Tensor: ...


@dataclass
class Affine:
    """A linear layer.

    Attributes:
        weight: (k, out, in), a view of the parameters.
        bias: (k, out), a view, or None.
        d_weight: Where the gradient by the weight goes, (k, out, in).
        d_bias: Where that by the bias goes.
        first: Whether nobody needs the gradient by its input.
        last: Whether it gives the outputs of the network, which are few: then it computes them
            turned, (k, out, B), which takes a third of the time.
    """

    weight: Tensor
    bias: Tensor | None
    d_weight: Tensor
    d_bias: Tensor | None
    first: bool
    last: bool

    def __post_init__(self) -> None:
        self._out, self._dx, self._dw = (self.weight.new_empty(0) for _ in range(3))
        self._turned = self.weight.transpose(1, 2)
        self._added = None if self.bias is None else self.bias[:, None]  # to each sample's outputs
        if self.last and self._added is not None:
            self._added = self._added.transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        self._x = x
        if self.last:
            out = _product(self._added, self.weight, x.transpose(1, 2), self._out)
            return out.transpose(1, 2)
        return _product(self._added, x, self._turned, self._out)

    def backward(self, g: Tensor) -> Tensor:
        turned = g.transpose(1, 2)
        if self.d_weight.is_contiguous():
            torch.bmm(turned, self._x, out=self.d_weight)
        else:  # by way of memory without gaps: else each row would be a call of its own
            self.d_weight.copy_(torch.bmm(turned, self._x, out=self._dw))
        if self.d_bias is not None:
            torch.sum(g, 1, out=self.d_bias)
        return g if self.first else torch.bmm(g, self.weight, out=self._dx)


def _product(bias: Tensor | None, a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    if bias is None:
        return torch.bmm(a, b, out=out)
    return torch.baddbmm(bias, a, b, out=out)


@dataclass
class Activation:
    """An elementwise function.

    Attributes:
        bend: Which one.
        like: Of the kind of numbers.
        over: Whether its values may be written over its input.
    """

    bend: Bend
    like: Tensor
    over: bool

    def __post_init__(self) -> None:
        self._y = self.like.new_empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self._x = x
        self._y = self.bend.forward(x, x if self.over else self._y)
        return self._y

    def backward(self, g: Tensor) -> Tensor:
        return self.bend.backward(g, self._x, self._y)


@dataclass
class Dropped:
    """A layer of dropout; its mask is given before each step, None for all ones.

    Attributes:
        like: Of the kind of numbers.
        over: Whether its values may be written over its input.
        mask: Of this step.
    """

    like: Tensor
    over: bool
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        self._out = self.like.new_empty(0)

    def forward(self, x: Tensor) -> Tensor:
        if self.mask is None:
            return x
        return x.mul_(self.mask) if self.over else torch.mul(x, self.mask, out=self._out)

    def backward(self, g: Tensor) -> Tensor:
        return g if self.mask is None else g.mul_(self.mask)


@dataclass
class Chain:
    """Perceptrons of one shape.

    Args:
        layers: Of the first one, with their names, first to last.
        p: Each parameter of all rows, (k, …).
        g: Where its gradient goes, (k, …).
    """

    layers: Sequence[tuple[str, nn.Module]]
    p: Views
    g: Views
    _by_size: dict[int, list[Layer]] = field(default_factory=dict)

    def gradients(self, x: Tensors, masks: Sequence[Tensor | None], losses_of: LossesOf) -> Tensor:
        layers = self._of(x)
        for one, mask in zip(_dropped(layers), masks, strict=True):
            one.mask = mask
        losses, g = losses_of(_through(layers, x))
        for layer in reversed(layers):
            g = layer.backward(g)
        return losses

    @torch.no_grad()
    def outputs(self, x: Tensors) -> Tensor:
        rows = len(next(iter(self.p.values())))
        wide = tuple(t.expand(rows, *t.shape) for t in x)
        layers = self._of(wide)
        for one in _dropped(layers):
            one.mask = None
        return _through(layers, wide).clone()

    def _of(self, x: Tensors) -> list[Layer]:
        """The layers with memory for as many samples."""
        size = x[0].shape[1]
        if size not in self._by_size:
            self._by_size[size] = [self._layer(i) for i in range(len(self.layers))]
        return self._by_size[size]

    def _layer(self, i: int) -> Layer:
        name, layer = self.layers[i]
        like = next(iter(self.p.values()))
        if isinstance(layer, nn.Linear):
            weight, bias = f"{name}.weight", f"{name}.bias"
            return Affine(
                self.p[weight], self.p.get(bias), self.g[weight], self.g.get(bias),
                i == 0, i == len(self.layers) - 1,
            )  # fmt: skip
        # What stands in memory that is written over must not be needed on the way back. Products
        # do not need what they gave; ReLU needs to know where it gave a positive number, and
        # gets no gradient where dropout made that a zero.
        before = type(self.layers[i - 1][1])
        if isinstance(layer, Dropout):
            return Dropped(like, before in (nn.Linear, nn.ReLU))
        bend = BENDS[type(layer)]
        return Activation(bend, like, before is nn.Linear and bend.by_values)


def _dropped(layers: Sequence[Layer]) -> list[Dropped]:
    return [layer for layer in layers if isinstance(layer, Dropped)]


def _through(layers: Sequence[Layer], x: Tensors) -> Tensor:
    (out,) = x
    for layer in layers:
        out = layer.forward(out)
    return out


def chained(model: nn.Module) -> list[tuple[str, nn.Module]] | None:
    """The layers of a model that is a chain, with their names; None if it is something else.

    It begins with a linear layer, and no layer or parameter is used twice.
    """
    body, prefix = model, ""
    if type(model) is TableModel and not model.embeddings:
        body, prefix = model.body, "body."
    if type(body) is not nn.Sequential:
        return None
    layers = [(f"{prefix}{name}", layer) for name, layer in body.named_children()]
    linear = [name for name, layer in layers if type(layer) is nn.Linear]
    own = sum(len(list(layer.parameters())) for _, layer in layers)
    once = len(layers) == len(body) and own == len(list(model.parameters()))
    known = all(type(layer) in (nn.Linear, Dropout, *BENDS) for _, layer in layers)
    plain = all(layer.approximate == "none" for _, layer in layers if type(layer) is nn.GELU)
    begins = linear[:1] == [layers[0][0]] if layers else False
    return layers if once and known and plain and begins else None
