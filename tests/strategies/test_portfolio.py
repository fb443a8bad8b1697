"""Configs that did well on other tasks are tried where they mean something."""

import pytest
from tests.strategies.simulate import run

from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space
from danlu.strategies.encoding import encode
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.portfolio import Entry, learned, portfolio

ENTRY = Entry(
    frozenset({"lr", "momentum"}),
    {"lr": 0.05, "momentum": 0.95, "dropout": 0.1},
    {"optimizer": "sgd"},
)
LR = Float(1e-4, 1.0, log=True)
MOMENTUM = Float(0.0, 0.99)


def configs(entry: Entry, **parameters: Parameter) -> list[dict[str, object]]:
    encoding = encode(Space(parameters))
    return [dict(encoding.config(w)) for w in portfolio(encoding, [entry])]


def test_values_are_taken_by_role_and_the_others_are_the_default() -> None:
    (config,) = configs(
        ENTRY, learning_rate=LR, momentum=MOMENTUM, drop_rate=Float(0.0, 0.8),
        optimizer=Choice("adam", "sgd"), batch_size=Choice(16, 32, 64, default=32),
    )  # fmt: skip
    assert config["learning_rate"] == pytest.approx(0.05, rel=1e-4)
    assert config["momentum"] == pytest.approx(0.95, rel=1e-4)
    assert config["drop_rate"] == pytest.approx(0.1, rel=1e-4)
    assert (config["optimizer"], config["batch_size"]) == ("sgd", 32)


def test_another_kind_of_training_has_none() -> None:
    assert configs(ENTRY, lr=LR, dropout=Float(0.0, 0.8)) == []  # no momentum
    assert configs(ENTRY, x=LR, y=MOMENTUM) == []  # names that tell nothing
    space = {"lr": LR, "momentum": MOMENTUM, "dropout": Float(0.0, 0.8)}
    assert configs(ENTRY, **space, optimizer=Choice("adam", "rmsprop")) == []
    assert len(configs(ENTRY, **space)) == 1


def test_a_parameter_in_other_units_takes_no_value() -> None:
    entry = Entry(frozenset({"lr", "momentum"}), {"lr": 0.05, "momentum": 0.95})
    assert configs(entry, lr=Int(0, 9), momentum=Int(0, 9)) == []
    most = Entry(entry.needs, {**entry.values, "dropout": 0.1, "width": 300})
    space = {"lr": LR, "momentum": MOMENTUM, "dropout": Float(0.0, 0.8)}
    (config,) = configs(most, **space, units=Int(0, 9, default=4))
    assert config["units"] == 4


def test_a_growing_list_of_numbers_takes_the_nearest() -> None:
    entry = Entry(frozenset({"lr"}), {"lr": 0.05, "batch size": 100})
    (config,) = configs(entry, lr=LR, batch_size=Choice(32, 64, 128, 256))
    assert config["batch_size"] == 128
    assert configs(entry, lr=LR, batch_size=Choice(2, 4, 8)) == []


def test_the_search_begins_with_the_default_and_then_what_was_learned() -> None:
    space = Space(
        lr=LR, momentum=MOMENTUM, weight_decay=Float(1e-5, 0.1, log=True),
        batch_size=Int(16, 512, log=True), layers=Int(1, 5), units=Int(64, 1024, log=True),
        dropout=Float(0.0, 1.0),
    )  # fmt: skip
    encoding = encode(space)
    wanted = [encoding.config(w) for w in (encoding.default(), *portfolio(encoding))]
    assert len(wanted) == 1 + len(learned()) > 1
    history = run(FreezeThaw(), space, lambda c, e: 1.0 / e, epochs=20, trainings=1.0)
    tried = [dict(t.config) for t in history.trials.values()][: len(wanted)]
    assert tried == wanted
