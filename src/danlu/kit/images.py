"""Images: a folder with one folder a class, and arrays in any order of their axes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
CHANNELS = (1, 3, 4)


def read_folder(
    folder: Path, size: int | None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any], list[str]]:
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
        raise DataError(f"{folder} holds no images ({', '.join(SUFFIXES)}).")
    images = [_read(file, size) for file in files]
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        odd = next(i for i, image in enumerate(images) if image.shape[:2] != images[0].shape[:2])
        (a, b), (c, d) = images[0].shape[:2], images[odd].shape[:2]
        raise DataError(
            f"images must be of one size, but {files[0].relative_to(folder)} has {b}×{a} pixels "
            f"and {files[odd].relative_to(folder)} {d}×{c}: say size = {min(a, b)} to have all "
            "resized."
        )
    channels = max(image.shape[2] for image in images)
    same = [image if image.shape[2] == channels else image.repeat(3, axis=2) for image in images]
    labels = [file.relative_to(folder).parts[0] for file in files]
    names = [str(file.relative_to(folder)) for file in files]
    return np.stack(same).transpose(0, 3, 1, 2), np.array(labels, dtype=object), names


def _read(file: Path, size: int | None) -> npt.NDArray[np.uint8]:
    """One image as (H, W, C): one channel if it is gray, else three."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            plain = image.convert("L" if image.mode in ("1", "L", "I;16", "I") else "RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DataError(f"{file} is no image that can be read: {error}") from None
    if size is not None:
        plain = plain.resize((size, size))
    array = np.asarray(plain, dtype=np.uint8)
    return array if array.ndim == 3 else array[:, :, None]


def channels_first(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images as (n, C, H, W), from (n, H, W), (n, H, W, C) or (n, C, H, W).

    Raises:
        DataError: If no axis can be the channels.
    """
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        raise DataError(f"images must have 3 or 4 axes, but the array has shape {images.shape}.")
    if images.shape[1] in CHANNELS and images.shape[3] not in CHANNELS:
        return images
    if images.shape[3] in CHANNELS:
        return images.transpose(0, 3, 1, 2)
    if images.shape[1] in CHANNELS:
        return images
    raise DataError(
        f"images must have 1, 3 or 4 channels, but the array has shape {images.shape}."
    )
