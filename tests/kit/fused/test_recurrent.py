"""Recurrent layers of many models at once give outputs, states and gradients of torch's own."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from danlu.kit.fused.recurrent import batched, known

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("double")]

ROWS, SAMPLES, STEPS, WIDTH, UNITS = 3, 4, 5, 2, 6


def weighed(found: Any, by: Tensor) -> Tensor:
    """A number that depends on all outputs and on the last states."""
    out, state = found
    states = state if isinstance(state, tuple) else (state,)
    last = sum((i + 2) * (s[0] * by[:, 0]).sum() for i, s in enumerate(states))
    total: Tensor = (out * by).sum() + last
    return total


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_outputs_states_and_gradients_are_those_of_one_by_one(kind: Any, shared: bool) -> None:
    torch.manual_seed(0)
    layers = [kind(WIDTH, UNITS, batch_first=True) for _ in range(ROWS)]
    shape = (SAMPLES, STEPS, WIDTH)
    x = torch.randn(shape if shared else (ROWS, *shape), requires_grad=True)
    by = torch.randn(SAMPLES, STEPS, UNITS)
    params, _ = stack_module_state(layers)
    with batched([layers[0]]):
        told = vmap(
            lambda p, x: weighed(functional_call(layers[0], p, (x,)), by),
            in_dims=(0, None if shared else 0),
        )(params, x)
    found = torch.autograd.grad(told.sum(), [*params.values(), x])
    each = [weighed(layer(x if shared else x[i]), by) for i, layer in enumerate(layers)]
    assert torch.allclose(told, torch.stack(each), rtol=1e-12)
    torch.stack(each).sum().backward()
    for name, gradient in zip(params, found[:-1], strict=True):
        own = torch.stack([layer.get_parameter(name).grad for layer in layers])
        assert torch.allclose(gradient, own, rtol=1e-10, atol=1e-12), name
    assert x.grad is not None
    assert torch.allclose(found[-1], x.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_a_layer_that_is_given_a_state_is_left_to_torch(kind: Any) -> None:
    torch.manual_seed(0)
    layers = [kind(WIDTH, UNITS, batch_first=True) for _ in range(ROWS)]
    x, h = torch.randn(SAMPLES, STEPS, WIDTH), torch.randn(1, SAMPLES, UNITS)
    state = (h, h + 1.0) if kind is nn.LSTM else h
    params, _ = stack_module_state(layers)
    with batched([layers[0]]):
        told = vmap(lambda p: functional_call(layers[0], p, (x, state))[0])(params)
    assert torch.allclose(told, torch.stack([layer(x, state)[0] for layer in layers]), rtol=1e-12)


def test_a_layer_is_its_own_again_afterwards() -> None:
    layer = nn.GRU(WIDTH, UNITS, batch_first=True)
    with batched([layer]):
        assert "forward" in vars(layer)
    assert "forward" not in vars(layer)
    assert layer(torch.randn(1, 2, WIDTH))[0].shape == (1, 2, UNITS)


def test_other_layers_are_left_to_torch() -> None:
    assert known(nn.LSTM(2, 3, batch_first=True))
    for other in ({"num_layers": 2}, {"bidirectional": True}, {"bias": False}):
        assert not known(nn.GRU(2, 3, batch_first=True, **other))
    assert not known(nn.GRU(2, 3))
    assert not known(nn.LSTM(2, 3, batch_first=True, proj_size=2))
    assert not known(nn.RNN(2, 3, batch_first=True))
