"""What results on a part of the data narrow is opened again for all of it."""

import pytest

from danlu.core.decision import FULL, Proxy
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space
from danlu.strategies.transfer import transferred

WHOLE = Space(
    lr=Float(1e-6, 1.0, log=True),
    weight_decay=Float(1e-6, 1.0, log=True),
    dropout=Float(0.0, 0.8),
    units=Int(16, 512, log=True),
    layers=Int(1, 4),
    momentum=Float(0.0, 0.99),
    optimizer=Choice("sgd", "adam"),
)
NARROWED = WHOLE.replaced(
    {
        "lr": Float(1e-3, 1e-2, log=True),
        "weight_decay": Float(1e-3, 1e-2, log=True),
        "dropout": Float(0.4, 0.6),
        "units": Int(32, 64, log=True),
        "layers": Int(1, 2),
        "momentum": Float(0.8, 0.9),
        "optimizer": Choice("adam"),
    }
)


def span(p: Parameter) -> tuple[float, float]:
    assert not isinstance(p, Choice)
    return p.low, p.high


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("lr", (1e-4, 1.5e-2)),
        ("weight_decay", (2.5e-4, 1e-2)),
        ("dropout", (0.1, 0.7)),
        ("units", (32, 128)),
        ("layers", (1, 3)),
        ("momentum", (0.8, 0.9)),
    ],
)
def test_ranges_open_the_way_that_best_values_move_with_more_data(
    name: str, wanted: tuple[float, float]
) -> None:
    found = transferred(WHOLE, NARROWED, WHOLE, Proxy(data_fraction=0.25))
    assert span(found[name]) == pytest.approx(wanted)


def test_no_range_opens_beyond_the_study_s_own() -> None:
    narrowed = WHOLE.replaced({"dropout": Float(0.1, 0.75), "layers": Int(2, 4)})
    found = transferred(WHOLE, narrowed, WHOLE, Proxy(data_fraction=0.1))
    assert span(found["dropout"]) == (0.0, 0.8)
    assert span(found["layers"]) == (2, 4)


def test_few_classes_tell_nothing_of_regularisation_and_capacity() -> None:
    found = transferred(WHOLE, NARROWED, WHOLE, Proxy(classes=3))
    assert span(found["lr"]) == (1e-3, 1e-2)
    for name in ("weight_decay", "dropout", "units", "layers"):
        assert found[name] == WHOLE[name]


def test_on_all_of_the_data_the_ranges_stay() -> None:
    assert transferred(WHOLE, NARROWED, WHOLE, FULL) is NARROWED
