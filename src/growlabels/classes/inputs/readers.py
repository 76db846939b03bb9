"""Rows as people have them -> inputs of a trunk, the same way at fit and at predict."""

import reprlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.inputs.ngrams import Bags, hash_ngrams, hash_words
from growlabels.classes.inputs.trunks import (
    ArrayInputs,
    ArrayTrunk,
    ImageTrunk,
    Inputs,
    TextInputs,
    TextTrunk,
)

Rows = Sequence[str] | NDArray[Any]
Analyzer = Literal["char", "word", "both"]
CHANNELS = (1, 3, 4)  # what the last axis of images that is one of these most likely is
ANALYZERS: tuple[Analyzer, ...] = ("char", "word", "both")


@dataclass(frozen=True)
class TextReader:
    """Strings to bags of n-grams.

    Attributes
    ----------
    buckets, longest
        See :func:`growlabels.classes.inputs.ngrams.hash_ngrams`.
    analyzer
        N-grams of characters, of words, or both.
    """

    rows_at_once: ClassVar[int] = 4096
    buckets: int
    longest: int
    analyzer: Analyzer = "char"

    def inputs(self, rows: Rows) -> TextInputs:
        """Hash the strings; an array of numbers is a ``UsageError``."""
        if not isinstance(rows, Sequence):
            raise UsageError(f"X holds {_kind(rows)}, the model was fitted on strings")
        return TextInputs(self.bags(rows))

    def bags(self, texts: Sequence[str]) -> Bags:
        """Hash strings."""
        if self.analyzer == "word":
            return hash_words(texts, self.buckets)
        bags = hash_ngrams(texts, self.buckets, 1, self.longest)
        return bags.beside(hash_words(texts, self.buckets)) if self.analyzer == "both" else bags

    def nothing(self) -> TextInputs:
        """Return inputs without rows."""
        return TextInputs(Bags.empty())

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs."""
        return TextTrunk(self.buckets, embedding, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "text"} | asdict(self)


@dataclass(frozen=True)
class ArrayReader:
    """Columns to mean 0 and deviation 1 on the rows of the fit; NaN is a missing value.

    A missing value becomes the mean, and for each column that missed some in the fit a further
    column says where.

    Attributes
    ----------
    mean, deviation
        ``(columns,)``, of the values that are there; the deviation of a constant column is 1.
    missing
        Places of the columns that missed values in the fit, ascending.
    """

    rows_at_once: ClassVar[int] = 4096
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    missing: NDArray[np.int64]

    @classmethod
    def of(cls, array: NDArray[np.float64]) -> "ArrayReader":
        """Measure the columns."""
        absent = np.isnan(array)
        values = np.where(absent.all(0), 0.0, array)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = np.nanmean(values, 0), np.nanstd(values, 0)
        if not np.isfinite(deviation).all():
            column = int(np.flatnonzero(~np.isfinite(deviation))[0])
            raise DataError(f"column {column} of X is too large to be squared; scale it down")
        varies = np.nanmax(values, 0) > np.nanmin(values, 0)  # a mean may be off by rounding
        usual = np.where(varies & (deviation > 0), deviation, 1.0)
        return cls(mean, usual, np.flatnonzero(absent.any(0)))

    @property
    def width(self) -> int:
        """Numbers a row becomes."""
        return len(self.mean) + len(self.missing)

    def inputs(self, rows: Rows) -> ArrayInputs:
        """Standardise the columns; strings are a ``UsageError``."""
        if not isinstance(rows, np.ndarray) or rows.ndim != 2:
            raise UsageError(f"X holds {_kind(rows)}, the model was fitted on an array of numbers")
        absent = np.isnan(rows)
        values = np.where(absent, 0.0, (rows - self.mean) / self.deviation)
        return ArrayInputs(np.concatenate([values, absent[:, self.missing]], axis=1))

    def nothing(self) -> ArrayInputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, self.width)))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ArrayTrunk(self.width, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "array",
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "missing": self.missing.tolist(),
        }


@dataclass(frozen=True)
class ImageReader:
    """Images, channels first, to mean 0 and deviation 1 of each channel over the fit.

    Attributes
    ----------
    shape
        Channels, height, width.
    mean, deviation
        ``(channels,)``; the deviation of a constant channel is 1.
    """

    rows_at_once: ClassVar[int] = 128
    shape: tuple[int, int, int]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, images: NDArray[np.float32]) -> "ImageReader":
        """Measure the channels of ``(rows, channels, height, width)``."""
        axes = (0, 2, 3)
        deviation = images.std(axes, dtype=np.float64)
        mean = images.mean(axes, dtype=np.float64)
        varies = images.max(axes) > images.min(axes)
        return cls(images.shape[1:], mean, np.where(varies & (deviation > 0), deviation, 1.0))

    def inputs(self, rows: Rows) -> Inputs:
        """Standardise the channels; other rows, or another size, are a ``UsageError``."""
        wanted = " x ".join(map(str, self.shape))
        if not isinstance(rows, np.ndarray) or rows.ndim != 4:
            raise UsageError(f"X holds no images, the model was fitted on images of {wanted}")
        if rows.shape[1:] != self.shape:
            given = " x ".join(map(str, rows.shape[1:]))
            raise UsageError(
                f"X holds images of {given} (channels, height, width), the model was fitted on "
                f"{wanted}; resize them"
            )
        mean, deviation = (part.astype(np.float32) for part in (self.mean, self.deviation))
        return ArrayInputs((rows - mean[:, None, None]) / deviation[:, None, None])

    def nothing(self) -> Inputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, *self.shape), np.float32))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ImageTrunk(self.shape[0], hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "image",
            "shape": list(self.shape),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
        }


def _kind(rows: Any) -> str:
    """Name what kind of rows these are."""
    if isinstance(rows, np.ndarray):
        return "numbers" if rows.ndim == 2 else "images"
    return "strings" if isinstance(rows, Sequence) else "a table with words"


def as_images(x: object) -> NDArray[np.float32] | None:
    """Return ``x`` as ``(rows, channels, height, width)``, or None where it has not 3 or 4 axes.

    >>> as_images(np.zeros((2, 5, 6))).shape, as_images([[1.0]])
    ((2, 1, 5, 6), None)
    """
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
        raise DataError(f"X[{row}] holds a pixel that is no finite number; mend or drop the image")
    return images[:, None] if images.ndim == 3 else images


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
