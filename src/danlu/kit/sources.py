"""Where data come from: files, folders of images, functions, and what is in memory already."""

import importlib
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
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
    raise DataError(say(
        "data must be a file, a folder, a function's name, a data frame, a pair "
        "(x, y) or a mapping with x and y, but got {kind}.",
        kind=type(data).__name__,
    ))  # fmt: skip


def _load_named(name: str, settings: Settings) -> Any:
    path = Path(name)
    if path.is_dir():
        images, labels, names = read_folder(path, settings.size)
        return {"x": images, "y": labels, "names": tuple(names)}
    if path.suffix in (".csv", ".tsv", ".txt", ".parquet", ".npz"):
        if not path.is_file():
            raise DataError(say("there is no file {name}.", name=name))
        if path.suffix == ".npz":
            return _read_npz(path)
        return {"columns": read_table(path)}
    if ":" in name:
        return load(_called(name), settings)
    if not path.exists():
        raise DataError(say("there is no file or folder {name}.", name=name))
    raise DataError(say(
        "{name} is no data that is known: .csv, .tsv, .parquet, .npz, a folder of "
        'images, or "module:function".',
        name=name,
    ))  # fmt: skip


def _called(name: str) -> Any:
    """What a user's function returns; whatever it raises is told as its failure."""
    function = imported(name)
    try:
        return function()
    except Exception as error:
        raise DataError(say(
            "{name} failed with {kind}: {error}",
            name=name, kind=type(error).__name__, error=error,
        )) from error  # fmt: skip


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(
            say("{path} cannot be read as NumPy arrays: {error}", path=path, error=error)
        ) from None


def imported(name: str) -> Any:
    """The function ``"module:function"`` or ``"path/to/file.py:function"``.

    Raises:
        DataError: If there is none, or its module cannot be imported.
    """
    module_name, _, attribute = name.rpartition(":")
    try:
        module = _module(module_name)
    except DataError:
        raise
    except Exception as error:  # whatever a user's module raises
        text = f"{type(error).__name__}: {error}"
        raise DataError(
            say("{module} cannot be imported: {text}", module=module_name, text=text)
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise DataError(say(
            "module {module} has no function {attribute}.",
            module=repr(module_name), attribute=repr(attribute),
        ))  # fmt: skip
    return function


def _module(name: str) -> ModuleType:
    if name.endswith(".py"):
        return _module_in(Path(name).resolve())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        raise DataError(say("there is no module {name}.", name=repr(name))) from None


def _module_in(path: Path) -> ModuleType:
    """The module in a file, also if another file's module goes by the same name."""
    if not path.is_file():
        raise DataError(say("there is no file {path}.", path=path))
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    known = sys.modules.get(path.stem)
    if known is None or getattr(known, "__file__", None) == str(path):
        return importlib.import_module(path.stem)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None, "a file that ends in .py can be imported"
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
