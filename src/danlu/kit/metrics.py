"""Metrics of models' outputs: accuracy, balanced accuracy, macro-F1, R² and errors.

All take the outputs of several models for the same samples, since trials can train together.
"""

import torch
from torch import Tensor


def classification(scores: Tensor, y: Tensor) -> list[dict[str, float]]:
    """Metrics of classification.

    Args:
        scores: Of each model and class, before softmax, (models, n, C).
        y: Class codes, (n,).

    Returns:
        Of each model ``accuracy``; ``balanced_accuracy``, the mean recall of the classes that are
        there; ``macro_f1``, the mean F1 of the classes that are there or were answered;
        ``top_share``, the share of the most frequent answer.
    """
    models, n, classes = scores.shape
    cells = torch.arange(models, device=y.device)[:, None] * classes**2 + y * classes
    counts = torch.bincount((cells + answers(scores)).flatten(), minlength=models * classes**2)
    confusion = counts.reshape(models, classes, classes)
    hits, own, answered = confusion.diagonal(dim1=1, dim2=2), confusion.sum(2), confusion.sum(1)
    found = {
        "accuracy": hits.sum(1).double() / n,
        "balanced_accuracy": _mean(hits / own, own > 0),
        "macro_f1": _mean(2 * hits / (own + answered), own + answered > 0),
        "top_share": answered.amax(1).double() / n,
    }
    return _by_model(found)


def answers(scores: Tensor) -> Tensor:
    """The class of the highest score, the first of equal ones, (models, n, C) → (models, n).

    Passes over all scores, class by class, that are several times as quick as `argmax`, which
    goes along an axis that is short. Where a score is NaN any class may be the answer.
    """
    by_class = scores.permute(2, 0, 1).contiguous()
    classes = len(by_class)
    codes = torch.arange(classes, device=scores.device, dtype=torch.int16)[:, None, None]
    others = torch.tensor(classes - 1, device=scores.device, dtype=torch.int16)
    return torch.where(by_class == by_class.amax(0), codes, others).amin(0).long()


def _mean(values: Tensor, there: Tensor) -> Tensor:
    """The mean of the values that are there, (models, C) → (models,)."""
    return values.double().where(there, 0.0).sum(1) / there.sum(1)


def regression(outputs: Tensor, y: Tensor, scale: float) -> list[dict[str, float]]:
    """Metrics of regression.

    Args:
        outputs: Predictions of the standardised target, (models, n).
        y: The standardised target, (n,).
        scale: Its standard deviation in the units of the data.

    Returns:
        Of each model ``r2`` and ``rmse``, the latter in the units of the data.
    """
    error = (outputs - y).double().square().mean(1)
    spread = y.double().var(correction=0)
    r2 = 1.0 - error / spread if spread > 0 else torch.zeros_like(error)
    return _by_model({"r2": r2, "rmse": error.sqrt() * scale})


def _by_model(found: dict[str, Tensor]) -> list[dict[str, float]]:
    columns = torch.stack(list(found.values()), dim=1).tolist()
    return [dict(zip(found, row, strict=True)) for row in columns]
