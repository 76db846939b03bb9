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
    """Columns to mean 0 and deviation 1 on the rows of the fit.

    Attributes
    ----------
    mean, deviation
        ``(columns,)``; the deviation of a constant column is 1.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, array: NDArray[np.float64]) -> "ArrayReader":
        """Measure the columns."""
        deviation = array.std(0)
        return cls(array.mean(0), np.where(deviation > 0, deviation, 1.0))

    def inputs(self, rows: Rows) -> Inputs:
        """Standardise the columns; strings are a ``UsageError``."""
        if not isinstance(rows, np.ndarray):
            raise UsageError("X holds strings, the model was fitted on an array of numbers")
        return ArrayInputs((rows - self.mean) / self.deviation)

    def nothing(self) -> Inputs:
        """Return inputs without rows."""
        return ArrayInputs(np.zeros((0, len(self.mean))))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs; ``embedding`` has no part in it."""
        return ArrayTrunk(len(self.mean), hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "text": False, "mean": self.mean.tolist(), "deviation": self.deviation.tolist()
        }  # fmt: skip


Reader = TextReader | ArrayReader


def reader_from_json(data: dict[str, Any]) -> Reader:
    """Read what ``to_json`` of either reader gave."""
    if data["text"]:
        return TextReader(data["buckets"], data["longest"])
    return ArrayReader(np.array(data["mean"]), np.array(data["deviation"]))
