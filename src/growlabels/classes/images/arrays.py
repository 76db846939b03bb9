"""Images that are arrays: pixels to bytes, and files of arrays."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError

ROW = "row"
"""Column of the places of images in a file of arrays."""
_WIDE = 257  # 65,535 / 255


def as_bytes(array: Any) -> NDArray[np.uint8]:
    """Return the pixels of one image as bytes, channels last.

    Bytes stay as they are. Truth values and floating-point numbers from 0 to 1 are scaled to 0 to
    255, whole numbers above 255 are taken for 16 bits.

    >>> as_bytes(np.array([[0.0, 1.0]])).tolist(), as_bytes(np.zeros((3, 5, 6))).shape
    ([[0, 255]], (5, 6, 3))
    """
    pixels = np.asarray(array)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise ValueError(f"an array of shape {pixels.shape} is no image")
    if not pixels.size:
        raise ValueError(f"an array of shape {pixels.shape} has no pixel")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    kind = pixels.dtype.kind
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if kind not in "bfiu":
        raise ValueError(f"an array of type {pixels.dtype} is no image")
    least, most = float(pixels.min()), float(pixels.max())
    if kind == "b" or (kind == "f" and least >= 0 and most <= 1):
        return np.round(pixels.astype(float) * 255).astype(np.uint8)
    if least >= 0 and most <= 255:
        return np.round(pixels).astype(np.uint8)
    if kind in "iu" and least >= 0 and most <= 65_535:
        return (pixels // _WIDE).astype(np.uint8)
    raise ValueError(f"pixels must be from 0 to 1 or to 255, they were from {least:g} to {most:g}")


def is_array_file(path: Path) -> bool:
    """Return whether a path is a file of arrays by its ending."""
    return path.suffix.lower() in (".npz", ".npy") and path.is_file()


def read_arrays(path: Path) -> tuple[Any, str | None, list[Any], list[str]]:
    """Read a file of arrays; no pickle is read.

    Returns
    -------
    images, name, labels, others
        ``(N, height, width[, channels])`` or channels first; the name of the array of labels, None
        if there is none, and its values; the names of arrays that are not read.

    Raises
    ------
    DataError
        The file is damaged, or does not hold one array of images and at most one of labels.
    """
    try:
        with (
            np.load(path, allow_pickle=False)
            if path.suffix.lower() == ".npz"
            else _Plain(path) as read
        ):
            parts: dict[str, Any] = {name: read[name] for name in read}
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise DataError(f"{path} cannot be read as arrays of numbers: {error}") from error
    images = [name for name, part in parts.items() if part.ndim in (3, 4)]
    if len(images) != 1:
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        raise DataError(
            f"{path} must hold one array of images (N, height, width[, channels]), it holds "
            f"{shapes}"
        )
    count = len(parts[images[0]])
    labels = [
        name
        for name, part in parts.items()
        if part.ndim == 1 and len(part) == count and part.dtype.kind in "biuU"
    ]
    if len(labels) > 1:
        listed = ", ".join(labels)
        raise DataError(f"{path} holds several arrays that may be labels: {listed}; keep one")
    others = [name for name in parts if name not in (*images, *labels)]
    name = labels[0] if labels else None
    return parts[images[0]], name, parts[name].tolist() if name else [], others


class _Plain(dict[str, Any]):
    """An .npy file as the one array of an .npz file."""

    def __init__(self, path: Path) -> None:
        super().__init__(images=np.load(path, allow_pickle=False))

    def __enter__(self) -> "_Plain":
        return self

    def __exit__(self, *error: object) -> None:
        pass
