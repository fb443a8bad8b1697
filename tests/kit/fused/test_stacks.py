"""What a row gives does not depend on the others; rows come and go, and what cannot be batched is
told."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.kit.conftest import DATA, table
from tests.kit.fused.training import (
    EPOCHS,
    Double,
    alone,
    difference,
    lines,
    rows,
    together,
    trial,
)
from torch import Tensor, nn

from danlu.kit import Training
from danlu.kit.fused import optim
from danlu.kit.fused.canary import tried
from danlu.kit.fused.row import Row
from danlu.kit.fused.signature import hooked, signature
from danlu.kit.fused.stack import Stack
from danlu.kit.loop import train

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("double")]

SAME = 1e-12
SMALL: dict[str, Any] = {"units": 8, "layers": 1, "batch_size": 8, "dropout": 0.2, "lr": 0.01}
KINDS = ("adam", "sgd", "nadam", "adadelta", "rmsprop")
HALF = EPOCHS // 2


@pytest.fixture(scope="module")
def trains() -> Double:
    return Double(Training(table()))


def configs(n: int) -> list[dict[str, Any]]:
    return [
        {**SMALL, "optimizer": KINDS[i % len(KINDS)], "dropout": 0.1 * (i % 4)} for i in range(n)
    ]


def test_survivors_of_a_compaction_go_on_as_if_nothing_had_happened(
    trains: Double, tmp_path: Path
) -> None:
    whole = rows(trains, tmp_path / "whole", configs(6))
    together(whole)
    cut = rows(trains, tmp_path / "cut", configs(6))
    stack = together(cut, HALF)
    stack.keep([cut[1], cut[4]])
    for _ in range(EPOCHS - HALF):
        stack.epoch()
    for i in (1, 4):
        assert difference(lines(cut[i]), lines(whole[i])) < SAME


def test_a_diverging_trial_ends_as_in_the_loop_and_leaves_its_companions_alone(
    trains: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = [*configs(3), {**SMALL, "optimizer": "sgd", "lr": 1e30}]
    of = rows(trains, tmp_path, wild)
    said: list[str] = []
    of[3].tell = said.append
    together(of)
    broken = {n: str(v) for n, v in lines(of[3])[-1].items()}  # NaN equals NaN as a text only
    single = alone(trains, tmp_path, wild[3], of[3].trial.seed)
    assert len(lines(of[3])) == len(single), "it ends at the step at which the loop ends"
    assert broken == {n: str(v) for n, v in single[-1].items()}
    assert broken["val_loss"] == "nan"
    assert "Training broke down in step " in said[0]
    assert said[0] + "\n" == capsys.readouterr().out, "with the same words"
    for row, config in zip(of[:3], wild[:3], strict=True):
        assert difference(lines(row), alone(trains, tmp_path, config, row.trial.seed)) < SAME


@pytest.mark.parametrize("optimizer", KINDS)
def test_a_row_goes_on_in_the_loop_and_back_in_a_stack(
    trains: Double, tmp_path: Path, optimizer: str
) -> None:
    config = {**SMALL, "optimizer": optimizer, "schedule": "plateau", "momentum": 0.8}
    whole = alone(trains, tmp_path / "whole", config, 1)
    [row, other] = rows(trains, tmp_path, [config, config], until=6)
    stack = together([row, other], 6)
    stack.bring_home(row)
    row.save()
    channel: Any = row.trial._channel
    again = trial(row.trial.folder, config, 1, until=12, channel=channel)
    train(again, trains.setup(again))  # epochs 7 to 12 in the loop, from the row's checkpoint
    third = Row.of(trains, trial(row.trial.folder, config, 1, channel=channel))
    assert third.epoch == 12
    together([third, *rows(trains, tmp_path / "more", configs(2), first_seed=8)], EPOCHS - 12)
    assert difference(lines(third), whole) < SAME


def test_rows_that_join_later_train_as_alone(trains: Double, tmp_path: Path) -> None:
    of = rows(trains, tmp_path, configs(5))
    stack = together(of[:3], 4)
    stack.join(of[3:])
    for _ in range(EPOCHS - 4):
        stack.epoch()
    for row, config in zip(of, configs(5), strict=True):
        single = alone(trains, tmp_path, config, row.trial.seed)
        own = lines(row)[: len(single)]
        assert difference(own, single[: len(own)]) < SAME


def test_rows_that_are_moved_a_few_at_a_time_give_the_same(
    trains: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = [{**one, "optimizer": "adam", "clip": 0.5, "l2": 0.1} for one in configs(5)]
    whole, parts = (rows(trains, tmp_path / name, of) for name in ("whole", "parts"))
    together(whole, 4)
    monkeypatch.setattr(optim, "AT_ONCE", 300)  # of a hundred and some numbers for each row
    assert len(Stack(parts)._optimisers._parties) > 1
    together(parts, 4)
    for a, b in zip(whole, parts, strict=True):
        assert difference(lines(a), lines(b)) == 0.0


def test_the_canary_leaves_no_trace_and_finds_equal_rows_equal(
    trains: Double, tmp_path: Path
) -> None:
    of = rows(trains, tmp_path, configs(8))
    verdict = tried(Stack(of))
    assert "has a loss of" not in verdict.why
    together(of)
    single = alone(trains, tmp_path, configs(8)[0], 1)
    assert difference(lines(of[0]), single) < SAME


class Scaled(nn.Module):
    """Multiplies by a float that is no tensor: under vmap all rows would take the first one's."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.body = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) * self.scale
        return out


