"""The advice of each verdict, first moves first, as data for strategies and for a person.

Parameters are named by their role in the catalogue. ``"check"`` tells in its amount what to look
at: ``"inputs"``, ``"weights"`` (the first ones), ``"gradients"``, ``"loss"``, ``"labels"``,
``"validation"``, ``"zero_grad"``.
"""

from danlu.core.finding import Advice

STOP = Advice("stop")
OPTIMISATION, CAPACITY, REGULARISATION = "optimisation", "capacity", "regularisation"
DATA, BUDGET, CODE = "data", "budget", "code"


def lr(factor: float, why: str = "") -> Advice:
    """Multiply the learning rate."""
    return Advice("multiply", "lr", factor, OPTIMISATION, why)


def check(what: str, why: str, group: str = CODE) -> Advice:
    """A person must look at something."""
    return Advice("check", None, what, group, why)


CLIP = Advice("enable", "clip", 1.0, OPTIMISATION, "at the 90th percentile of healthy norms")
WARM_UP = Advice("set", "warmup", 0.05, OPTIMISATION, "share of the steps")
ZERO_GRAD = check("zero_grad", "gradients that pile up look the same")
WIDER_VALIDATION = check("validation", "more validation samples, or folds", DATA)
LESS_DROPOUT = Advice("add", "dropout", -0.2, REGULARISATION)
MORE_DROPOUT = Advice("add", "dropout", 0.2, REGULARISATION)
USUAL_DROPOUT = Advice("set", "dropout", 0.2, REGULARISATION)
NO_DECAY = Advice("set", "weight decay", 0.0, REGULARISATION)
SMOOTH_LABELS = Advice("set", "label smoothing", 0.1, REGULARISATION)


def decay(factor: float) -> Advice:
    """Multiply the weight decay."""
    return Advice("multiply", "weight decay", factor, REGULARISATION)


def epochs(factor: float) -> Advice:
    """Train for longer or shorter."""
    return Advice("multiply", "epochs", factor, BUDGET)


DEEPER = Advice("add", "layers", 1, CAPACITY)
BATCH = Advice("multiply", "batch size", 2, OPTIMISATION)
SMALLER_LR_RANGE = Advice("lower high", "lr", 1 / 3, OPTIMISATION, "factor on the bound")
LARGER_LR_RANGE = Advice("raise low", "lr", 3.0, OPTIMISATION, "factor on the bound")
