"""What is left open is taken from the catalogue, and what is written stays."""

from pathlib import Path

import pytest
from hypothesis import given
from tests.core.values import spaces

import danlu
from danlu.catalogue.filling import filled, taken
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space


def one(name: str, p: Parameter) -> Parameter:
    return filled(Space({name: p}))[name]


def test_a_learning_rate_over_decades_gets_its_role_scale_and_limits() -> None:
    assert one("lr", Float(1e-4, 1e-1)) == Float(
        1e-4, 1e-1, log=True, limits=(1e-6, 1.0), role="lr"
    )


def test_a_written_scale_stays() -> None:
    assert one("lr", Float(1e-4, 1e-1, log=False)).log is False  # type: ignore[union-attr]


def test_written_limits_stay() -> None:
    assert one("units", Int(16, 64, limits=(16, 64))).limits == (16, 64)  # type: ignore[union-attr]


def test_a_written_role_decides() -> None:
    assert one("x", Float(0.0, 0.5, role="dropout")).limits == (0.0, 0.8)  # type: ignore[union-attr]


def test_the_role_other_keeps_the_catalogue_out() -> None:
    p = Float(1e-4, 1e-1, role="other")
    assert one("lr", p) == Float(1e-4, 1e-1, log=False, role="other")


def test_limits_are_those_of_the_optimizers_that_are_possible() -> None:
    def limits(*optimizers: str) -> object:
        space = Space(lr=Float(1e-4, 1e-2, log=True), optimizer=Choice(*optimizers))
        return filled(space)["lr"].limits  # type: ignore[union-attr]

    assert limits("adamw") == (1e-6, 0.1)
    assert limits("adam", "sgd") == (1e-6, 10.0)
    assert limits("adam", "my own") == (1e-6, 1.0)


def test_a_learning_rate_of_one_optimizer_tells_by_its_name() -> None:
    space = Space(lr_sgd=Float(1e-3, 1.0, log=True), lr_adam=Float(1e-4, 1e-2, log=True))
    full = filled(space)
    assert full["lr_sgd"].limits == (1e-6, 10.0)  # type: ignore[union-attr]
    assert full["lr_adam"].limits == (1e-6, 0.1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "p"),
    [
        ("dropout", Float(0, 50)),  # per cent
        ("lr", Int(-5, -1)),  # an exponent
        ("lr", Float(0.5, 20.0)),  # beyond what is known
        ("batch_size", Int(16, 64)),  # the catalogue has no limits: memory does
    ],
)
def test_what_is_counted_in_other_units_gets_no_limits(name: str, p: Parameter) -> None:
    assert one(name, p).limits is None  # type: ignore[union-attr]


def test_a_short_range_stays_linear() -> None:
    assert one("lr", Float(0.01, 0.1)).log is False  # type: ignore[union-attr]


@given(spaces())
def test_filling_twice_is_filling_once_and_changes_no_range(space: Space) -> None:
    full = filled(space)
    assert filled(full) == full
    for name, p in space.parameters.items():
        after = full[name]
        assert after.default == p.default
        if isinstance(p, Choice):
            assert isinstance(after, Choice)
            assert after.values == p.values
        else:
            assert (after.low, after.high) == (p.low, p.high)  # type: ignore[union-attr]


def test_what_was_taken_is_told_in_words() -> None:
    space = Space(
        lr=Float(1e-4, 1e-1), units=Int(16, 64, log=True, limits=(16, 64)), x=Float(0, 1)
    )
    assert taken(space, filled(space)) == {"lr": "a log scale and limits 1e-06 … 1"}


def test_a_study_fills_its_space_and_can_be_gone_on_with(tmp_path: Path) -> None:
    def study() -> danlu.Study:
        space = Space(lr=Float(1e-4, 1e-1), units=Int(16, 64))
        return danlu.Study("s", space=space, objective="min loss", epochs=2, store=tmp_path)

    made = study().spec.space["lr"]
    assert isinstance(made, Float)
    assert made.log is True
    assert study().spec.space["lr"] == made
    assert danlu.Study.open("s", store=tmp_path).spec.space["lr"] == made


def test_a_study_goes_on_though_the_catalogue_has_learnt_since(tmp_path: Path) -> None:
    def study(lr: Float) -> Parameter:
        made = danlu.Study("s", space=Space(lr=lr), objective="min loss", epochs=2, store=tmp_path)
        return made.spec.space["lr"]

    began = Float(1e-4, 1e-1, log=False, limits=(1e-5, 0.5), role="lr")  # as if taken then
    assert study(began) == began
    assert study(Float(1e-4, 1e-1)) == began
    with pytest.raises(danlu.StudyError, match="its space differs in lr"):
        study(Float(1e-4, 1e-1, limits=(1e-6, 1.0)))


def test_a_written_scale_that_differs_makes_another_study(tmp_path: Path) -> None:
    def study(log: bool) -> None:
        space = Space(lr=Float(1e-4, 1e-1, log=log))
        danlu.Study("s", space=space, objective="min loss", epochs=2, store=tmp_path)

    study(log=True)
    with pytest.raises(danlu.StudyError, match="its space differs in lr"):
        study(log=False)


@pytest.mark.parametrize(
    ("range_", "limits", "log"),
    [
        ((1e-4, 5.0), (1e-6, 5.0), True),
        ((1e-8, 0.1), (1e-8, 1.0), True),
        ((0.0, 0.1), (0.0, 1.0), False),  # a logarithmic scale has no zero
    ],
)
def test_no_range_is_refused_for_limits_that_nobody_wrote(
    range_: tuple[float, float], limits: tuple[float, float], log: bool, tmp_path: Path
) -> None:
    began = filled(Space(lr=Float(1e-4, 1e-1)))
    now = filled(Space(lr=Float(*range_)), began)["lr"]
    assert isinstance(now, Float)
    assert (now.low, now.high, now.limits, now.log) == (*range_, limits, log)

    def study(low: float, high: float) -> None:
        space = Space(lr=Float(low, high))
        danlu.Study("s", space=space, objective="min loss", epochs=2, store=tmp_path)

    study(1e-4, 1e-1)
    with pytest.raises(danlu.StudyError, match="its space differs in lr"):
        study(*range_)
