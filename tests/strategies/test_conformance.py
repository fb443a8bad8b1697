"""Every strategy on the conformance suite."""

from tests.conformance.strategies import StrategyConformance

from danlu.strategies.auto import Auto
from danlu.strategies.base import Strategy
from danlu.strategies.grid import Grid
from danlu.strategies.halving import Halving
from danlu.strategies.hyperband import Hyperband
from danlu.strategies.names import make
from danlu.strategies.staged import Staged


class TestRandom(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("random", {})


class TestQuasiRandom(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("quasi-random", {})


class TestGrid(StrategyConformance):
    def strategy(self) -> Strategy:
        return Grid(points=3)


class TestRandomGrid(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("random-grid", {})


class TestHalving(StrategyConformance):
    def strategy(self) -> Strategy:
        return Halving()


class TestHalvingWithRandomDrawsAndManyRungs(StrategyConformance):
    def strategy(self) -> Strategy:
        return Halving(eta=2, min_epochs=1, sampler="random")


class TestHyperband(StrategyConformance):
    def strategy(self) -> Strategy:
        return Hyperband()


class TestHyperbandWithManyBrackets(StrategyConformance):
    def strategy(self) -> Strategy:
        return Hyperband(eta=2, min_epochs=1)


class TestStaged(StrategyConformance):
    def strategy(self) -> Strategy:
        return Staged()


class TestAuto(StrategyConformance):
    def strategy(self) -> Strategy:
        return Auto()
