"""Small trainings with a known fault in each, and their healthy twins.

    case = build("softmax twice", seed=3)            # digits, multilayer perceptron
    case = build("healthy", seed=3, part="wine-mlp")
    case.data, case.model(), case.loss, case.optimizer(model), case.settings

`benchmarks/diagnosis.py` trains them and judges their curves; `benchmarks/preflight.py` looks at
them before training.
"""

from faults.case import Case, Settings
from faults.data import DATA, FAMILIES, FRESH, PARTS, TUNE, Data
from faults.injections import FAULTS, HEALTHY, Fault, build

__all__ = [
    "DATA", "FAMILIES", "FAULTS", "FRESH", "HEALTHY", "PARTS", "TUNE", "Case", "Data",
    "Fault", "Settings", "build",
]  # fmt: skip
