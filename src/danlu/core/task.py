"""What is known of the task: its data, its loss, and what trivial answers reach on it.

A study learns it before the first trial, from the pre-flight checks or from training that tells
it; rules read it to tell a bad curve from a hard task. All of it may be unknown.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Task:
    """Facts of data and model; None where nothing is known.

    Attributes:
        kind: What is predicted.
        n_train: Training samples.
        n_val: Validation samples.
        classes: Number of classes.
        priors: Share of each class in the training data, summing to 1.
        baseline_loss: Loss of the best constant answer: the entropy of the priors in nats, or
            the variance of the target.
        baseline_metric: The objective's metric of the best constant answer: the share of the
            largest class for accuracy, 1 / classes for balanced accuracy, 0 for R².
        linear_metric: The objective's metric of a linear model on validation data.
        initial_loss: Loss before the first step, in evaluation mode.
        eval_mode_train: Whether training metrics are taken by a pass in evaluation mode; running
            averages with dropout on look worse than the model is.
    """

    kind: Kind | None = None
    n_train: int | None = None
    n_val: int | None = None
    classes: int | None = None
    priors: tuple[float, ...] | None = None
    baseline_loss: float | None = None
    baseline_metric: float | None = None
    linear_metric: float | None = None
    initial_loss: float | None = None
    eval_mode_train: bool | None = None


UNKNOWN = Task()
