"""Rules of other tools, re-implemented from their published thresholds, on the same reports.

Their verdicts are translated to ours, generously: each to all of our codes that it may mean. Only
what reports can show is there: both tools also look at the program or at layers' gradients.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

Reports = Sequence[dict[str, float]]


def umlaut(reports: Reports, dropout: float) -> list[str]:
    """UMLAUT (Schoop et al. 2021): checks after each epoch; any that fires once counts."""
    said: list[str] = []
    if any(not math.isfinite(r["train_loss"]) for r in reports):
        said.append("not_finite")
    if any(r["lr"] > 0.01 for r in reports):
        said.append("lr_too_high")
    if any(r["lr"] < 1e-7 for r in reports):
        said.append("lr_too_low")
    if any(
        b["train_loss"] < a["train_loss"] and b["val_loss"] > a["val_loss"]
        for a, b in pairwise(reports)
    ):
        said.append("overfit")
    if dropout > 0.5:
        said.append("train_handicapped")
    if any(r["val_accuracy"] > 0.95 for r in reports):
        said.append("suspicious")  # leakage of validation data; we have no such verdict
    return said


def autotrainer(reports: Reports) -> list[str]:
    """AUTOTRAINER (Zhang et al. 2021): its conditions on losses and accuracies."""
    accuracies = [r["train_accuracy"] for r in reports]
    steps = [b - a for a, b in pairwise(accuracies)]
    if any(not math.isfinite(r["train_loss"]) for r in reports):
        return ["not_finite", "diverged"]
    if steps and sum(abs(s) >= 0.03 and s < 0 for s in steps) >= 0.2 * len(steps):
        return ["lr_too_high", "noisy_val", "late_spikes"]
    if all(s <= 0.01 for s in steps):
        return ["lr_too_low", "not_learning"]
    return []
