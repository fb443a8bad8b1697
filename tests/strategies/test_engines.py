"""Engines: strategies backed by Optuna, hyperopt and BayesianOptimization."""

import pytest
from tests.conformance.strategies import StrategyConformance

from danlu.strategies.base import Strategy
from danlu.strategies.names import make

pytest.importorskip("optuna", reason="needs the extra [optuna]")
pytest.importorskip("hyperopt", reason="needs the extra [hyperopt]")
pytest.importorskip("bayes_opt", reason="needs the extra [bayesopt]")


class TestOptunaTpe(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("optuna-tpe", {})


class TestOptunaGp(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("optuna-gp", {})


class TestOptunaCmaes(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("optuna-cmaes", {})


class TestHyperopt(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("hyperopt", {})


class TestBayesOpt(StrategyConformance):
    def strategy(self) -> Strategy:
        return make("bayesopt", {})
