"""Arrays as a person has them, in the form of samples: tables, images, sequences and texts."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.errors import DataError
from danlu.kit.images import NUMBERS, channels_first, stacked
from danlu.kit.tables import typed

Kind: TypeAlias = Literal["table", "images", "sequences", "text"]


def inputs(x: Any, kind: Kind, size: int | None = None) -> Any:
    """Inputs from arrays in the form that `Samples` has them.

    Args:
        x: Arrays, texts, or lists of them.
        kind: What one sample is.
        size: Side in pixels that images are resized to.
    """
    if kind == "text":
        return [str(t) for t in x]
    if kind == "sequences":
        return _sequences(x)
    array = stacked(x, size) if kind == "images" else array_of(x)
    if array.dtype.kind not in NUMBERS:
        raise DataError(f"x must hold numbers, but its type is {array.dtype}.")
    if kind == "images":
        images = channels_first(array)
        if not np.all(np.isfinite(images)):
            raise DataError("some pixels are NaN or infinite: remove these images.")
        return images
    if array.ndim < 2 or not array[:1].size:
        raise DataError(f"a table must have shape (samples, features), but x has {array.shape}.")
    array = array.reshape(len(array), -1)
    return typed({f"x{i}": column for i, column in enumerate(array.T)})


def array_of(x: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(x)
    except ValueError:
        raise DataError("the samples of x must all have one shape, but theirs differ.") from None


def _sequences(x: Any) -> list[npt.NDArray[np.float32]]:
    found: list[npt.NDArray[np.float32]] = []
    for i, item in enumerate(x):
        try:
            array = np.asarray(item, dtype=np.float32)
        except (ValueError, TypeError):
            raise DataError(f"sequence {i + 1} must hold numbers, (time, features).") from None
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or not array.size:
            raise DataError(
                f"sequence {i + 1} must have shape (time, features), not {array.shape}."
            )
        if not np.all(np.isfinite(array)):
            raise DataError(f"sequence {i + 1} holds values that are NaN or infinite.")
        if array.shape[1] != (found[0] if found else array).shape[1]:
            raise DataError(
                f"sequence {i + 1} has {array.shape[1]} features, but the first one "
                f"{found[0].shape[1]}."
            )
        found.append(array)
    return found


def cut_to(x: Any, lengths: Any) -> Any:
    """Padded sequences (n, T, features) cut to their lengths (n,), if lengths are given."""
    if lengths is None:
        return x
    steps = np.asarray(lengths)
    if steps.shape != (len(x),) or steps.dtype.kind not in "iu":
        raise DataError(
            f"lengths must be {len(x)} whole numbers, one for each sequence, but have shape "
            f"{steps.shape} and type {steps.dtype}."
        )
    return [sequence[:n] for sequence, n in zip(x, steps.tolist(), strict=True)]
