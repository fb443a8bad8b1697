"""The model-based strategies on the conformance suite."""

from tests.conformance.strategies import StrategyConformance

from danlu.strategies.base import Strategy
from danlu.strategies.bayes import Bayes
from danlu.strategies.freeze_thaw import FreezeThaw


class TestBayes(StrategyConformance):
    def strategy(self) -> Strategy:
        return Bayes()


class TestFreezeThaw(StrategyConformance):
    def strategy(self) -> Strategy:
        return FreezeThaw()
