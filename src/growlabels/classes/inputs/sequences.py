"""Sequences of strings and of images -> what a reader takes, or None where they are neither."""

import reprlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError

CHANNELS = (1, 3, 4)  # what the last axis of images that is one of these most likely is


def as_images(x: object) -> NDArray[np.float32] | None:
    """Return ``x`` as ``(rows, channels, height, width)``, or None where it holds no images.

    Images are an array of 3 or 4 axes, or a list of arrays of 2 or 3 axes and of one shape.

    >>> as_images(np.zeros((2, 5, 6))).shape, as_images([[1.0]])
    ((2, 1, 5, 6), None)
    """
    if isinstance(x, list | tuple) and x and all(getattr(row, "ndim", 0) in (2, 3) for row in x):
        x = _stacked(x)
    if getattr(x, "ndim", 2) not in (3, 4):
        return None
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise DataError(f"X must hold images of real numbers, its type was {array.dtype}")
    if array.ndim == 4 and array.shape[3] in CHANNELS and array.shape[1] not in CHANNELS:
        raise UsageError(
            f"X of shape {array.shape} has its channels last; give X.transpose(0, 3, 1, 2)"
        )
    images = array.astype(np.float32)
    if 0 in images.shape:
        raise DataError(f"X must hold images of at least one pixel, its shape was {images.shape}")
    finite = np.isfinite(images).all(tuple(range(1, images.ndim)))
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise DataError(f"X[{row}] holds a non-finite pixel; correct or drop the image")
    return images[:, None] if images.ndim == 3 else images


def _stacked(images: Sequence[object]) -> NDArray[np.generic]:
    arrays = [np.asarray(image) for image in images]
    other = next((i for i, one in enumerate(arrays) if one.shape != arrays[0].shape), None)
    if other is not None:
        raise DataError(
            f"X[{other}] is an image of shape {arrays[other].shape}, X[0] of {arrays[0].shape}; "
            "resize them to one shape"
        )
    return np.stack(arrays)


def as_texts(x: object, expected: bool = False) -> Sequence[str] | None:
    """Return ``x`` as a list of strings, or None where it is no sequence of strings.

    Strings among other things are a ``DataError``; so is a row without, where strings are expected.

    >>> as_texts(np.array(["a", "b"])), as_texts([[1.0]])
    (['a', 'b'], None)
    """
    if not hasattr(x, "__len__") or not hasattr(x, "__iter__"):
        return None
    if getattr(x, "ndim", 1) != 1 or not len(x):  # type: ignore[arg-type]
        return None
    rows = list(x)  # type: ignore[call-overload]
    odd = next((i for i, row in enumerate(rows) if not isinstance(row, str)), None)
    if odd is None:
        return [str(row) for row in rows]
    if expected or any(isinstance(row, str | bytes) for row in rows):
        raise DataError(
            f"X[{odd}] must be a string, it was {reprlib.repr(rows[odd])} of type "
            f"{type(rows[odd]).__name__}; give '' where a text is missing, decode bytes"
        )
    return None
