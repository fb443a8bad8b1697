from danlu.strategies.engines.bayesopt import BayesOptEngine
from danlu.strategies.engines.hyperopt import HyperoptEngine
from danlu.strategies.engines.optuna import OptunaEngine

__all__ = ["BayesOptEngine", "HyperoptEngine", "OptunaEngine"]
