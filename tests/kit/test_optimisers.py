"""L2 in its conventions, torch's optimisers, and clipping."""

import re
from typing import Any

import pytest
import torch
from torch import nn

from danlu import Choice, Float, Space
from danlu.errors import ConfigError
from danlu.kit.optimisers import clip_gradient, l2_of, optimiser
from danlu.kit.params import DEFAULT_LR, OPTIMIZERS, Params, space_problems

pytestmark = pytest.mark.torch


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def stepped(config: dict[str, object], n: int = 100) -> torch.Tensor:
    """The weights after one step on a constant gradient."""
    model = network()
    made = optimiser(model.parameters(), Params.of({"lr": 0.1, "momentum": 0.0, **config}), n)
    model(torch.ones(1, 3)).sum().backward()
    made.step()
    return model.weight.detach()


def test_l2_of_the_summed_loss_is_divided_by_the_training_samples() -> None:
    summed = stepped({"optimizer": "sgd", "l2": 5.0}, n=100)
    assert torch.equal(summed, stepped({"optimizer": "sgd", "l2": 0.05, "l2_convention": "mean"}))
    assert torch.equal(summed, stepped({"optimizer": "sgd", "weight_decay": 0.05}))
    assert not torch.equal(summed, stepped({"optimizer": "sgd", "l2": 5.0}, n=50))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_decoupled_decay_shrinks_the_weights_by_lr_times_lambda(optimizer: str) -> None:
    plain = stepped({"optimizer": optimizer, "weight_decay": 0.0})
    decayed = stepped({"optimizer": optimizer, "l2": 0.5, "l2_convention": "decoupled"})
    moved = plain - network().weight
    assert torch.allclose(decayed, network().weight * (1 - 0.1 * 0.5) + moved, atol=1e-6)


KNOBS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.7, "nesterov": True},
    "adam": {"betas": (0.8, 0.95), "eps": 1e-5},
    "adamw": {"betas": (0.8, 0.95), "eps": 1e-5},
    "nadam": {"betas": (0.8, 0.95), "eps": 1e-5},
    "rmsprop": {"alpha": 0.9, "eps": 1e-5},
    "adadelta": {"rho": 0.8},
    "adagrad": {},
}
GIVEN = {
    "momentum": 0.7, "nesterov": True, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5, "alpha": 0.9,
    "rho": 0.8,
}  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_is_set_to_its_params_and_its_own_learning_rate(optimizer: str) -> None:
    config = {**GIVEN, "optimizer": optimizer, "lr": 0.5, f"lr_{optimizer}": 0.02}
    (group, *_) = optimiser(network().parameters(), Params.of(config), 100).param_groups
    wanted = {"lr": 0.02, **KNOBS[optimizer]}
    assert {name: group[name] for name in wanted} == wanted


def test_adam_with_mean_l2_is_no_weight_decay() -> None:
    mean = stepped({"optimizer": "adam", "l2": 0.5, "l2_convention": "mean"})
    decoupled = stepped({"optimizer": "adam", "l2": 0.5, "l2_convention": "decoupled"})
    assert not torch.allclose(mean, decoupled)


def test_adamw_takes_every_convention_as_decoupled() -> None:
    for convention, l2 in (("sum", 50.0), ("mean", 0.5), ("decoupled", 0.5)):
        params = Params.of({"optimizer": "adamw", "l2": l2, "l2_convention": convention})
        assert l2_of(params, 100) == (0.5, True)


def test_biases_and_norms_are_not_decayed() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    made = optimiser(model.parameters(), Params.of({"weight_decay": 0.1}), 10)
    groups = {g["weight_decay"]: [p.ndim for p in g["params"]] for g in made.param_groups}
    assert groups == {0.1: [2, 2], 0.0: [1, 1, 1, 1]}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_config_that_says_nothing_gets_the_usual_rate(optimizer: str) -> None:
    assert Params.of({"optimizer": optimizer}).lr == DEFAULT_LR[optimizer]
    own = {"optimizer": optimizer, f"lr_{optimizer}": 0.123, "lr_other": 9.0}
    assert Params.of(own).lr == 0.123


def test_the_gradient_is_scaled_to_the_limit_and_its_norm_told() -> None:
    model = network()
    (100 * model(torch.ones(1, 3)).sum()).backward()
    before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    norm = clip_gradient(model, 2.0)
    after = [p.grad for p in model.parameters() if p.grad is not None]
    assert norm == pytest.approx(torch.cat([g.flatten() for g in before]).norm().item())
    assert torch.cat([g.flatten() for g in after]).norm().item() == pytest.approx(2.0, rel=1e-4)
    assert clip_gradient(model, 0.0) == pytest.approx(2.0, rel=1e-4)  # 0: told, not scaled


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"optimizer": "adma"}, "optimizer must be one of sgd, adam"),
        ({"dropout": 1.5}, r"dropout must lie in \[0.0, 0.999\], but is 1.5"),
        ({"l2": 1.0, "weight_decay": 0.1}, "two conventions"),
        ({"optimizer": "sgd", "momentum": 0.0, "nesterov": True}, "nesterov needs momentum"),
    ],
)
def test_params_that_cannot_be_are_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Params.of(config)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ({"bach_size": 8}, "no parameter 'bach_size'. Did you mean 'batch_size'?"),
        ({"optimizer": Choice("adam", "adma")}, "optimizer must be one of sgd, .*but is 'adma'"),
        ({"dropout": Float(0.0, 1.5)}, r"dropout must lie in \[0.0, 0.999\], but is 1.5"),
        ({"lr_sgd": Float(-1.0, 1.0)}, "lr_sgd must lie in .* but is -1.0"),
        ({"units": Float(8.0, 64.0)}, "units takes whole numbers only: say int = true"),
        ({"layers": Choice(1, 2.5)}, "layers must be a whole number, but is 2.5"),
        ({"nesterov": Choice(0, 1)}, "nesterov must be true or false, but is 0"),
        ({"lr": "fast"}, "lr must be a number, but is 'fast'"),
    ],
)
def test_what_the_kit_cannot_take_is_told_of_a_space(parameter: Any, words: str) -> None:
    [(name, problem)] = space_problems(Space(lr_adam=0.1, **parameter).parameters)
    assert name in parameter
    assert re.search(words, problem)


def test_a_network_of_the_users_own_takes_what_it_likes() -> None:
    own = Space(units="wide", depth=3, activation="elu", lr=-1.0)
    assert [name for name, _ in space_problems(own.parameters, own_network=True)] == ["lr"]
    params = Params.of({"units": "wide", "activation": "elu", "lr": 0.5}, own_network=True)
    assert (params.units, params.activation, params.lr) == (Params.units, "relu", 0.5)


@pytest.mark.parametrize("family", ["mlp", "cnn", "rnn", "text"])
def test_the_catalogue_names_only_what_the_kit_takes(family: str) -> None:
    import danlu

    space = danlu.space(family)
    assert not list(space_problems(space.parameters))
    assert Params.of(space.default()).problem() is None
