"""Whatever a person holds data in, as NumPy arrays of numbers, or a sentence why it is none."""

from typing import Any, TypeAlias

import numpy as np

from danlu.core.sentence import say
from danlu.errors import CheckError

Array: TypeAlias = np.ndarray[Any, Any]


def numbers(given: Any, name: str) -> Array:
    """Any array-like as numbers.

    Raises:
        CheckError: If it is none.
    """
    if given is None:
        raise CheckError(say("{name} is missing (None).", name=name))
    if hasattr(given, "detach"):  # a torch tensor, on whatever device and of whatever type
        given = given.detach().cpu()
        given = given.float() if "bfloat16" in str(given.dtype) else given
    if hasattr(given, "toarray"):  # a SciPy sparse matrix
        given = given.toarray()
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise CheckError(_no_array(given, name, error)) from error
    return _of_numbers(array, name)


def _no_array(given: Any, name: str, error: Exception) -> str:
    lengths = {len(row) for row in given if hasattr(row, "__len__")} if _rows(given) else set()
    if len(lengths) > 1:
        return say(
            "{name} is ragged: its rows have from {lengths} to {lengths2} values; pad them "
            "to one length.",
            name=name,
            lengths=min(lengths),
            lengths2=max(lengths),
        )
    return say("{name} is no array of numbers: {problem}.", name=name, problem=phrase(error))


def _rows(given: Any) -> bool:
    return isinstance(given, list | tuple)


def _of_numbers(array: Array, name: str) -> Array:
    if array.dtype.kind == "O":
        array = _from_objects(array, name)
    if array.dtype.kind in "US":
        raise CheckError(
            say(
                "{name} holds text such as {value}: encode it as numbers (classes as 0, 1, 2, …).",
                name=name,
                value=repr(str(array.ravel()[0])),
            )
            if array.size
            else say("{name} is empty.", name=name)
        )
    if array.dtype.kind not in "biuf":
        raise CheckError(
            say("{name} must hold numbers, but holds {dtype}.", name=name, dtype=array.dtype)
        )
    if array.ndim == 0:
        raise CheckError(say(
            "{name} must be an array with one row a sample, but is a single number.", name=name,
        ))  # fmt: skip
    if array.size == 0:
        raise CheckError(
            say("{name} is empty: its shape is {shape}.", name=name, shape=array.shape)
        )
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _from_objects(array: Array, name: str) -> Array:
    """Numbers from objects; None counts as missing (NaN)."""
    for value in array.ravel():
        if isinstance(value, str):
            raise CheckError(say(
                "{name} holds text such as {value}: encode it as numbers.",
                name=name, value=repr(value),
            ))  # fmt: skip
        if isinstance(value, list | tuple | np.ndarray):
            raise CheckError(
                say("{name} is ragged: its rows differ in length; pad them to one.", name=name)
            )
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckError(
            say("{name} holds what is no number: {problem}.", name=name, problem=phrase(error))
        ) from error


def phrase(error: Exception) -> str:
    """An error in a phrase."""
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
