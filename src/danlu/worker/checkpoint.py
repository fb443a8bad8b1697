"""Checkpoints: the states of some objects in one file, written whole or not at all, and verified.

Anything with ``state_dict()`` and ``load_state_dict()`` can be kept. With torch loaded the file
is torch's own (read back with ``weights_only=True``: it can run no code); without torch it is
JSON with NumPy arrays as base64. The random state of `random`, NumPy and torch goes along, so
that a resumed trial draws what the uninterrupted one would have drawn.

The name of a file carries its epoch and a checksum of its content and its trial, so that one
rename publishes both: ``checkpoint-12-9f86d081884c7d65.pt``. The last two epochs are kept: should
the newest file be damaged, the one before it serves.
"""

import binascii
import codecs
import json
import os
import re
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from danlu.errors import DanluError

NAME = re.compile(r"checkpoint-(\d{1,18})-([0-9a-f]{16})\.(?:pt|json)")
BLOCK = 1 << 20  # bytes hashed at once


def save(folder: Path, epoch: int, objects: Sequence[Any], owner: str = "") -> None:
    """Keep the objects' states after ``epoch``, beside those of the save before.

    Args:
        folder: The trial's folder.
        epoch: Last epoch that went into the states.
        objects: What is kept.
        owner: Whose states these are; `restore` takes no other's.
    """
    torch = sys.modules.get("torch")
    states = [o.state_dict() for o in objects]
    content = {"epoch": epoch, "states": states, "random": _random_state()}
    temporary = folder / f".checkpoint-{os.getpid()}"  # of this process only, as all may save
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if torch:
                torch.save(content, file)
            else:
                file.write(json.dumps(_encode(content)).encode())
            file.flush()
            os.fsync(file.fileno())
        suffix = "pt" if torch else "json"
        name = f"checkpoint-{epoch}-{_checksum(temporary, owner)}.{suffix}"
        new = temporary.replace(folder / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(folder)
    _forget_others(folder, new, epoch)


def restore(
    folder: Path, objects: Sequence[Any], owner: str = "", reported: int | None = None
) -> tuple[int, list[Path]]:
    """Give the objects the newest states that are whole.

    Args:
        folder: The trial's folder.
        objects: As of `save`.
        owner: As of `save`.
        reported: Last epoch whose report is known. States of a later epoch would leave a gap in
            the curve, so that earlier ones are preferred.

    Returns:
        The epoch of the states, 0 without any, and the files that were passed over as they are
        damaged or another trial's.

    Raises:
        DanluError: If the file cannot be read although it is as it was written, or was saved
            from another number of objects.
    """
    damaged: list[Path] = []
    for path in _in_order(folder, reported):
        if not _is_whole(path, owner):
            damaged.append(path)
            continue
        content = _read(path)
        if len(content["states"]) != len(objects):
            raise DanluError(
                f"{path} holds {len(content['states'])} objects, but restore() was given "
                f"{len(objects)}: give restore() what save() is given, in the same order."
            )
        for o, state in zip(objects, content["states"], strict=True):
            o.load_state_dict(state)
        _set_random_state(content["random"])
        return int(content["epoch"]), damaged
    return 0, damaged


def _in_order(folder: Path, reported: int | None) -> list[Path]:
    """The checkpoints of a folder, the one to try first in front."""
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := NAME.fullmatch(p.name))]
    found.sort(key=lambda pair: (pair[0], pair[1].name), reverse=True)
    ahead = [p for epoch, p in found if reported is not None and epoch > reported]
    return [p for _, p in found if p not in ahead] + ahead


def _checksum(path: Path, owner: str) -> str:
    from hashlib import blake2b  # `import danlu` does without it

    key = owner.encode(errors="surrogatepass")[:64]
    digest = blake2b(key=key, digest_size=8)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _is_whole(path: Path, owner: str) -> bool:
    name = NAME.fullmatch(path.name)
    try:
        return name is not None and name[2] == _checksum(path, owner)
    except OSError:
        return False


