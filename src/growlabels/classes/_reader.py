"""Rows as people have them -> inputs of a trunk, the same way at fit and at predict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from growlabels.base.errors import UsageError
from growlabels.classes._text import Bags, hash_ngrams
from growlabels.classes._trunks import ArrayInputs, ArrayTrunk, Inputs, TextInputs, TextTrunk

Rows = Sequence[str] | NDArray[np.float64]


@dataclass(frozen=True)
class TextReader:
    """Strings to bags of n-grams.

    Attributes
    ----------
    buckets, longest
        See :func:`growlabels.classes._text.hash_ngrams`.
    """

    buckets: int
    longest: int

    def inputs(self, rows: Rows) -> Inputs:
        """Hash the strings; an array of numbers is a ``UsageError``."""
        if isinstance(rows, np.ndarray):
            raise UsageError("X holds numbers, the model was fitted on strings")
        return TextInputs(hash_ngrams(rows, self.buckets, 1, self.longest))

    def nothing(self) -> Inputs:
        """Return inputs without rows."""
        return TextInputs(Bags(np.zeros(0, np.int64), np.zeros(1, np.int64)))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs."""
        return TextTrunk(self.buckets, embedding, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {"text": True, "buckets": self.buckets, "longest": self.longest}


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

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    missing: NDArray[np.int64]

    @classmethod
    def of(cls, array: NDArray[np.float64]) -> "ArrayReader":
        """Measure the columns."""
        absent = np.isnan(array)
        values = np.where(absent.all(0), 0.0, array)
        deviation = np.nanstd(values, 0)
        missing = np.flatnonzero(absent.any(0))
        return cls(np.nanmean(values, 0), np.where(deviation > 0, deviation, 1.0), missing)

    def inputs(self, rows: Rows) -> Inputs:
        """Standardise the columns; strings are a ``UsageError``."""
        if not isinstance(rows, np.ndarray):
            raise UsageError("X holds strings, the model was fitted on an array of numbers")
        absent = np.isnan(rows)
        values = np.where(absent, 0.0, (rows - self.mean) / self.deviation)
        return ArrayInputs(np.concatenate([values, absent[:, self.missing]], axis=1))

    def nothing(self) -> Inputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, len(self.mean) + len(self.missing))))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ArrayTrunk(len(self.mean) + len(self.missing), hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "text": False,
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "missing": self.missing.tolist(),
        }


Reader = TextReader | ArrayReader


def reader_from_json(data: dict[str, Any]) -> Reader:
    """Read what ``to_json`` of either reader gave."""
    if data["text"]:
        return TextReader(data["buckets"], data["longest"])
    missing = np.array(data.get("missing", []), np.int64)
    return ArrayReader(np.array(data["mean"]), np.array(data["deviation"]), missing)
