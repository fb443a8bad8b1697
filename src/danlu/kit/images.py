"""Images: a folder with one folder a class, and arrays in any order of their axes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
from danlu.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
CHANNELS = (1, 3, 4)
NUMBERS = "biuf"  # kinds of array


DEEP = 257.0  # grays of 16 bits for one of 8


def read_folder(
    folder: Path, size: int | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], list[str]]:
    """The images of a folder and their labels.

    Args:
        folder: Holds one folder for each class; for prediction it may hold images itself.
        size: Side in pixels that all are resized to.

    Returns:
        Images (n, C, H, W) in 0–255, labels (n,) and file names.

    Raises:
        DataError: If there are none, one cannot be read, or their sizes differ.
    """
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(
            say("{folder} holds no images ({suffixes}).", folder=folder, suffixes=list(SUFFIXES))
        )
    names = [str(file.relative_to(folder)) for file in files]
    images = [_read(file, size) for file in files]
    _check_sizes(images, names)
    channels = max(image.shape[2] for image in images)
    same = [image if image.shape[2] == channels else image.repeat(3, axis=2) for image in images]
    labels = [Path(name).parts[0] for name in names]
    return np.stack(same).transpose(0, 3, 1, 2), np.array(labels, dtype=object), names


def _check_sizes(images: Sequence[npt.NDArray[Any]], names: Sequence[str]) -> None:
    """All (H, W, …) must be of one size."""
    (h, w), *others = [image.shape[:2] for image in images]
    odd = next((i for i, size in enumerate(others, 1) if size != (h, w)), None)
    if odd is not None:
        height, width = images[odd].shape[:2]
        raise DataError(say(
            "images must be of one size, but {names} has {w}×{h} pixels and {other} "
            "{width}×{height}: say size = {least} to have all resized.",
            names=names[0], w=w, h=h, other=names[odd], width=width, height=height,
            least=min(h, w),
        ))  # fmt: skip


def _read(file: Path, size: int | None) -> npt.NDArray[Any]:
    """One image as (H, W, C) in 0–255: one channel if it is gray, else three."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            deep = image.mode.startswith(("I", "F"))  # to "L" they would be cut off at 255
            gray = "F" if deep else "L"
            plain = image.convert(gray if deep or image.mode in ("1", "L") else "RGB")
            scale = DEEP if image.mode.startswith("I") else 1.0
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DataError(
            say("{file} is no image that can be read: {error}", file=file, error=error)
        ) from None
    if size is not None:
        plain = plain.resize((size, size))
    array = np.asarray(plain) / np.float32(scale) if deep else np.asarray(plain)
    return array if array.ndim == 3 else array[:, :, None]


def stacked(images: Any, size: int | None) -> npt.NDArray[Any]:
    """Images as one array, from an array or a list of arrays (H, W), (H, W, C) or (C, H, W).

    Args:
        images: As they are given.
        size: Side in pixels that all are resized to.

    Raises:
        DataError: If their sizes differ and ``size`` is not given, or one is no image.
    """
    if isinstance(images, np.ndarray) and size is None:
        return images
    arrays = [_channels_last(np.asarray(image)) for image in images]
    plain = [a.ndim in (2, 3) and a.dtype.kind in NUMBERS for a in arrays]
    if not all(plain):
        odd = plain.index(False)
        raise DataError(say(
            "image {odd} must be an array of numbers, (height, width) or (height, "
            "width, channels), but has shape {shape}.",
            odd=odd + 1, shape=arrays[odd].shape,
        ))  # fmt: skip
    if size is None:
        _check_sizes(arrays, [f"image {i + 1}" for i in range(len(arrays))])
    elif any(a.shape[:2] != (size, size) for a in arrays):
        arrays = [_resized(a, size) for a in arrays]
    if len({a.shape for a in arrays}) > 1:
        raise DataError(say("images must all have the same channels, but some have others."))
    return np.stack(arrays)


def _channels_last(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(C, H, W) as (H, W, C); others as they are."""
    turned = image.ndim == 3 and image.shape[0] in CHANNELS and image.shape[2] not in CHANNELS
    return image.transpose(1, 2, 0) if turned else image


def _resized(image: npt.NDArray[Any], size: int) -> npt.NDArray[np.float32]:
    """One image (H, W) or (H, W, C) with other sides, each channel by itself."""
    from PIL import Image

    layers = image.astype(np.float32).reshape(*image.shape[:2], -1)
    sized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(layers[:, :, c])).resize((size, size)))
        for c in range(layers.shape[2])
    ]
    return np.stack(sized, axis=2).reshape(size, size, *image.shape[2:])


def channels_first(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images as (n, C, H, W), from (n, H, W), (n, H, W, C) or (n, C, H, W).

    Raises:
        DataError: If no axis can be the channels.
    """
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        raise DataError(say(
            "images must have 3 or 4 axes, but the array has shape {shape}.",
            shape=images.shape,
        ))  # fmt: skip
    first, last = (images.shape[axis] for axis in (1, 3))
    if first in CHANNELS and (last not in CHANNELS or first < last):
        return images
    if last in CHANNELS:
        return images.transpose(0, 3, 1, 2)
    raise DataError(say(
        "images must have 1, 3 or 4 channels, but the array has shape {shape}.",
        shape=images.shape,
    ))  # fmt: skip
