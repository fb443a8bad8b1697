"""A batch that is too large for the memory is taken in pieces, with the same gradient."""

import re
import resource
from pathlib import Path

import pytest
import torch
from tests.kit.conftest import run, table
from tests.processes import Running

from danlu.core.job import Job
from danlu.kit import Training
from danlu.kit.loop import Begun, begin, gradient, training_loss
from danlu.worker.trial import Trial

pytestmark = pytest.mark.torch

CONFIG = {"units": 8, "layers": 1, "batch_size": 20}


class Nowhere:
    """A channel that nobody listens to."""

    def send(self, line: object) -> None:
        pass

    def wait(self, epoch: int) -> int:
        return 0


def gradients(training: Training, folder: Path, config: dict[str, object], pieces: int) -> object:
    """Loss and gradients of the first 20 samples, taken in pieces."""
    job = Job("test", 1, config, 3, 1, 1, folder, micro_batches=pieces)  # type: ignore[arg-type]
    setup = training.setup(Trial(job, Nowhere()))
    begun: Begun = begin(Trial(job, Nowhere()), setup.build, setup.params, setup.part)
    loss_of = training_loss(setup.params, setup.part)
    loss = gradient(begun, loss_of, setup.part, torch.arange(20), setup.params)
    return [loss, *(p.grad for p in begun.model.parameters())]


@pytest.mark.parametrize("pieces", [2, 3, 64])
@pytest.mark.parametrize(
    "more", [{}, {"class_weights": True}, {"class_weights": True, "label_smoothing": 0.2}]
)
def test_the_gradient_in_pieces_is_that_of_the_whole_batch(
    tmp_path: Path, more: dict[str, object], pieces: int
) -> None:
    x, y = table()
    y[:7] = 0  # classes of different weights
    config = {**CONFIG, **more}
    whole = gradients(Training((x, y)), tmp_path, config, 1)
    split = gradients(Training((x, y)), tmp_path, config, pieces)
    torch.testing.assert_close(split, whole, rtol=1e-4, atol=1e-6)


def test_too_little_memory_takes_smaller_pieces_and_trains_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    training = Training(table(n=40_000))
    config = {"units": 1024, "layers": 1, "batch_size": 30_000, "dropout": 0.0}

    def starved() -> None:
        used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
        limit = used + (250 << 20)  # bytes; a whole batch takes 400 MB, some of it from before
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        assert len(run(training, tmp_path, config)) == 6

    with Running(starved) as process:
        assert process.wait(60) == 0
    assert re.search(r"its gradient is taken in \d pieces", capfd.readouterr().err)


def test_other_errors_are_not_tried_again(tmp_path: Path) -> None:
    training = Training(table())

    def broken(trial: Trial) -> None:
        setup = training.setup(trial)
        begun = begin(trial, setup.build, setup.params, setup.part)
        gradient(begun, training_loss(setup.params, setup.part), setup.part,
                 torch.tensor([10**6]), setup.params)  # fmt: skip

    with pytest.raises(IndexError):
        run(broken, tmp_path, CONFIG)
