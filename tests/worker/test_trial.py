"""What training code holds: epochs, reports and checkpoints of one trial."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import danlu
from danlu.core.decision import Proxy
from danlu.core.job import Job
from danlu.errors import ReportError
from danlu.worker.trial import Trial


@dataclass
class Slices:
    """A channel that grants some further slices and keeps all lines."""

    grants: list[int] = field(default_factory=list)
    lines: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, line: Mapping[str, Any]) -> None:
        self.lines.append(line)

    def wait(self, epoch: int) -> int:
        return self.grants.pop(0) if self.grants else 0

    def notes(self) -> list[Mapping[str, Any]]:
        return [line for line in self.lines if "danlu" in line]


@dataclass
class Net:
    """Something with a state."""

    weight: float = 0.0

    def state_dict(self) -> dict[str, float]:
        return {"weight": self.weight}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.weight = state["weight"]


def trial(folder: Path, channel: Slices, **given: Any) -> Trial:
    values: dict[str, Any] = {"until": 3, "epochs": 9, "seed": 7} | given
    return Trial(Job("s", 1, {"lr": 0.1}, folder=folder, **values), channel)


def test_epochs_end_at_until_go_on_as_granted_and_end_at_the_full_length(tmp_path: Path) -> None:
    assert list(trial(tmp_path, Slices()).epochs()) == [1, 2, 3]
    assert list(trial(tmp_path, Slices([5])).epochs()) == [1, 2, 3, 4, 5]
    assert list(trial(tmp_path, Slices([5, 9])).epochs(2)) == [3, 4, 5, 6, 7, 8, 9]
    assert list(trial(tmp_path, Slices([5, 4])).epochs(3)) == [4, 5]


def test_a_trial_that_is_trained_beyond_until_already_waits_at_once(tmp_path: Path) -> None:
    assert list(trial(tmp_path, Slices()).epochs(4)) == []
    assert list(trial(tmp_path, Slices([6])).epochs(4)) == [5, 6]


def test_params_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        trial(tmp_path, Slices()).params["lr"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize("wrong", [0, -1, 2, 1])
def test_epochs_that_do_not_grow_are_refused_and_not_recorded(tmp_path: Path, wrong: int) -> None:
    channel = Slices()
    mine = trial(tmp_path, channel)
    mine.report(2, loss=0.5)
    with pytest.raises(ReportError, match=r"counted from 1|must grow"):
        mine.report(wrong, loss=0.5)
    mine.report(3, loss=0.4)
    assert [line["epoch"] for line in channel.lines] == [2, 3]


def test_the_epoch_may_be_given_by_name_but_must_be_given(tmp_path: Path) -> None:
    channel = Slices()
    mine = trial(tmp_path, channel)
    mine.report(epoch=1, val_loss=0.5)
    with pytest.raises(ReportError, match="whole numbers"):
        mine.report(None, val_loss=0.5)  # type: ignore[arg-type]
    assert channel.lines[0]["val_loss"] == 0.5


def test_asking_for_the_proxy_tells_once_that_it_is_respected(tmp_path: Path) -> None:
    channel = Slices()
    mine = trial(tmp_path, channel, proxy=Proxy(0.25, classes=3))
    assert [mine.data_fraction, mine.data_fraction, mine.classes] == [0.25, 0.25, 3]
    told = [note["capability"] for note in channel.notes()]
    assert told == ["data_fraction", "classes"]


@pytest.mark.parametrize("save_first", [False, True])
def test_saving_before_or_after_reporting_keeps_the_same_epoch(
    tmp_path: Path, save_first: bool
) -> None:
    net, mine = Net(), trial(tmp_path, Slices())
    for epoch in mine.epochs():
        net.weight += 1.0
        if save_first:
            mine.save(net)
        mine.report(epoch, loss=0.5)
        if not save_first:
            mine.save(net)
    resumed = Net()
    assert trial(tmp_path, Slices(), until=9).restore(resumed) == 3
    assert resumed.weight == 3.0


def test_between_pauses_a_checkpoint_is_written_only_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Slices()
    mine = trial(tmp_path, channel)
    mine.report(1, loss=0.5)
    mine.save(Net())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("danlu.worker.trial.CHECKPOINT_EVERY_S", 0.0)
    mine.save(Net())
    assert channel.lines[-1] == {"danlu": "saved", "epoch": 1}


def test_after_restoring_epochs_count_on(tmp_path: Path) -> None:
    mine = trial(tmp_path, Slices(), until=2)
    mine.report(2, loss=0.5)
    mine.save(Net(2.0))
    again = trial(tmp_path, Slices(), until=4)
    assert list(again.epochs(again.restore(Net()))) == [3, 4]
    with pytest.raises(ReportError, match="epoch 2 after epoch 2"):
        again.report(2, loss=0.5)


def test_a_report_outside_danlu_checks_its_arguments_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANLU_REPORTS", raising=False)
    danlu.report(3, train_loss=0.41, val_loss=0.52)
    danlu.report(None, {"val/loss": 0.5})
    with pytest.raises(ReportError):
        danlu.report(1, val_loss="low")
    assert not list(tmp_path.iterdir())


def test_a_report_under_danlu_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    code = "import danlu, os; danlu.report(epoch=2, loss=0.5); os.kill(os.getpid(), 9)"
    environment = {"DANLU_REPORTS": str(tmp_path / "reports")}
    path = [p for p in sys.path if p]
    subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": ":".join(path)},
        check=False,
    )
    assert '"loss": 0.5' in (tmp_path / "reports").read_text()
