"""Which studies gain from training their trials together, and how many at once."""

import math

from danlu.core.parameter import Parameter
from danlu.core.spec import Spec

# Of the kit's parameters without a continuous scale, those that change no tensor's shape.
SHAPELESS = (
    "optimizer", "schedule", "nesterov", "l2_convention", "decay_every", "class_weights",
    "balanced_batches",
)  # fmt: skip
MOST_ROWS = 32  # of a crew: more gain nothing on a CPU (docs/how-to/fused.md)
FEWEST_ROWS = 4  # of a crew: fewer gain less than twice the speed
ROWS_OF_A_SHAPE = 2  # on average: two perceptrons together take a third of the time of one by one

# What learns from each trial decides worse, the more trials begin before it hears of the first.
# Of the strategies that do, so large a share of the budget's full trainings is begun at once
# (docs/why/search.md: 4 workers cost little from 10 trainings on, 16 from 20 to 50).
SHARE_AT_ONCE = 0.4
LEARNS_NOTHING = ("random", "quasi-random", "grid", "random-grid", "halving", "hyperband")


def rows_for(spec: Spec, cores: int) -> int:
    """How many trials a crew should have at once, from 1."""
    at_once = float(MOST_ROWS * cores)
    if spec.strategy not in LEARNS_NOTHING:
        trainings = spec.budget.trainings or spec.budget.trials or MOST_ROWS
        at_once = min(at_once, SHARE_AT_ONCE * trainings)
    return max(1, min(MOST_ROWS, math.ceil(at_once / cores)))


def gains(spec: Spec, rows: int) -> str:
    """Why the trials of a study would gain nothing from training together; empty if they may."""
    if rows < FEWEST_ROWS:
        return f"so small a budget is searched better {rows} at a time"
    shapes = math.prod(_shapes(name, p) for name, p in spec.space.parameters.items())
    if shapes * ROWS_OF_A_SHAPE > rows:
        return f"the space has {shapes:,.0f} shapes of networks for {rows} trials at once"
    return ""


def _shapes(name: str, parameter: Parameter) -> float:
    """How many shapes of networks a parameter makes."""
    continuous = math.isinf(parameter.cells) and name != "oversample"
    return 1.0 if continuous or name in SHAPELESS else float(parameter.cells)
