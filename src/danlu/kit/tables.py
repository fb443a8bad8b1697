"""CSV and Parquet files as columns: floats with NaN, or text with None for a missing value."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import DataError

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Name → (n,): float64 with NaN for missing values, or objects that are str or None."""

MISSING = ("", "?", "na", "n/a", "nan", "null", "<na>")  # in lower case
STRAY_SHARE = 0.1  # a column with fewer texts than this among its numbers has mistakes in it
COMMA = re.compile(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?")  # a number, perhaps with a comma
SHOWN = 3  # examples in a message


def read_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The columns of a file as they stand: numbers, booleans, or objects.

    Raises:
        DataError: If it cannot be read.
    """
    import pandas as pd

    separator = ""
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            header, separator = _header(path)
            _check_names(next(csv.reader([header], delimiter=separator), ()))
            frame = pd.read_csv(
                path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True
            )
    except UnicodeDecodeError:
        raise DataError(
            say("{path} must be UTF-8 text, but is not: convert it first.", path=path)
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(
            say("{path} is empty: a line with the names of the columns is needed.", path=path)
        ) from None
    except (pd.errors.ParserError, ValueError, OSError, csv.Error) as error:
        reason = " ".join(str(error).split()).rstrip(".").rpartition("C error: ")[2]
        raise DataError(
            say("{path} cannot be read as a table: {reason}.", path=path, reason=reason)
        ) from None
    columns = from_frame(frame)
    return {n: _with_points(c) for n, c in columns.items()} if separator == ";" else columns


def _with_points(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers with a decimal comma, as tables with semicolons have them, with a point.

    Other columns stay as they are.
    """
    texts = [str(text).strip() for text in column]
    given = [text for text in texts if text.lower() not in MISSING]
    if not any("," in text for text in given) or not all(map(COMMA.fullmatch, given)):
        return column
    return np.array([text.replace(",", ".") for text in texts], dtype=object)


def _header(path: Path) -> tuple[str, str]:
    """The first line, and what separates its names."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    return header, "\t" if path.suffix == ".tsv" else max(",;\t|", key=header.count)


def _check_names(names: Iterable[Any]) -> list[str]:
    """Names of columns as texts, each of them once."""
    found = [str(name).strip() for name in names]
    if twice := next((name for name in found if name and found.count(name) > 1), None):
        raise DataError(
            say("two columns are named {twice}: give each a name of its own.", twice=repr(twice))
        )
    return found


def from_frame(frame: Any) -> dict[str, npt.NDArray[Any]]:
    """The columns of a `pandas.DataFrame`."""
    names = _check_names(frame.columns)
    return {name: frame.iloc[:, i].to_numpy() for i, name in enumerate(names)}


def taken(
    columns: Mapping[str, npt.NDArray[Any]], name: str, what: str
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]]]:
    """One column, and the others.

    Raises:
        DataError: If there is none of that name.
    """
    if name not in columns:
        hint = nearest(name, tuple(columns)) or f" There are {_listed(columns)}."
        raise DataError(say(
            "there is no column {name} for the {what}.{hint}",
            name=repr(name), what=what, hint=hint,
        ))  # fmt: skip
    return columns[name], {n: c for n, c in columns.items() if n != name}


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(map(repr, names[:10])) + (" …" if len(names) > 10 else "")


def typed(columns: Mapping[str, npt.NDArray[Any]], categorical: Collection[str] = ()) -> Columns:
    """Each column as numbers or as text.

    Raises:
        DataError: For texts among the numbers of a column, infinities, or an unknown name.
    """
    for name in categorical:
        taken(columns, name, "categories")
    return {
        name: as_text(column) if name in categorical else _typed(name, column)
        for name, column in columns.items()
    }


def _typed(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.dtype.kind in "iuf":
        return _finite(name, column.astype(np.float64))
    texts = as_text(column)
    if column.dtype.kind == "b":
        return texts
    numbers, stray = as_numbers(texts)
    given = sum(t is not None for t in texts)
    if not stray and given:
        return _finite(name, numbers)
    if given and len(stray) < STRAY_SHARE * given:
        raise DataError(_stray_problem(name, texts, stray))
    return texts


def _stray_problem(name: str, texts: npt.NDArray[Any], stray: list[int]) -> str:
    shown = [say("{text} in row {row}", text=repr(texts[i]), row=i + 1) for i in stray[:SHOWN]]
    count = len(stray)
    counted = say("1 text") if count == 1 else say("{count} texts", count=count)
    return say(
        "column '{name}' holds numbers, but also {texts}: {shown}. Correct them, "
        "leave them empty, or say categorical = [\"{name}\"].",
        name=name, texts=counted, shown=shown,
    )  # fmt: skip


def as_text(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column as objects that are str, or None where a value is missing."""
    if column.dtype.kind in "iu":
        return column.astype(str).astype(object)
    texts = np.empty(len(column), dtype=object)
    for i, value in enumerate(column.tolist()):
        texts[i] = _text(value)
    return texts


def _text(value: Any) -> str | None:
    """A value as text, 3.0 as "3"; None if it is missing."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = "" if value is None else str(value).strip()
    return None if text.lower() in MISSING else text


def as_numbers(texts: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Texts as numbers, NaN where there is none, and the rows that are something else."""
    try:
        return texts.astype(np.float64), []  # None becomes NaN
    except (ValueError, TypeError):
        numbers, stray = np.full(len(texts), np.nan), []
    for i, text in enumerate(texts):
        if text is None:
            continue
        try:
            numbers[i] = float(text)
        except ValueError:
            stray.append(i)
    return numbers, stray


def _finite(name: str, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(rows := np.flatnonzero(np.isinf(numbers))):
        raise DataError(say(
            "column {name} is infinite, {count} times in all, first in row {rows}: "
            "leave them empty, or limit the values.",
            name=repr(name), count=len(rows), rows=rows[0] + 1,
        ))  # fmt: skip
    return numbers


def numbers_of(name: str, column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Further values of a column that is known to hold numbers.

    Raises:
        DataError: If there are others, or infinite ones.
    """
    numbers, stray = as_numbers(as_text(column))
    if stray:
        raise DataError(say(
            "column {name} must hold numbers, but is {column} in row {stray}.",
            name=repr(name), column=repr(str(column[stray[0]])), stray=stray[0] + 1,
        ))  # fmt: skip
    return _finite(name, numbers)
