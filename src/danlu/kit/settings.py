"""What the training kit is told: which data, what to predict, and with which kind of model."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import DataError

Family: TypeAlias = Literal["mlp", "cnn", "rnn", "text"]
FAMILIES: tuple[Family, ...] = ("mlp", "cnn", "rnn", "text")

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "r2", "rmse", "loss")
OF_CLASSES = ("loss", "accuracy", "balanced_accuracy", "macro_f1")  # each of what is predicted
OF_NUMBERS = ("loss", "r2", "rmse")
FURTHER = ("parameters", "seconds", "lr", "grad_norm", "grad_norm_max")  # reported beside them
IN_MEMORY = "(in memory)"  # instead of data that are objects of a process
LEAST = {"size": 1, "min_freq": 1, "max_len": 1, "patience": 0, "split": 0}
SHRINK = ("rmse", "loss")  # of the metrics, those that are better when smaller


@dataclass(frozen=True, slots=True)
class Settings:
    """The section ``[train]`` of a study file; the same names as arguments of `Training`.

    Attributes:
        data: A CSV, Parquet or NumPy (``.npz``) file, a folder of images with one folder a class,
            or ``"module:function"`` or ``"file.py:function"`` that returns arrays or a data frame.
        target: The column to predict; arrays have ``y``, folders of images need none.
        model: ``"auto"``, a family (``"mlp"``, ``"cnn"``, ``"rnn"``, ``"text"``), or the user's
            ``"module:builder"``, called with the params and the `Shape` of the data.
        kind: What is predicted; ``"auto"`` decides by the target.
        metric: The objective's metric without its ``val_``; ``"auto"`` is accuracy, balanced
            accuracy when classes are rare, and R² for regression.
        val: Share of the data for validation, in (0, 1), or a file like ``data`` to validate on.
        groups: A column whose rows of one value stay on one side of the split.
        text: The column that holds the text.
        drop: Columns to leave out.
        categorical: Columns to take as categories though they hold numbers.
        size: Side in pixels that images are resized to; None needs them of one size.
        min_freq: A word is in the vocabulary from so many training texts on.
        max_len: Longest text in words; None takes the 95th percentile of the training texts.
        patience: Epochs without a lower validation loss after which a trial ends; 0 never.
        split: Seed of the split and the subsets, so that all trials have the same ones.
        device: ``"auto"`` takes a GPU if there is one; else a name that torch knows.
    """

    data: Any
    target: str | None = None
    model: str = "auto"
    kind: Literal["auto", "classification", "regression"] = "auto"
    metric: str = "auto"
    val: float | str = 0.2
    groups: str | None = None
    text: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    size: int | None = None
    min_freq: int = 2
    max_len: int | None = None
    patience: int = 0
    split: int = 0
    device: str = "auto"

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Settings":
        """The settings in a table of plain values.

        Raises:
            DataError: For a name that is unknown, or a value that cannot be.
        """
        known = [f.name for f in fields(cls)]
        for name in table:
            if name not in known:
                raise DataError(say(
                    "{name} is no setting of training.{hint}",
                    name=repr(name), hint=nearest(name, known),
                ))  # fmt: skip
        lists = {n: tuple(v) for n, v in table.items() if n in ("drop", "categorical")}
        settings = cls(**{**table, **lists})
        if problem := settings.problem():
            raise DataError(problem)
        return settings

    def problem(self) -> str | None:
        """The first value that cannot be, as a sentence."""
        if self.model not in ("auto", *FAMILIES) and ":" not in self.model:
            hint = nearest(self.model, FAMILIES)
            families = ", ".join(FAMILIES)
            return say(
                'model must be "auto", {families} or "module:builder", not {model}.{hint}',
                families=families,
                model=repr(self.model),
                hint=hint,
            )
        if self.metric not in ("auto", *METRICS):
            hint = nearest(self.metric, METRICS)
            return say(
                'metric must be "auto", {metrics}, not {metric}.{hint}',
                metrics=list(METRICS),
                metric=repr(self.metric),
                hint=hint,
            )
        if self.kind not in ("auto", "classification", "regression"):
            return say(
                'kind must be "auto", "classification" or "regression", not {kind}.',
                kind=repr(self.kind),
            )
        if not isinstance(self.val, str) and not 0.0 < self.val < 1.0:
            return say(
                "val must be a share between 0 and 1, or a file, not {val}.", val=repr(self.val)
            )
        for name, low in LEAST.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < low):
                return say(
                    "{name} must be a whole number from {low}, not {value}.",
                    name=name,
                    low=low,
                    value=repr(value),
                )
        return None

    @property
    def own_network(self) -> bool:
        """Whether a builder of the user's makes the networks."""
        return self.model not in ("auto", *FAMILIES)

    @property
    def reference(self) -> str:
        """By which another interpreter makes the `Training`, as `load_function` takes it."""
        return f"danlu.kit.training:Training({json.dumps(self.table())})"

    def table(self) -> dict[str, Any]:
        """What differs from the defaults, as plain values; data of this process are only said."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["data"] = os.fspath(self.data) if isinstance(self.data, str | Path) else IN_MEMORY
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}
        return {n: v for n, v in plain.items() if n == "data" or v != _DEFAULTS[n]}


_DEFAULTS: Mapping[str, Any] = {
    f.name: [] if f.default == () else f.default for f in fields(Settings)
}
