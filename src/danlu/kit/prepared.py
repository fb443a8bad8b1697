"""Training and validation data as tensors, and the parts of them that a trial is trained on."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from danlu.core.task import Task
from danlu.kit.classes import confusability, flat_features, hard_subset
from danlu.kit.preprocessing import KINDS, Preprocessing, Shape
from danlu.kit.reading import Labelled, Samples
from danlu.kit.settings import Settings
from danlu.kit.subsets import MOST_VALIDATION, Indices, fraction, hashes, split, strata

Tensors: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True)
class Part:
    """What one trial is trained and validated on.

    Attributes:
        x: Inputs of the model, each (n, …).
        y: Class codes (int64) or standardised numbers (float32), (n,).
        x_val: Inputs for validation.
        y_val: Their targets.
        shape: What the model must take in and give out.
        scale: Standard deviation of a number that is predicted, in the units of the data.
    """

    x: Tensors
    y: Tensor
    x_val: Tensors
    y_val: Tensor
    shape: Shape
    scale: float = 1.0

    @property
    def regression(self) -> bool:
        return self.y.is_floating_point()

    def to(self, device: torch.device) -> "Part":
        """The same on another device."""
        moved = [tuple(t.to(device) for t in x) for x in (self.x, self.x_val)]
        y, y_val = self.y.to(device), self.y_val.to(device)
        return replace(self, x=moved[0], y=y, x_val=moved[1], y_val=y_val)


@dataclass(frozen=True)
class Prepared:
    """All data of a study.

    Attributes:
        whole: Training and validation data in full.
        preprocessing: As fitted on the training data.
        classes: Names of the classes; empty for regression.
        mean: Of a number that is predicted, in the units of the data.
        stratum: Of each training sample, (n,).
        groups: Of each training sample, (n,), or None.
        split: Seed of the split and the subsets.
        notes: What was assumed or left out, as sentences.
    """

    whole: Part
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    mean: float
    stratum: Indices
    groups: npt.NDArray[Any] | None
    split: int
    notes: tuple[str, ...] = ()

    def part(
        self, share: float, classes: int | None, batch_size: int, cache: Path | None = None
    ) -> Part:
        """What a trial is trained on.

        Args:
            share: Of the training data, in (0, 1]; validation data stay whole.
            classes: How many classes to keep, more if so many were too easy; None keeps all.
            batch_size: Of the trial.
            cache: Where to keep what the classes are chosen by.
        """
        rows = fraction(self.stratum, share, self.split, batch_size, self.groups)
        part = _rows(self.whole, rows) if share < 1.0 else self.whole
        if classes is None or not self.classes or classes >= len(self.classes):
            return part
        return _of_classes(part, hard_subset(self._confusion(cache), max(2, classes)))

    def _confusion(self, cache: Path | None) -> npt.NDArray[np.float64]:
        """What a linear model confuses; computed once for all trials that share a folder."""
        if cache is not None and cache.is_file():
            return np.array(json.loads(cache.read_text()))
        x, y = flat_features(tuple(t.numpy() for t in self.whole.x)), self.whole.y.numpy()
        found = confusability(x, y, len(self.classes))
        if cache is not None:
            temporary = cache.with_name(f".{cache.name}-{os.getpid()}")
            temporary.write_text(json.dumps(found.tolist()))
            temporary.replace(cache)
        return found

    def task(self, metric: str) -> Task:
        """The facts that rules and reports go by; ``metric`` is the one that is tuned."""
        whole = self.whole
        task = Task(n_train=len(whole.y), n_val=len(whole.y_val), eval_mode_train=True)
        if whole.regression:
            variance = float(whole.y_val.double().var(correction=0))
            return replace(task, kind="regression", baseline_loss=variance, baseline_metric=0.0)
        priors = torch.bincount(whole.y, minlength=len(self.classes)).double() / len(whole.y)
        entropy = float(-(priors * priors.clamp(min=1e-12).log()).sum())
        return replace(
            task, kind="classification", classes=len(self.classes), priors=tuple(priors.tolist()),
            baseline_loss=entropy, baseline_metric=self._baseline(metric, priors),
        )  # fmt: skip

    def _baseline(self, metric: str, priors: Tensor) -> float:
        """The metric of always answering the most frequent class."""
        share = float(priors.max())
        if metric == "macro_f1":
            return 2 * share / (1 + share) / len(self.classes)
        return 1 / len(self.classes) if metric == "balanced_accuracy" else share


def _rows(part: Part, rows: Indices) -> Part:
    chosen = torch.from_numpy(rows)
    return replace(part, x=tuple(t[chosen] for t in part.x), y=part.y[chosen])


def _of_classes(part: Part, kept: tuple[int, ...]) -> Part:
    """The samples of some classes, which are numbered anew."""
    code = torch.full((part.shape.outputs,), -1)
    code[list(kept)] = torch.arange(len(kept))
    train, val = code[part.y] >= 0, code[part.y_val] >= 0
    return Part(
        tuple(t[train] for t in part.x), code[part.y[train]],
        tuple(t[val] for t in part.x_val), code[part.y_val[val]],
        replace(part.shape, outputs=len(kept)),
    )  # fmt: skip


def prepare(labelled: Labelled, settings: Settings, *, all_for_training: bool = False) -> Prepared:
    """Split, fit the preprocessing on the training data, and apply it.

    Args:
        labelled: As `reading.read` gives them.
        settings: The share of validation and the seed of the split.
        all_for_training: Train on the validation data, too, as for a model to be used.
    """
    samples, target = labelled.samples, labelled.target
    stratum = strata(target.y, regression=target.regression)
    train, val = _split(labelled, settings, stratum)
    if all_for_training:
        train = np.arange(len(target.y))
    # In no order, so that the first thousand are a fair sample though a file be sorted.
    train = train[np.argsort(hashes(train, settings.split + 1), kind="stable")]
    groups = None if samples.groups is None else samples.groups[train]
    fitted: Preprocessing = KINDS[samples.kind].fit(_taken(samples, train), settings)
    inputs = [torch.from_numpy(np.ascontiguousarray(a)) for a in fitted.apply(samples)]
    mean, scale = _scale(target.y[train]) if target.regression else (0.0, 1.0)
    y = torch.from_numpy(
        ((target.y - mean) / scale).astype(np.float32) if target.regression else target.y
    )
    shape = fitted.shape(len(target.classes) or 1)
    whole = Part(
        tuple(t[train] for t in inputs), y[train], tuple(t[val] for t in inputs), y[val], shape,
        scale,
    )  # fmt: skip
    return Prepared(
        whole, fitted, target.classes, mean, stratum[train], groups, settings.split, labelled.notes
    )


def _split(labelled: Labelled, settings: Settings, stratum: Indices) -> tuple[Indices, Indices]:
    n = len(stratum)
    if labelled.n_val is not None:
        train, val = np.arange(n - labelled.n_val), np.arange(n - labelled.n_val, n)
    else:
        assert not isinstance(settings.val, str)
        train, val = split(stratum, settings.val, settings.split, labelled.samples.groups)
    if len(val) > MOST_VALIDATION:
        val = val[fraction(stratum[val], MOST_VALIDATION / len(val), settings.split)]
    return train, val


def _taken(samples: Samples, rows: Indices) -> Samples:
    x = samples.x
    if samples.kind == "table":
        return replace(samples, x={n: c[rows] for n, c in x.items()})
    if samples.kind == "images":
        return replace(samples, x=x[rows])
    return replace(samples, x=[x[i] for i in rows])


def _scale(y: npt.NDArray[np.float64]) -> tuple[float, float]:
    scale = float(y.std())
    return float(y.mean()), scale if scale > 0 else 1.0