def _sync(folder: Path) -> None:
    """Have the new name on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_others(folder: Path, new: Path, epoch: int) -> None:
    """Remove all checkpoints but the new one and that of the epoch before it."""
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := NAME.fullmatch(p.name))]
    before = max((e for e, _ in found if e < epoch), default=0)
    for each, path in found:
        if path != new and each != before:
            path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    from pickle import UnpicklingError  # new trials need none of it

    try:
        if path.suffix == ".json":
            content: dict[str, Any] = json.loads(path.read_bytes(), object_hook=_decode)
        else:
            import torch  # only reached when torch saved it

            with torch.serialization.safe_globals(_numpy_parts()):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, UnpicklingError) as error:
        raise DanluError(f"the checkpoint {path} cannot be read: {error}") from error
    return content


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {}
    if random := sys.modules.get("random"):
        version, words, gauss = random.getstate()
        state["python"] = [version, _packed(words), gauss]
    if numpy := sys.modules.get("numpy"):
        name, keys, *rest = numpy.random.get_state()
        state["numpy"] = [name, _packed(keys.tolist()), *rest]
    if torch := sys.modules.get("torch"):
        state["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _packed(words: Sequence[int]) -> str:
    """Words of 32 bits as one text: torch takes long over a file with a thousand numbers."""
    return struct.pack(f"<{len(words)}I", *words).hex()


def _unpacked(words: str | list[int]) -> tuple[int, ...]:
    if isinstance(words, list):  # as they were written before
        return tuple(words)
    return struct.unpack(f"<{len(words) // 8}I", bytes.fromhex(words))


def _set_random_state(state: Mapping[str, Any]) -> None:
    if "python" in state:
        import random  # only reached when training had used it, too

        version, words, gauss = state["python"]
        random.setstate((version, _unpacked(words), gauss))
    if (numpy := sys.modules.get("numpy")) and "numpy" in state:
        name, keys, *rest = state["numpy"]
        numpy.random.set_state((name, numpy.array(_unpacked(keys), dtype="uint32"), *rest))
    if (torch := sys.modules.get("torch")) and "torch" in state:
        torch.set_rng_state(state["torch"])
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda"])


def _numpy_parts() -> list[Any]:
    """What a pickle of NumPy arrays and scalars is made of; none of it runs anybody's code."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    arrays = numpy._core.multiarray
    kinds = {type(numpy.dtype(code)) for code in numpy.typecodes["All"] if code != "O"}
    return [
        arrays._reconstruct,
        arrays.scalar,
        numpy.ndarray,
        numpy.dtype,
        codecs.encode,
        bytes,
        *kinds,
    ]


def _encode(value: Any) -> Any:
    """A state as JSON takes it: what it has no word for becomes a table with one special key."""
    if value is None or isinstance(value, bool | str | int) or type(value) is float:
        return value
    if hasattr(value, "tobytes") and hasattr(value, "dtype") and not value.dtype.hasobject:
        data = binascii.b2a_base64(value.tobytes(), newline=False).decode()
        return {"__array__": data, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list):
        return [_encode(item) for item in value]
    if isinstance(value, tuple):
        return {"__tuple__": [_encode(item) for item in value]}
    if isinstance(value, bytes):
        return {"__bytes__": binascii.b2a_base64(value, newline=False).decode()}
    if isinstance(value, Mapping) and all(isinstance(k, str) for k in value):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, Mapping):
        return {"__items__": [[_encode(key), _encode(item)] for key, item in value.items()]}
    raise TypeError(
        f"a state of type {type(value).__name__} cannot be saved without torch: use numbers, "
        "text, lists, dicts and NumPy arrays, or write files of your own in trial.folder."
    )


def _decode(table: dict[str, Any]) -> Any:
    if "__tuple__" in table:
        return tuple(table["__tuple__"])
    if "__bytes__" in table:
        return binascii.a2b_base64(table["__bytes__"])
    if "__items__" in table:
        return dict(table["__items__"])
    if "__array__" not in table:
        return table
    import numpy  # only reached when NumPy arrays were saved

    flat = numpy.frombuffer(binascii.a2b_base64(table["__array__"]), dtype=table["dtype"])
    array = flat.reshape(table["shape"]).copy()
    return array if table["shape"] else array[()]
