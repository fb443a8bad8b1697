"""What a parameter is, by its name or its own role."""

import pytest

from danlu.catalogue.roles import role_of
from danlu.core.parameter import Float


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("lr", "lr"), ("learning_rate", "lr"), ("optimizer.lr", "lr"), ("init_lr", "lr"),
        ("lr_decay", "lr decay"), ("lr_schedule", "lr schedule"), ("weight_decay", "weight decay"),
        ("dropout_1", "dropout"), ("n_units_2", "width"), ("num_layers", "layers"),
        ("batch_size", "batch size"), ("beta1", "beta1"), ("foo", None), ("x1", None),
    ],
)  # fmt: skip
def test_roles_are_found_from_names(name: str, role: str | None) -> None:
    assert role_of(name, Float(0.1, 0.9)) == role


def test_a_given_role_wins_over_the_name() -> None:
    assert role_of("foo", Float(0.1, 0.9, role="lr")) == "lr"
