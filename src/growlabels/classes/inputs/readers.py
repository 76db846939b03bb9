"""Rows as people have them -> inputs of a trunk, the same way at fit and at predict."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.inputs.moments import Moments
from growlabels.classes.inputs.ngrams import Bags, hash_ngrams, hash_words
from growlabels.classes.inputs.trunks import (
    ArrayInputs,
    ArrayTrunk,
    ImageTrunk,
    TextInputs,
    TextTrunk,
)

Rows = Sequence[str] | NDArray[Any]
Analyzer = Literal["char", "word", "both"]
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

    def followed(self, rows: Rows) -> "TextReader":
        """Return the reader itself: nothing is measured."""
        return self

    def moved(self, inputs: TextInputs, before: "TextReader") -> TextInputs:
        """Return the inputs as they are."""
        return inputs

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
    """Columns to mean 0 and deviation 1 on the rows learned so far; NaN is a missing value.

    A missing value becomes the mean, and for each column that missed some in the fit a further
    column says where.

    Attributes
    ----------
    moments
        Of the values that are there.
    missing
        Places of the columns that missed values in the fit, ascending.
    """

    rows_at_once: ClassVar[int] = 4096
    moments: Moments
    missing: NDArray[np.int64]

    @classmethod
    def of(cls, array: NDArray[np.float64]) -> "ArrayReader":
        """Measure the columns."""
        return cls(_measured(array), np.flatnonzero(np.isnan(array).any(0)))

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means of the columns."""
        return self.moments.mean

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviations of the columns; 1 for a column that is constant so far."""
        return self.moments.scale

    @property
    def columns(self) -> int:
        """Columns of a row."""
        return len(self.moments.mean)

    @property
    def width(self) -> int:
        """Numbers a row becomes."""
        return self.columns + len(self.missing)

    def inputs(self, rows: Rows) -> ArrayInputs:
        """Standardise the columns; strings are a ``UsageError``."""
        return ArrayInputs(self._read(self._table(rows)))

    def followed(self, rows: Rows) -> "ArrayReader":
        """Return the reader that has measured these rows too."""
        return ArrayReader(self.moments.joined(_measured(self._table(rows))), self.missing)

    def moved(self, inputs: ArrayInputs, before: "ArrayReader") -> ArrayInputs:
        """Return inputs that an earlier reader made, standardised as this one does."""
        values, flags = np.split(inputs.array, [self.columns], axis=1)
        values = values * before.deviation + before.mean
        values[:, self.missing] = np.where(flags > 0, np.nan, values[:, self.missing])
        return ArrayInputs(self._read(values))

    def _table(self, rows: Any) -> NDArray[np.float64]:
        if issparse(rows):
            rows = csr_array(cast(Any, rows)).toarray()
        if not isinstance(rows, np.ndarray) or rows.ndim != 2:
            raise UsageError(f"X holds {_kind(rows)}, the model was fitted on an array of numbers")
        return rows

    def _read(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        absent = np.isnan(rows)
        values = np.where(absent, 0.0, (rows - self.mean) / self.deviation)
        return np.concatenate([values, absent[:, self.missing]], axis=1)

    def nothing(self) -> ArrayInputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, self.width)))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ArrayTrunk(self.width, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "array",
            "moments": self.moments.to_json(),
            "missing": self.missing.tolist(),
        }


@dataclass(frozen=True)
class ImageReader:
    """Images, channels first, to mean 0 and deviation 1 of each channel over the rows learned.

    Attributes
    ----------
    shape
        Channels, height, width.
    moments
        Of the pixels of each channel.
    """

    rows_at_once: ClassVar[int] = 128
    shape: tuple[int, int, int]
    moments: Moments

    @classmethod
    def of(cls, images: NDArray[np.float32]) -> "ImageReader":
        """Measure the channels of ``(rows, channels, height, width)``."""
        axes = (0, 2, 3)
        count = np.full(images.shape[1], images.size / images.shape[1])
        mean, deviation = (measure(axes, dtype=np.float64) for measure in (images.mean, images.std))
        ends = (measure(axes).astype(float) for measure in (images.min, images.max))
        return cls(images.shape[1:], Moments(count, mean, deviation, *ends))

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means of the channels."""
        return self.moments.mean

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviations of the channels; 1 for a channel that is constant so far."""
        return self.moments.scale

    def inputs(self, rows: Rows) -> ArrayInputs:
        """Standardise the channels; other rows, or another size, are a ``UsageError``."""
        mean, deviation = self._float32()
        return ArrayInputs((self._images(rows) - mean) / deviation)

    def followed(self, rows: Rows) -> "ImageReader":
        """Return the reader that has measured these images too."""
        measured = ImageReader.of(self._images(rows)).moments
        return ImageReader(self.shape, self.moments.joined(measured))

    def moved(self, inputs: ArrayInputs, before: "ImageReader") -> ArrayInputs:
        """Return inputs that an earlier reader made, standardised as this one does."""
        mean, deviation = before._float32()
        return self.inputs(inputs.array * deviation + mean)

    def _float32(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        mean, deviation = (part.astype(np.float32) for part in (self.mean, self.deviation))
        return mean[:, None, None], deviation[:, None, None]

    def _images(self, rows: Any) -> NDArray[np.float32]:
        wanted = " x ".join(map(str, self.shape))
        if not isinstance(rows, np.ndarray) or rows.ndim != 4:
            raise UsageError(f"X holds no images, the model was fitted on images of {wanted}")
        if rows.shape[1:] != self.shape:
            given = " x ".join(map(str, rows.shape[1:]))
            raise UsageError(
                f"X holds images of {given} (channels, height, width), the model was fitted on "
                f"{wanted}; resize them"
            )
        return rows

    def nothing(self) -> ArrayInputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, *self.shape), np.float32))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ImageTrunk(self.shape[0], hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "image", "shape": list(self.shape), "moments": self.moments.to_json()}


def _measured(array: NDArray[np.float64]) -> Moments:
    moments = Moments.of(array)
    if not np.isfinite(moments.deviation).all():
        column = int(np.flatnonzero(~np.isfinite(moments.deviation))[0])
        raise DataError(f"column {column} of X is too large to be squared; scale it down")
    return moments


def _kind(rows: Any) -> str:
    """Name what kind of rows these are."""
    if isinstance(rows, np.ndarray):
        return "numbers" if rows.ndim == 2 else "images"
    if issparse(rows):
        return "a sparse matrix"
    return "strings" if isinstance(rows, Sequence) else "a table with words"