class Sneaky(Scaled):
    """The same with the float where no signature sees it."""

    SCALES: ClassVar[dict[int, float]] = {}

    def __init__(self, scale: float) -> None:
        super().__init__(1.0)
        self.SCALES[id(self)] = scale

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) * self.SCALES[id(self)]
        return out


class Branching(Scaled):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) if x.sum() > 0 else -self.body(x)
        return out


def scaled(params: Any, shape: Any) -> nn.Module:
    return Scaled(params["scale"])


def sneaky(params: Any, shape: Any) -> nn.Module:
    return Sneaky(params["scale"])


def branching(params: Any, shape: Any) -> nn.Module:
    return Branching(1.0)


def own(builder: str, folder: Path, scales: tuple[float, ...]) -> list[Row]:
    trains = Double(Training(table(), model=f"tests.kit.fused.test_stacks:{builder}"))
    return rows(trains, folder, [{"batch_size": 8, "lr": 0.01, "scale": s} for s in scales])


def test_a_float_that_differs_is_another_signature(tmp_path: Path) -> None:
    a, b, c = own("scaled", tmp_path, (1.0, 2.0, 1.0))
    assert signature(a) != signature(b)
    assert signature(a) == signature(c)


def test_the_canary_finds_a_float_that_no_signature_sees(tmp_path: Path) -> None:
    a, b = own("sneaky", tmp_path, (1.0, 2.0))
    assert signature(a) == signature(b)
    assert "trial 2 has a loss of" in tried(Stack([a, b])).why


def test_control_flow_that_depends_on_data_cannot_be_batched(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        tried(Stack(own("branching", tmp_path, (1.0, 1.0))))


def test_hooks_are_found(tmp_path: Path) -> None:
    (row,) = own("scaled", tmp_path, (1.0,))
    assert not hooked(row.begun.model)
    row.begun.model.body.register_forward_hook(lambda *_: None)  # type: ignore[union-attr]
    assert hooked(row.begun.model) == "body"


@pytest.mark.parametrize("family", DATA)
def test_equal_params_have_equal_signatures_whatever_was_trained(
    tmp_path: Path, family: str
) -> None:
    trains = Double(Training(DATA[family](), min_freq=1))
    a, b = rows(trains, tmp_path, [{**SMALL, "lr": 0.1}, {**SMALL, "dropout": 0.3, "clip": 1.0}])
    together([a, b], 1)
    (c,) = rows(trains, tmp_path, [SMALL], first_seed=3)
    (d,) = rows(trains, tmp_path, [{**SMALL, "units": 9, "filters": 9}], first_seed=4)
    assert signature(a) == signature(b) == signature(c) != signature(d)
