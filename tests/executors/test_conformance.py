"""Every executor on the conformance suite."""

from tests.conformance.executors import ExecutorConformance, ProcessConformance
from tests.executors.training import SCRIPT, train

from danlu.core.command import Command
from danlu.executors.base import Executor
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


class TestCommand(ProcessConformance):
    raises = "exit"
    backwards = "order"

    def executor(self, workers: int) -> Executor:
        return ProcessExecutor(Command(SCRIPT), "val_loss", workers)
