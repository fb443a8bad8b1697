"""Recurrent layers of many models at once, step by step through time, as batched products.

torch's rule for batches of models takes a recurrent layer apart into some fifteen operations a
step, which pass through several layers of dispatch and leave a tape; what follows needs six, and
sums the gradient by the weights up over all steps in one product.

k: rows.  B: samples.  L: steps.  w: width of the input.  H: units.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vjp

ops: Any = torch.ops.aten


def known(layer: nn.Module) -> bool:
    """Whether it is a layer of the kind that is taken here: one way, samples first."""
    if not isinstance(layer, nn.GRU | nn.LSTM) or type(layer) not in (nn.GRU, nn.LSTM):
        return False  # one of a user's own may compute otherwise
    one_way = layer.num_layers == 1 and not layer.bidirectional
    return one_way and layer.batch_first and layer.bias and not layer.proj_size


@contextmanager
def batched(layers: Sequence[nn.Module]) -> Iterator[None]:
    """Let layers compute as below while they are called under `vmap`."""
    for layer in layers:
        layer.forward = _forward(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def apart(call: Callable[[Any], Any], x: Any) -> Any:
    """What a call gives by torch's rule.

    Only where a gradient may be asked for does torch take a recurrent layer apart into operations
    that have rules for batches of models.
    """
    return vjp(call, x)[0]


def _forward(layer: Any) -> Any:
    def forward(x: Tensor, state: Any = None) -> Any:
        if state is not None:
            return apart(lambda x: type(layer).forward(layer, x, state), x)
        weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
        out, *last = applied(_Layer, type(layer) is nn.LSTM, x, *weights)
        last = [each[None] for each in last]
        return out, tuple(last) if len(last) > 1 else last[0]

    return forward


class _Layer(torch.autograd.Function):
    """A layer under `vmap`; its gradient is that of the operations of its rule."""

    @staticmethod
    def forward(lstm: bool, x: Tensor, *weights: Tensor) -> Any:
        raise NotImplementedError("layers compute so under vmap only")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

    @staticmethod
    def vmap(info: Any, in_dims: Any, lstm: bool, *tensors: Tensor) -> Any:
        x, *weights = (
            t.expand(info.batch_size, *t.shape) if at is None else t.movedim(at, 0)
            for t, at in zip(tensors, in_dims[1:], strict=True)
        )
        found = (_lstm if lstm else _gru)(x, *weights)
        return found, (0,) * len(found)


def applied(function: type[torch.autograd.Function], *inputs: Any) -> Any:
    """What a function gives, with its own gradient."""
    return function.apply(*inputs)


def _given(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What the inputs (k, B, L, w) add to the gates of each step, (k, L, B, gates)."""
    k, samples, steps, width = x.shape
    flat = x.transpose(1, 2).reshape(k, steps * samples, width)
    gates = torch.baddbmm(bias[:, None], flat, weight.transpose(1, 2))
    return gates.view(k, steps, samples, -1)


