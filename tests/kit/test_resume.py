"""A trial that is paused and goes on equals the uninterrupted one, bit for bit."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.conftest import DATA, EPOCHS, run, table

from danlu.core.decision import Proxy
from danlu.kit import Training
from danlu.kit.params import OPTIMIZERS, Params

pytestmark = pytest.mark.torch

SCHEDULES = Params.CHOICES["schedule"]
SMALL = {"units": 8, "layers": 1, "dropout": 0.3, "batch_size": 16}


@pytest.fixture(scope="module")
def training() -> Training:
    return Training(table())


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_with_every_schedule_resumes_exactly(
    training: Training, tmp_path: Path, optimizer: str, schedule: str
) -> None:
    config = {**SMALL, "optimizer": optimizer, "schedule": schedule, "decay_every": 2}
    whole = run(training, tmp_path / "whole", config)
    assert [line["epoch"] for line in whole] == list(range(1, EPOCHS + 1))
    assert run(training, tmp_path / "paused", config, pauses=(2, 3)) == whole


MORE: dict[str, dict[str, Any]] = {
    "mlp": {"norm": "batch", "l2": 0.5, "oversample": 1.0, "nesterov": True, "optimizer": "sgd"},
    "cnn": {"filters": 4, "norm": "batch", "balanced_batches": True},
    "rnn": {"cell": "lstm", "bidirectional": True, "layers": 2, "clip": 0.1, "warmup": 0.3},
    "text": {"embedding_dim": 6, "cell": "gru", "pooling": "attention", "label_smoothing": 0.1},
}


@pytest.mark.parametrize("family", DATA)
def test_every_family_resumes_exactly(tmp_path: Path, family: str) -> None:
    training = Training(DATA[family](), min_freq=1)
    config = {**SMALL, **MORE[family]}
    whole = run(training, tmp_path / "whole", config)
    assert run(training, tmp_path / "paused", config, pauses=(1, 4)) == whole


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pauses=st.sets(st.integers(1, EPOCHS - 1)),
    schedule=st.sampled_from(SCHEDULES),
    optimizer=st.sampled_from(OPTIMIZERS),
    seed=st.integers(0, 2**31),
    share=st.sampled_from([0.5, 1.0]),
)
def test_any_pauses_leave_no_trace(
    training: Training,
    pauses: set[int],
    schedule: str,
    optimizer: str,
    seed: int,
    share: float,
) -> None:
    config = {**SMALL, "schedule": schedule, "optimizer": optimizer, "norm": "batch"}
    proxy = Proxy(share)
    with TemporaryDirectory() as folder:
        whole = run(training, Path(folder, "whole"), config, seed=seed, proxy=proxy)
        cut = run(training, Path(folder, "cut"), config, sorted(pauses), seed, proxy)
    assert cut == whole


def test_another_seed_trains_otherwise(training: Training, tmp_path: Path) -> None:
    a, b = (run(training, tmp_path / str(seed), SMALL, seed=seed) for seed in (1, 2))
    assert a != b


def test_a_trial_that_ended_early_stays_ended(tmp_path: Path) -> None:
    impatient = Training(table(), patience=1)
    config = {**SMALL, "optimizer": "sgd", "lr": 0.0, "weight_decay": 0.0}
    whole = run(impatient, tmp_path / "whole", config)
    assert len(whole) == 2  # the first epoch is the best; after one without a better one it ends
    assert run(impatient, tmp_path / "paused", config, pauses=(2, 4)) == whole
