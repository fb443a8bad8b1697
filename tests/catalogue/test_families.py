"""Ready spaces hang together, and take what a person puts in their place."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

import danlu
from danlu.catalogue.families import space
from danlu.catalogue.roles import catalogue, known, role_of
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.errors import SpaceError
from danlu.kit.params import Params

FAMILIES = sorted(catalogue()["families"])
families = st.sampled_from(FAMILIES)


@given(families, st.data())
def test_every_point_of_a_family_is_a_config_of_it(family: str, data: st.DataObject) -> None:
    made = space(family)
    point = data.draw(st.fixed_dictionaries({name: st.floats(0.0, 1.0) for name in made}))
    config = made.from_unit(point)
    assert made.check(config) == config


@pytest.mark.parametrize("family", FAMILIES)
def test_the_role_in_a_family_is_the_one_that_its_name_tells(family: str) -> None:
    made = space(family)
    for name in made.free:
        assert made[name].role == role_of(name, Choice(1))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_kit_takes_the_names_and_values_of_every_family(family: str) -> None:
    made = space(family)
    for name, p in made.parameters.items():
        assert name.startswith("lr_") or name in {f.name for f in fields(Params)}
        if isinstance(p, Choice) and name in Params.CHOICES:
            assert set(p.values) <= set(Params.CHOICES[name])


@pytest.mark.parametrize("role", catalogue()["roles"])
def test_what_is_known_of_a_role_agrees_with_itself(role: str) -> None:
    for kind in (None, *catalogue()["roles"][role].get("optimizers", ())):
        found = known(role, kind)
        if found.range is None:
            continue
        low, high = found.range
        assert low < high
        if found.limits:
            assert found.limits[0] <= low < high <= found.limits[1]
        if isinstance(found.default, int | float):
            assert low <= found.default <= high or found.default == 0.0
        if found.scale == "log":
            assert low > 0


@pytest.mark.parametrize("role", catalogue()["roles"])
def test_conditions_name_roles_and_kinds_that_there_are(role: str) -> None:
    for parent, values in known(role).when.items():
        if parent == "optimizer":
            assert set(values) <= set(catalogue()["optimizers"])
        else:
            assert set(values) <= set(known(parent).choices)


def test_each_optimizer_has_a_learning_rate_of_its_own() -> None:
    made = danlu.space("mlp", optimizer=Choice("sgd", "rmsprop"))
    assert "lr" not in made
    assert made["lr_sgd"].when == {"optimizer": ("sgd",)}
    assert made["lr_rmsprop"].when == {"optimizer": ("rmsprop",)}
    assert made["lr_sgd"].middle() == 0.05
    assert made["lr_rmsprop"].middle() == 0.001


def test_a_single_optimizer_needs_no_condition() -> None:
    assert space("mlp", optimizer="sgd")["lr"].when == {}
    assert space("mlp", optimizer="sgd")["momentum"].when == {}


def test_momentum_is_left_out_where_no_optimizer_has_it() -> None:
    assert "momentum" not in space("mlp", optimizer="adamw")


def test_one_learning_rate_for_all_is_possible_when_asked_for() -> None:
    made = space("mlp", lr=Float(1e-4, 0.1, log=True))
    assert [name for name in made if name.startswith("lr")] == ["lr"]


def test_further_parameters_are_added() -> None:
    assert space("cnn", mixup=Float(0.0, 0.4))["mixup"] == Float(0.0, 0.4)


@pytest.mark.parametrize(("layers", "there"), [(0, False), (1, True), (Int(1, 2), True)])
def test_units_exist_only_with_a_hidden_layer(layers: int | Int, there: bool) -> None:
    assert ("units" in space("text", layers=layers)) == there


def test_units_of_a_text_model_exist_for_any_depth_but_none() -> None:
    made = space("text")
    assert not made.active("units", {"layers": 0})
    assert made.active("units", {"layers": 1})


def test_an_unknown_family_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpaceError, match=r"known are mlp, .*Did you mean 'rnn'"):
        space("rn")


def test_an_optimizer_must_be_named() -> None:
    with pytest.raises(SpaceError, match="optimizer: the name"):
        space("mlp", optimizer=Float(0.0, 1.0))


def test_a_family_is_a_space() -> None:
    assert isinstance(space("finetune"), Space)
