"""Checkpoints: what is kept comes back as it was, and a bad file is named."""

import os
import random
import sys
from collections.abc import Callable
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.processes import Running

from danlu.errors import DanluError
from danlu.worker import checkpoint

STATE: dict[Any, Any] = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.int64(3),
    "flags": (True, None, "x"),
    "by layer": {0: np.array([1.5]), 1: [2, 3.5]},
    "bytes": b"\x00\xff",
    "name": "net",
    (1, "a"): np.array([], dtype=np.int8),
}


class Holder:
    """Anything with a state."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, list | tuple):
        return type(a) is type(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def kept(folder: Path) -> list[int]:
    """Epochs of the checkpoints."""
    return sorted(int(path.name.split("-")[1]) for path in folder.glob("checkpoint-*"))


def forged(folder: Path, content: bytes, suffix: str) -> None:
    """Leave a file that looks as if it had been saved, and no other."""
    for path in folder.iterdir():
        path.unlink()
    checksum = blake2b(content, digest_size=8).hexdigest()
    (folder / f"checkpoint-1-{checksum}.{suffix}").write_bytes(content)


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)


@pytest.mark.usefixtures("without_torch")
def test_a_state_without_torch_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 4, [Holder(STATE), Holder([1, 2])])
    first, second = Holder(), Holder()
    assert checkpoint.restore(tmp_path, [first, second]) == (4, [])
    assert same(first.state, STATE)
    assert second.state == [1, 2]
    first.state["weights"][0, 0] = 9.0  # what comes back can be trained on


@pytest.mark.usefixtures("without_torch")
def test_the_random_state_goes_along(tmp_path: Path) -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - what training scripts use
    checkpoint.save(tmp_path, 1, [])
    drawn = random.random(), np.random.random(), np.random.normal()  # noqa: NPY002
    checkpoint.restore(tmp_path, [])
    assert (random.random(), np.random.random(), np.random.normal()) == drawn  # noqa: NPY002


def test_without_a_checkpoint_nothing_is_trained_yet(tmp_path: Path) -> None:
    holder = Holder("as it was")
    assert checkpoint.restore(tmp_path, [holder]) == (0, [])
    assert holder.state == "as it was"


@pytest.mark.usefixtures("without_torch")
def test_the_last_save_counts_and_the_one_before_is_kept(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        checkpoint.save(tmp_path, epoch, [Holder(epoch)])
    holder = Holder()
    assert checkpoint.restore(tmp_path, [holder]) == (3, [])
    assert holder.state == 3
    assert kept(tmp_path) == [2, 3]
    checkpoint.save(tmp_path, 1, [Holder("begun anew")])
    assert kept(tmp_path) == [1], "what is ahead of a trial that goes back is no longer its own"
    checkpoint.save(tmp_path, 1, [Holder("again")])
    assert kept(tmp_path) == [1], "one of an epoch is enough"


@pytest.mark.usefixtures("without_torch")
def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, [Holder("good")])
    with pytest.raises(TypeError, match="a state of type object cannot be saved without torch"):
        checkpoint.save(tmp_path, 2, [Holder({"a": object()})])
    assert checkpoint.restore(tmp_path, [Holder()]) == (1, [])
    assert kept(tmp_path) == [1]
    assert len(list(tmp_path.iterdir())) == 1


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "a flipped bit": lambda path: path.write_bytes(
        bytes([(content := path.read_bytes())[0] ^ 1]) + content[1:]
    ),
    "missing": lambda path: path.unlink(),
    "a folder": into_a_folder,
    "of another epoch": lambda path: path.write_bytes(
        next(p for p in path.parent.iterdir() if p != path).read_bytes()
    ),
}


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_passed_over_for_the_one_before(tmp_path: Path, damage: str) -> None:
    for epoch in (4, 5):
        checkpoint.save(tmp_path, epoch, [Holder(epoch)])
    newest = next(tmp_path.glob("checkpoint-5-*"))
    DAMAGES[damage](newest)
    holder = Holder()
    epoch, damaged = checkpoint.restore(tmp_path, [holder])
    assert (epoch, holder.state) == (4, 4)
    assert damaged == ([] if damage == "missing" else [newest])


@pytest.mark.usefixtures("without_torch")
def test_when_all_is_damaged_training_begins_anew(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 5, [Holder(5)])
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"")
    holder = Holder("as it was")
    assert checkpoint.restore(tmp_path, [holder]) == (0, [path])
    assert holder.state == "as it was"


@pytest.mark.usefixtures("without_torch")
def test_the_checkpoint_of_another_trial_is_not_taken(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 5, [Holder(5)], "trial 1")
    assert checkpoint.restore(tmp_path, [Holder()], "trial 2")[0] == 0
    assert checkpoint.restore(tmp_path, [Holder()], "trial 1")[0] == 5


@pytest.mark.usefixtures("without_torch")
def test_states_that_are_ahead_of_the_last_known_report_come_second(tmp_path: Path) -> None:
    for epoch in (4, 5):
        checkpoint.save(tmp_path, epoch, [Holder(epoch)])
    assert checkpoint.restore(tmp_path, [Holder()], reported=4)[0] == 4
    assert checkpoint.restore(tmp_path, [Holder()], reported=3)[0] == 5, "a gap, but no epoch lost"


@pytest.mark.usefixtures("without_torch")
def test_another_number_of_objects_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, [Holder(1)])
    with pytest.raises(DanluError, match=r"holds 1 objects, but restore\(\) was given 2"):
        checkpoint.restore(tmp_path, [Holder(), Holder()])


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 5000])
def test_a_file_that_was_never_a_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    forged(tmp_path, content, "json")
    with pytest.raises(DanluError, match=r"checkpoint-1-\w+\.json cannot be read"):
        checkpoint.restore(tmp_path, [])


# With torch in the process of the tests every fork server of other tests would warm it up: these
# run in a process of their own.
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")


@pytest.mark.torch
@needs_torch
def test_with_torch_tensors_and_arrays_come_back_together(tmp_path: Path) -> None:
    def check() -> None:
        import torch

        net = torch.nn.Linear(2, 1)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        checkpoint.save(tmp_path, 3, [net, Holder(STATE)])
        with torch.no_grad():
            net.weight.zero_()
        holder = Holder()
        assert checkpoint.restore(tmp_path, [net, holder]) == (3, [])
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        assert same(holder.state, STATE)

    with Running(check) as process:
        assert process.wait() == 0


@pytest.mark.torch
@needs_torch
def test_with_torch_a_damaged_or_hostile_file_is_named(tmp_path: Path) -> None:
    def check() -> None:
        for content in (b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"cos\nsystem\n."):
            forged(tmp_path, content, "pt")
            with pytest.raises(DanluError, match=r"checkpoint-1-\w+\.pt cannot be read"):
                checkpoint.restore(tmp_path, [])

    with Running(check) as process:
        assert process.wait() == 0
