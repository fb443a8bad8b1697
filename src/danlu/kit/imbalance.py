"""Rare classes: over-sampling, balanced mini-batches, and class weights.

Only training samples are repeated, after the split. Over-sampling and class weights answer the
same want, so they exclude each other. Buda et al. 2018 find full over-sampling best for
convolutional networks, without overfitting by it.
"""

from typing import Any

import torch
from torch import Tensor


def epoch_order(y: Tensor | None, n: int, ratio: float, generator: torch.Generator) -> Tensor:
    """The samples of one epoch in random order, rare classes repeated.

    Class c comes n_max · (n_c / n_max)^(1 - ratio) times, so that its share is p_c^(1 - ratio) up
    to a factor: whole copies of all its samples, and a random part of them for the rest.

    Args:
        y: Class codes, (n,); None draws each sample once.
        n: Number of samples.
        ratio: 0 = as it is, 1 = all classes equally often.
        generator: Of this epoch.

    Returns:
        Positions, (m,) with m ≥ n.
    """
    order = torch.randperm(n, generator=generator)
    if y is None or ratio == 0.0:
        return order
    most = int(torch.bincount(y).max())
    drawn = []
    for own in _by_class(y):
        wanted = round(most * (len(own) / most) ** (1.0 - ratio))
        rest = own[torch.randperm(len(own), generator=generator)[: wanted % len(own)]]
        drawn += [own.repeat(wanted // len(own)), rest]
    together = torch.cat(drawn)
    return together[torch.randperm(len(together), generator=generator)]


def balanced_order(y: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """``n`` samples in an order in which classes alternate, so that each batch holds all equally.

    Each class goes through its samples in random order, and begins again when they are used up.
    """
    classes = _by_class(y)
    rounds = -(-n // len(classes))
    columns = []
    for own in classes:
        laps = [
            own[torch.randperm(len(own), generator=generator)]
            for _ in range(-(-rounds // len(own)))
        ]
        columns.append(torch.cat(laps)[:rounds])
    return torch.stack(columns, dim=1).flatten()[:n]


def _by_class(y: Tensor) -> list[Tensor]:
    present: Any = torch.unique(y)
    return [torch.nonzero(y == c).flatten() for c in present]


def class_weights(y: Tensor, classes: int) -> Tensor:
    """The weight of each class in the loss, (classes,): n / (classes · n_c)."""
    counts = torch.bincount(y, minlength=classes).clamp(min=1)
    return len(y) / (classes * counts.to(torch.get_default_dtype()))
