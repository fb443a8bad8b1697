"""Arrays as a person has them, in the form of samples: tables, images, sequences and texts."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
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
        raise DataError(say("x must hold numbers, but its type is {dtype}.", dtype=array.dtype))
    if kind == "images":
        images = channels_first(array)
        if not np.all(np.isfinite(images)):
            raise DataError(say("some pixels are NaN or infinite: remove these images."))
        return images
    if array.ndim < 2 or not array[:1].size:
        raise DataError(say(
            "a table must have shape (samples, features), but x has {shape}.",
            shape=array.shape,
        ))  # fmt: skip
    array = array.reshape(len(array), -1)
    return typed({f"x{i}": column for i, column in enumerate(array.T)})


def array_of(x: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(x)
    except ValueError:
        raise DataError(
            say("the samples of x must all have one shape, but theirs differ.")
        ) from None


def _sequences(x: Any) -> list[npt.NDArray[np.float32]]:
    found: list[npt.NDArray[np.float32]] = []
    for i, item in enumerate(x):
        try:
            array = np.asarray(item, dtype=np.float32)
        except (ValueError, TypeError):
            raise DataError(
                say("sequence {number} must hold numbers, (time, features).", number=i + 1)
            ) from None
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or not array.size:
            raise DataError(say(
                "sequence {number} must have shape (time, features), not {shape}.",
                number=i + 1, shape=array.shape,
            ))  # fmt: skip
        if not np.all(np.isfinite(array)):
            raise DataError(
                say("sequence {number} holds values that are NaN or infinite.", number=i + 1)
            )
        if array.shape[1] != (found[0] if found else array).shape[1]:
            raise DataError(say(
                "sequence {number} has {features} features, but the first one {first}.",
                number=i + 1, features=array.shape[1], first=found[0].shape[1],
            ))  # fmt: skip
        found.append(array)
    return found


def cut_to(x: Any, lengths: Any) -> Any:
    """Padded sequences (n, T, features) cut to their lengths (n,), if lengths are given."""
    if lengths is None:
        return x
    steps = np.asarray(lengths)
    if steps.shape != (len(x),) or steps.dtype.kind not in "iu":
        raise DataError(say(
            "lengths must be {count} whole numbers, one for each sequence, but have "
            "shape {shape} and type {dtype}.",
            count=len(x), shape=steps.shape, dtype=steps.dtype,
        ))  # fmt: skip
    return [sequence[:n] for sequence, n in zip(x, steps.tolist(), strict=True)]
