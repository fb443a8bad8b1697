"""A study as flat tables: one row for each trial, one for each reported epoch; and as files.

In the table of trials a parameter ``lr`` is the column ``param_lr``, so that no parameter can
hide another column. In the table of epochs metrics keep their names.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from danlu.core.codec import encode_number
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.spec import encode_spec
from danlu.core.system import reason_of
from danlu.errors import DanluError

Row: TypeAlias = dict[str, Any]
EPOCH_COLUMNS = ("number", "epoch", "at")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how one begins in a spreadsheet


def trial_rows(history: History) -> list[Row]:
    """One row for each trial, all with the same columns; what a trial has not is None."""
    return [
        {
            "number": t.number,
            "state": t.state,
            "stage": t.stage,
            "value": t.value,
            "value_epoch": t.value_epoch or None,
            "epoch": t.epoch,
            "until": t.until,
            "data_fraction": t.proxy.data_fraction,
            "classes": t.proxy.classes,
            **{f"param_{name}": t.config.get(name) for name in history.spec.space},
            "seed": t.seed,
            "attempt": t.attempt,
            "seconds": t.seconds,
            "why": t.why,
            "cause": t.cause,
            "message": t.message,
            "findings": "; ".join(f.message for f in t.diagnosis),
        }
        for t in history.trials.values()
    ]


def report_rows(history: History) -> list[Row]:
    """One row for each reported epoch, all with the same columns; missing metrics are None."""
    trials = history.trials.values()
    names = list(dict.fromkeys(n for t in trials for n in t.metric_names()))
    columns = {n: f"metric_{n}" if n in EPOCH_COLUMNS else n for n in names}
    return [
        {"number": t.number, "epoch": r.epoch, "at": r.at}
        | {column: r.metrics.get(name) for name, column in columns.items()}
        for t in trials
        for r in t.reports
    ]


def write_csv(history: History, path: Path) -> list[Path]:
    """Write trials and epochs as CSV.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        history: The study.
        path: A folder, which gets ``trials.csv`` and ``epochs.csv``; or a file ``NAME.csv`` for
            the trials, beside which the epochs become ``NAME-epochs.csv``.

    Returns:
        Both files.

    Raises:
        DanluError: When a file cannot be written.
    """
    files = _two_files(path, ".csv")
    for file, rows in zip(files, (trial_rows(history), report_rows(history)), strict=True):
        with _writing(file), file.open("w", encoding="utf-8", newline="", errors=REPLACED) as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(map(_cell, rows[0] if rows else ()))
            writer.writerows(map(_cell, row.values()) for row in rows)
    return files


def _cell(value: Any) -> Any:
    """A value as a spreadsheet may read it (OWASP, CSV injection).

    A lone carriage return becomes a line feed: the csv module does not quote it before Python
    3.13, and readers would begin a new row there.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if value.startswith(FORMULA) else text


def write_json(history: History, path: Path) -> list[Path]:
    """Write spec, trials and epochs as one JSON file.

    Numbers that JSON has no word for become ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.

    Args:
        history: The study.
        path: The file, or a folder, which gets ``study.json``.

    Returns:
        The file, in a list as the other formats give theirs.

    Raises:
        DanluError: When the file cannot be written.
    """
    file = path if path.suffix == ".json" else path / "study.json"
    table = {
        "study": encode_spec(history.spec),
        "outcome": history.outcome,
        "trials": [_plain(row) for row in trial_rows(history)],
        "epochs": [_plain(row) for row in report_rows(history)],
    }
    with _writing(file):
        file.write_text(json.dumps(table, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return [file]


def write_parquet(history: History, path: Path) -> list[Path]:
    """Write trials and epochs as Parquet; files are named as by `write_csv`.

    Raises:
        DanluError: When a file cannot be written, or pandas and pyarrow are not installed.
    """
    frames = to_pandas(history), reports_to_pandas(history)
    files = _two_files(path, ".parquet")
    for file, frame in zip(files, frames, strict=True):
        with _writing(file):
            frame.to_parquet(file, index=False)
    return files


def to_pandas(history: History) -> Any:
    """The trials as a ``pandas.DataFrame``, with the columns of `trial_rows`.

    Raises:
        DanluError: When pandas is not installed.
    """
    return _frame(trial_rows(history))


def reports_to_pandas(history: History) -> Any:
    """Every reported epoch as a ``pandas.DataFrame``, with the columns of `report_rows`.

    Raises:
        DanluError: When pandas is not installed.
    """
    return _frame(report_rows(history))


def _frame(rows: Sequence[Row]) -> Any:
    try:
        import pandas as pd
        import pyarrow  # noqa: F401 - pandas needs it for Parquet; one extra brings both
    except ImportError as error:
        raise DanluError(say(
            "data frames and Parquet need pandas and pyarrow, which are not installed: "
            "pip install 'danlu[frames]'.",
        )) from error  # fmt: skip
    names = list(rows[0]) if rows else []
    return pd.DataFrame({_whole(name): _column([row[name] for row in rows]) for name in names})


def _column(values: list[Any]) -> list[Any]:
    """The values, as text where words stand among numbers: a column has one type."""
    kinds = {str if isinstance(v, str) else bool if isinstance(v, bool) else float
             for v in values if v is not None}  # fmt: skip
    clean = [_whole(v) if isinstance(v, str) else v for v in values]
    return clean if len(kinds) < 2 else [None if v is None else str(v) for v in clean]


def _whole(text: str) -> str:
    return text.encode("utf-8", REPLACED).decode()


REPLACED = "backslashreplace"
"""What becomes of half a character in a program's output, which no file can hold."""


def _two_files(path: Path, suffix: str) -> list[Path]:
    if path.suffix == suffix:
        return [path, path.with_name(f"{path.stem}-epochs{suffix}")]
    return [path / f"trials{suffix}", path / f"epochs{suffix}"]


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Make the file's folder, and turn a failure to write into an error that names the file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DanluError(
            say("{path} cannot be written: {reason}.", path=file, reason=reason_of(error))
        ) from error


def _plain(row: Mapping[str, Any]) -> Row:
    return {k: encode_number(v) if isinstance(v, float) else v for k, v in row.items()}
