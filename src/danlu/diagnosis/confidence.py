"""How sure each verdict is: how often it named the fault on trainings whose fault is known.

The numbers stand in ``confidences.json``, which ``benchmarks/diagnosis.py --calibrate`` writes.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

PRIOR_WEIGHT = 4.0  # runs that the specification's own guess counts as
NAME = "confidences.json"
Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Code → rule → ``prior``, and where it was measured ``said`` and ``right``: numbers of runs."""


@cache
def table() -> Table:
    """What was measured of each rule."""
    read: Table = json.loads(files(__package__).joinpath(NAME).read_text("utf-8"))
    return read


def confidence(code: str, rule: str) -> float:
    """The share of runs of which a rule is right, the specification's guess included."""
    known = table()[code][rule]
    right = known.get("right", 0.0) + PRIOR_WEIGHT * known["prior"]
    return right / (known.get("said", 0.0) + PRIOR_WEIGHT)