def _gru(x: Tensor, w_in: Tensor, w: Tensor, b_in: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Outputs (k, B, L, H) and the last state (k, B, H): Cho et al. 2014, as torch has it."""
    told: Tensor = applied(_Gru, _given(x, w_in, b_in), w, b)
    return told.transpose(1, 2), told[:, -1]


def _lstm(x: Tensor, w_in: Tensor, w: Tensor, b_in: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Outputs (k, B, L, H), last state and last cell (k, B, H): Hochreiter & Schmidhuber 1997."""
    told, cell = applied(_Lstm, _given(x, w_in, b_in + b), w)
    return told.transpose(1, 2), told[:, -1], cell


class _Gru(torch.autograd.Function):
    """All steps, of gates in torch's order: reset r, keep z, new n.

    h' = z h + (1 - z) n,  n = tanh(given + r s),  s = W h + b: the states of the new gate.
    """

    @staticmethod
    def forward(ctx: Any, given: Tensor, w: Tensor, b: Tensor) -> Tensor:
        k, steps, samples, _ = given.shape
        units, turned = w.shape[2], w.transpose(1, 2)
        told, news, states = (given.new_empty(k, steps, samples, units) for _ in range(3))
        gates = given.new_empty(k, steps, samples, 2 * units)
        h, own = given.new_zeros(k, samples, units), given.new_empty(0)
        for t in range(steps):
            own = torch.baddbmm(b[:, None], h, turned, out=own)
            of_gates, of_new = given[:, t].split((2 * units, units), dim=2)
            both = torch.add(of_gates, own[..., : 2 * units], out=gates[:, t]).sigmoid_()
            states[:, t] = own[..., 2 * units :]
            r, z = both.chunk(2, dim=2)
            n = torch.addcmul(of_new, r, states[:, t], out=news[:, t]).tanh_()
            h = torch.lerp(n, h, z, out=told[:, t])
        ctx.save_for_backward(w, told, gates, news, states)
        return told

    @staticmethod
    def backward(ctx: Any, of_told: Tensor) -> Any:
        w, told, gates, news, states = ctx.saved_tensors
        units = w.shape[2]
        before = _before(told)
        by_own = told.new_empty(*told.shape[:3], 3 * units)
        by_new = torch.empty_like(told)  # of the new gate as given, which r does not touch
        dh = torch.zeros_like(told[:, 0])
        for t in reversed(range(told.shape[1])):
            r, z = gates[:, t].chunk(2, dim=2)
            dh.add_(of_told[:, t])
            less = torch.addcmul(dh, dh, z, value=-1)
            dn = ops.tanh_backward.grad_input(less, news[:, t], grad_input=by_new[:, t])
            by_gates, by_state = by_own[:, t].split((2 * units, units), dim=2)
            torch.mul(dn, states[:, t], out=by_gates[..., :units])
            torch.mul(before[:, t] - news[:, t], dh, out=by_gates[..., units:])
            ops.sigmoid_backward.grad_input(by_gates, gates[:, t], grad_input=by_gates)
            torch.mul(dn, r, out=by_state)
            dh = torch.baddbmm(dh.mul_(z), by_own[:, t], w)
        by_w, by_b = _by_weights(by_own, before), by_own.sum((1, 2))
        by_own[..., 2 * units :] = by_new
        return by_own, by_w, by_b


class _Lstm(torch.autograd.Function):
    """All steps, of gates in torch's order: take i, keep f, new g, tell o.

    c' = f c + i g,  h' = o tanh(c').
    """

    @staticmethod
    def forward(ctx: Any, given: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        k, steps, samples, _ = given.shape
        units, turned = w.shape[2], w.transpose(1, 2)
        told, cells, bent = (given.new_empty(k, steps, samples, units) for _ in range(3))
        gates = given.new_empty(k, steps, samples, 4 * units)
        h = c = given.new_zeros(k, samples, units)
        for t in range(steps):
            own = gates[:, t]
            own.copy_(torch.baddbmm(given[:, t], h, turned))
            own[..., : 2 * units].sigmoid_()
            i, f, g, o = own.split(units, dim=2)
            c = torch.mul(f, c, out=cells[:, t]).addcmul_(i, g.tanh_())
            h = torch.mul(o.sigmoid_(), torch.tanh(c, out=bent[:, t]), out=told[:, t])
        ctx.save_for_backward(w, told, gates, cells, bent)
        return told, c.clone()

    @staticmethod
    def backward(ctx: Any, of_told: Tensor, of_cell: Tensor) -> Any:
        w, told, gates, cells, bent = ctx.saved_tensors
        units = w.shape[2]
        before, by_gates = _before(cells), torch.empty_like(gates)
        dh, dc = torch.zeros_like(of_cell), of_cell.clone()
        for t in reversed(range(told.shape[1])):
            i, f, g, o = gates[:, t].split(units, dim=2)
            by_i, by_f, by_g, by_o = by_gates[:, t].split(units, dim=2)
            dh = dh + of_told[:, t]
            dc.add_(ops.tanh_backward(dh * o, bent[:, t]))
            torch.mul(dc, g, out=by_i)
            torch.mul(dc, before[:, t], out=by_f)
            torch.mul(dh, bent[:, t], out=by_o)
            ops.tanh_backward.grad_input(dc * i, g, grad_input=by_g)
            for by, gate in (
                (by_gates[:, t, :, : 2 * units], gates[:, t, :, : 2 * units]),
                (by_o, o),
            ):
                ops.sigmoid_backward.grad_input(by, gate, grad_input=by)
            dh = torch.bmm(by_gates[:, t], w)
            dc.mul_(f)
        return by_gates, _by_weights(by_gates, _before(told))


def _before(states: Tensor) -> Tensor:
    """The states (k, L, B, H) one step earlier; zeros before the first one."""
    return torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)


def _by_weights(by_gates: Tensor, before: Tensor) -> Tensor:
    """The gradient by the weights of the states, (k, gates, H), of all steps at once."""
    return torch.bmm(by_gates.flatten(1, 2).transpose(1, 2), before.flatten(1, 2))
