"""Every executor on the conformance suite."""

import pytest
from tests.conformance.executors import ExecutorConformance, ProcessConformance
from tests.executors.training import SCRIPT, train

import danlu
from danlu.core.command import Command
from danlu.executors.base import Executor
from danlu.executors.fused import FusedExecutor
from danlu.executors.inline import InlineExecutor
from danlu.executors.processes import ProcessExecutor


class TestInline(ExecutorConformance):
    keeps_output = False

    def executor(self, workers: int) -> Executor:
        return InlineExecutor(train, "val_loss")


class TestFunction(ProcessConformance):
    def executor(self, workers: int) -> Executor:
        return ProcessExecutor(train, "val_loss", workers)


class TestFunctionByName(ProcessConformance):
    def executor(self, workers: int) -> Executor:
        return ProcessExecutor("tests.executors.training:train", "val_loss", workers)


class Unfusable:
    """A training that no crew can set up: all its trials go on in processes."""

    def __call__(self, trial: danlu.Trial) -> None:
        train(trial)

    def setup(self, trial: danlu.Trial) -> None:
        raise NotImplementedError("it has a loop of its own")


@pytest.mark.torch
class TestFused(ProcessConformance):
    def executor(self, workers: int) -> Executor:
        return FusedExecutor(Unfusable(), "val_loss", workers, rows=1)


class TestCommand(ProcessConformance):
    raises = "exit"
    backwards = "order"

    def executor(self, workers: int) -> Executor:
        return ProcessExecutor(Command(SCRIPT), "val_loss", workers)
