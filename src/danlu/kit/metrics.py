"""Metrics of a model's outputs: accuracy, balanced accuracy, macro-F1, R² and errors."""

import torch
from torch import Tensor


def classification(scores: Tensor, y: Tensor) -> dict[str, float]:
    """Metrics of classification.

    Args:
        scores: Of each class, before softmax, (n, C).
        y: Class codes, (n,).

    Returns:
        ``accuracy``; ``balanced_accuracy``, the mean recall of the classes that are there;
        ``macro_f1``, the mean F1 of the classes that are there or were answered; ``top_share``,
        the share of the most frequent answer.
    """
    n, classes = scores.shape
    told = scores.argmax(1)
    confusion = torch.bincount(y * classes + told, minlength=classes**2).reshape(classes, classes)
    hits, own, answered = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    there, involved = own > 0, own + answered > 0
    return {
        "accuracy": hits.sum().item() / n,
        "balanced_accuracy": (hits[there] / own[there]).double().mean().item(),
        "macro_f1": (2 * hits / (own + answered))[involved].double().mean().item(),
        "top_share": answered.max().item() / n,
    }


def regression(outputs: Tensor, y: Tensor, scale: float) -> dict[str, float]:
    """Metrics of regression.

    Args:
        outputs: Predictions of the standardised target, (n,).
        y: The standardised target, (n,).
        scale: Its standard deviation in the units of the data.

    Returns:
        ``r2`` and ``rmse``, the latter in the units of the data.
    """
    error = (outputs - y).double().square().mean().item()
    spread = y.double().var(correction=0).item()
    return {"r2": 1.0 - error / spread if spread > 0 else 0.0, "rmse": error**0.5 * scale}
