"""Where data come from: files, folders of images, functions, and what is in memory already."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import DataError
from danlu.kit.images import read_folder
from danlu.kit.settings import Settings
from danlu.kit.tables import from_frame, read_table


def load(data: Any, settings: Settings) -> Any:
    """What a person calls their data, as a mapping: of arrays ``x`` and ``y``, or of ``columns``.

    Raises:
        DataError: With one sentence, if there are none or they cannot be read.
    """
    if isinstance(data, str | Path):
        return _load_named(str(data), settings)
    if isinstance(data, tuple) and len(data) == 2:
        return {"x": data[0], "y": data[1]}
    if isinstance(data, Mapping):
        return data
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return {"columns": from_frame(data)}
    raise DataError(
        "data must be a file, a folder, a function's name, a data frame, a pair (x, y) or a "
        f"mapping with x and y, but got {type(data).__name__}."
    )


def _load_named(name: str, settings: Settings) -> Any:
    path = Path(name)
    if path.is_dir():
        images, labels, names = read_folder(path, settings.size)
        return {"x": images, "y": labels, "names": tuple(names)}
    if path.suffix in (".csv", ".tsv", ".txt", ".parquet", ".npz"):
        if not path.is_file():
            raise DataError(f"there is no file {name}.")
        if path.suffix == ".npz":
            return _read_npz(path)
        return {"columns": read_table(path)}
    if ":" in name:
        return load(_called(name), settings)
    if not path.exists():
        raise DataError(f"there is no file or folder {name}.")
    raise DataError(
        f"{name} is no data that is known: .csv, .tsv, .parquet, .npz, a folder of images, or "
        '"module:function".'
    )


def _called(name: str) -> Any:
    """What a user's function returns; whatever it raises is told as its failure."""
    function = imported(name)
    try:
        return function()
    except Exception as error:
        raise DataError(f"{name} failed with {type(error).__name__}: {error}") from error


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as NumPy arrays: {error}") from None


def imported(name: str) -> Any:
    """The function ``"module:function"`` or ``"path/to/file.py:function"``.

    Raises:
        DataError: If there is none; errors of the module's own code come as they are.
    """
    module_name, _, attribute = name.rpartition(":")
    if module_name.endswith(".py"):
        path = Path(module_name)
        if not path.is_file():
            raise DataError(f"there is no file {module_name}.")
        folder = str(path.resolve().parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        module_name = path.stem
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            raise
        raise DataError(f"there is no module {module_name!r}.") from None
    function = getattr(module, attribute, None)
    if not callable(function):
        raise DataError(f"module {module_name!r} has no function {attribute!r}.")
    return function
