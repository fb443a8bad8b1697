"""`DanluSampler` on the test classes that Optuna publishes for samplers, and on its own."""

from collections.abc import Callable

import pytest

pytest.importorskip("optuna", reason="needs the extra [optuna]")

from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from danlu.interop.optuna import DanluSampler


class TestDanluSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: DanluSampler(seed=0)
