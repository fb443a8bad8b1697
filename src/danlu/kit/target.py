"""The target: class names and codes, or numbers, and everything that can be wrong with them."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
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
        raise DataError(
            say("the target must have one value a sample, not shape {shape}.", shape=labels.shape)
        )
    if not len(labels):
        raise DataError(say("there are no samples: at least two of each class are needed."))
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
        count = len(rows)
        labels = say("1 label is") if count == 1 else say("{count} labels are", count=count)
        raise DataError(say(
            "{labels} missing in the target {name}, the first in row {rows}: "
            "remove these rows, or fill them in.",
            labels=labels, name=repr(name), rows=rows[0],
        ))  # fmt: skip


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
        raise DataError(say(
            "regression needs numbers, but the target {name} is {texts} in row "
            "{stray}, and no number in {count} rows in all.",
            name=repr(name), texts=repr(texts[stray[0]]), stray=stray[0] + 1, count=len(stray),
        ))  # fmt: skip
    if not np.all(np.isfinite(numbers)):
        raise DataError(say(
            "the target {name} is infinite in some rows: remove or limit them.",
            name=repr(name),
        ))  # fmt: skip
    if np.all(numbers == numbers[0]):
        raise DataError(say(
            "the target {name} is {texts} in every row: nothing can be learnt.",
            name=repr(name), texts=texts[0],
        ))  # fmt: skip
    return numbers


def _classes(
    texts: npt.NDArray[Any], numbers: npt.NDArray[np.float64] | None, name: str
) -> Target:
    many = len(set(texts) if numbers is None else np.unique(numbers))
    if many > MOST_CLASSES or (many > OWN_LABEL_SHARE * len(texts) and len(texts) > 4):
        raise DataError(say(
            "the target {name} has {many:,} classes in {count:,} rows: that is rather "
            'an id, or a number to predict with kind = "regression".',
            name=repr(name), many=many, count=len(texts),
        ))  # fmt: skip
    found, codes, counts = np.unique(texts.astype(str), return_inverse=True, return_counts=True)
    names = found.astype(object)
    if len(names) == 1:
        raise DataError(say(
            "the target {name} has one class only, {names}, in all {count} rows: at "
            "least two are needed.",
            name=repr(name), names=repr(names[0]), count=len(texts),
        ))  # fmt: skip
    if counts.min() < 2:
        rare = names[counts.argmin()]
        raise DataError(say(
            "class {rare} of the target {name} has one sample only, and cannot be both "
            "trained and validated on: remove it, merge it with another class, or find "
            "more.",
            rare=repr(rare), name=repr(name),
        ))  # fmt: skip
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
        raise DataError(say(
            "class {unknown} is in the validation data, but not in training.",
            unknown=repr(unknown[0]),
        ))  # fmt: skip
    return np.array([code[t] for t in texts], dtype=np.int64)


def _numbers_of(texts: npt.NDArray[Any], name: str) -> npt.NDArray[np.float64]:
    numbers, stray = as_numbers(texts)
    if stray:
        raise DataError(say(
            "the target {name} is {texts} in row {stray}.",
            name=repr(name), texts=repr(texts[stray[0]]), stray=stray[0] + 1,
        ))  # fmt: skip
    return numbers
