"""The target: class names and codes, or numbers, and everything that can be wrong with them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from danlu.errors import DataError
from danlu.kit.tables import as_numbers, as_text

MOST_CLASSES = 10_000  # an output layer beyond this is no matter of a small network
FEW_VALUES = 20  # whole numbers with at most so many different values are classes
OWN_LABEL_SHARE = 0.5  # more classes than this share of the rows: an id, or a number


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes:
        y: Class codes (int64) or numbers (float64), (n,).
        classes: Names of the classes; empty for regression.
    """

    y: npt.NDArray[Any]
    classes: tuple[str, ...]

    @property
    def regression(self) -> bool:
        return not self.classes


def read_target(
    labels: npt.NDArray[Any],
    kind: Literal["auto", "classification", "regression"],
    name: str = "y",
    *,
    numbers_are_classes: bool = False,
) -> Target:
    """Labels as they were read → the target, checked.

    Args:
        labels: (n,).
        kind: What is predicted; ``"auto"`` takes texts, booleans and few whole numbers as classes.
        name: Of the column, for messages.
        numbers_are_classes: Whether whole numbers are classes however many they are.

    Raises:
        DataError: If labels are missing, all the same, too many, or texts among numbers.
    """
    if labels.ndim != 1:
        raise DataError(f"the target must have one value a sample, not shape {labels.shape}.")
    if not len(labels):
        raise DataError("there are no samples: at least two of each class are needed.")
    texts = as_text(labels)
    _check_missing(texts, name)
    numbers, stray = as_numbers(texts)
    if kind == "auto":
        kind = _kind_of(labels, numbers, bool(stray), numbers_are_classes)
    if kind == "regression":
        return Target(_numbers(numbers, stray, texts, name), ())
    return _classes(texts, None if stray else numbers, name)


def _check_missing(texts: npt.NDArray[Any], name: str) -> None:
    rows = [i + 1 for i, text in enumerate(texts) if text is None]
    if rows:
        is_are = "label is" if len(rows) == 1 else "labels are"
        raise DataError(
            f"{len(rows)} {is_are} missing in the target {name!r}, the first in row {rows[0]}: "
            "remove these rows, or fill them in."
        )


def _kind_of(
    labels: npt.NDArray[Any], numbers: npt.NDArray[np.float64], texts: bool, classes: bool
) -> Literal["classification", "regression"]:
    if texts or labels.dtype.kind == "b":
        return "classification"
    whole = bool(np.all(np.isfinite(numbers)) and np.all(numbers == np.round(numbers)))
    if whole and (classes or len(np.unique(numbers)) <= FEW_VALUES):
        return "classification"
    return "regression"


def _numbers(
    numbers: npt.NDArray[np.float64], stray: list[int], texts: npt.NDArray[Any], name: str
) -> npt.NDArray[np.float64]:
    if stray:
        raise DataError(
            f"regression needs numbers, but the target {name!r} is {texts[stray[0]]!r} in row "
            f"{stray[0] + 1}, and no number in {len(stray)} rows in all."
        )
    if not np.all(np.isfinite(numbers)):
        raise DataError(f"the target {name!r} is infinite in some rows: remove or limit them.")
    if np.all(numbers == numbers[0]):
        raise DataError(f"the target {name!r} is {texts[0]} in every row: nothing can be learnt.")
    return numbers


def _classes(
    texts: npt.NDArray[Any], numbers: npt.NDArray[np.float64] | None, name: str
) -> Target:
    many = len(set(texts) if numbers is None else np.unique(numbers))
    if many > MOST_CLASSES or (many > OWN_LABEL_SHARE * len(texts) and len(texts) > 4):
        raise DataError(
            f"the target {name!r} has {many:,} classes in {len(texts):,} rows: that is rather an "
            'id, or a number to predict with kind = "regression".'
        )
    found, codes, counts = np.unique(texts.astype(str), return_inverse=True, return_counts=True)
    names = found.astype(object)
    if len(names) == 1:
        raise DataError(
            f"the target {name!r} has one class only, {names[0]!r}, in all {len(texts)} rows: "
            "at least two are needed."
        )
    if counts.min() < 2:
        rare = names[counts.argmin()]
        raise DataError(
            f"class {rare!r} of the target {name!r} has one sample only, and cannot be both "
            "trained and validated on: remove it, merge it with another class, or find more."
        )
    if numbers is not None:  # "10" comes after "9"
        order = np.argsort([float(n) for n in names], kind="stable")
        names, codes = names[order], np.argsort(order)[codes]
    return Target(codes.astype(np.int64), tuple(map(str, names)))


def same_classes(labels: npt.NDArray[Any], known: Target, name: str) -> npt.NDArray[Any]:
    """Labels of further samples in the terms of a target that is known.

    Raises:
        DataError: For a missing or unknown label.
    """
    texts = as_text(labels)
    _check_missing(texts, name)
    if known.regression:
        return _numbers_of(texts, name)
    code = {c: i for i, c in enumerate(known.classes)}
    unknown = [t for t in texts if t not in code]
    if unknown:
        raise DataError(f"class {unknown[0]!r} is in the validation data, but not in training.")
    return np.array([code[t] for t in texts], dtype=np.int64)


def _numbers_of(texts: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    numbers, stray = as_numbers(texts)
    if stray:
        raise DataError(f"the target {name!r} is {texts[stray[0]]!r} in row {stray[0] + 1}.")
    return numbers
