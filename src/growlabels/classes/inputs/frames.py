"""Tables with columns of words and of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import repeated
from growlabels.classes.inputs.labels import is_missing
from growlabels.classes.inputs.ngrams import Bags
from growlabels.classes.inputs.readers import Analyzer, ArrayReader, TextReader
from growlabels.classes.inputs.trunks import (
    ArrayInputs,
    ArrayTrunk,
    BagEmbedding,
    Inputs,
    TextInputs,
)


@dataclass(frozen=True)
class MixedRows:
    """Rows by column.

    Attributes
    ----------
    words
        Column name -> strings, "" where one is missing.
    numbers
        ``(rows, columns)``, NaN where one is missing.
    names
        Of the columns of numbers.
    """

    words: dict[str, list[str]]
    numbers: NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, places: NDArray[np.int64]) -> "MixedRows":
        words = {name: [values[i] for i in places] for name, values in self.words.items()}
        return MixedRows(words, self.numbers[places], self.names)

    @classmethod
    def joined(cls, parts: Sequence["MixedRows"]) -> "MixedRows":
        """Return the rows of several tables of equal columns, one after the other."""
        names = parts[0].words
        words = {name: [value for part in parts for value in part.words[name]] for name in names}
        return cls(words, np.concatenate([part.numbers for part in parts]), parts[0].names)


@dataclass(frozen=True)
class MixedReader:
    """Words to bags of n-grams that know their column, numbers as :class:`ArrayReader`.

    Attributes
    ----------
    words, numbers
        Names of the columns.
    text, array
        What reads them.
    """

    rows_at_once: ClassVar[int] = 4096
    words: tuple[str, ...]
    numbers: tuple[str, ...]
    text: TextReader
    array: ArrayReader

    @classmethod
    def of(cls, rows: MixedRows, buckets: int, longest: int, analyzer: Analyzer) -> "MixedReader":
        """Measure the columns."""
        text = TextReader(buckets, longest, analyzer)
        return cls(tuple(rows.words), rows.names, text, ArrayReader.of(rows.numbers))

    def inputs(self, rows: Any) -> Inputs:
        """Hash and standardise; rows that are no such table are a ``UsageError``."""
        rows = self.table(rows)
        bags = Bags.empty(len(rows))
        for name in self.words:
            own = self.text.bags(rows.words[name])
            bags = bags.beside(own.of_column(name, self.text.buckets))
        return MixedInputs(TextInputs(bags), self.array.inputs(rows.numbers))

    def table(self, rows: Any) -> MixedRows:
        """Return the columns of the fit from a table or a data frame."""
        names = [*self.words, *self.numbers]
        known = [*rows.words, *rows.names] if isinstance(rows, MixedRows) else None
        known = getattr(rows, "columns", None) if known is None else known
        if known is None:
            raise UsageError(f"X is no table; the model was fitted on the columns {names}")
        missing = [name for name in names if name not in known]
        if missing:
            raise UsageError(f"X has no column {missing[0]!r}; the model was fitted on {names}")
        if not len(rows):
            raise DataError("X holds no rows")
        return rows if isinstance(rows, MixedRows) else _of_frame(rows, self.words, self.numbers)

    def followed(self, rows: Any) -> "MixedReader":
        """Return the reader that has measured these rows too."""
        numbers = self.array.followed(self.table(rows).numbers)
        return MixedReader(self.words, self.numbers, self.text, numbers)

    def moved(self, inputs: "MixedInputs", before: "MixedReader") -> "MixedInputs":
        """Return inputs that an earlier reader made, standardised as this one does."""
        return MixedInputs(inputs.text, self.array.moved(inputs.array, before.array))

    def nothing(self) -> Inputs:
        """Return inputs without rows."""
        return MixedInputs(self.text.nothing(), self.array.nothing())

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs."""
        return MixedTrunk(self.text.buckets, embedding, self.array.width, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "mixed",
            "words": list(self.words),
            "numbers": list(self.numbers),
            "text": self.text.to_json(),
            "array": self.array.to_json(),
        }


class MixedInputs:
    """Bags of buckets and rows of numbers."""

    def __init__(self, text: TextInputs, array: ArrayInputs) -> None:
        self.text: TextInputs = text
        self.array: ArrayInputs = array

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return (*self.text.batch(rows), *self.array.batch(rows))

    def take(self, rows: NDArray[np.int64]) -> "MixedInputs":
        return MixedInputs(self.text.take(rows), self.array.take(rows))

    def joined(self, other: "MixedInputs") -> "MixedInputs":
        return MixedInputs(self.text.joined(other.text), self.array.joined(other.array))


class MixedTrunk(nn.Module):
    """Embeddings of bags and standardised columns, then :class:`ArrayTrunk`."""

    def __init__(
        self, buckets: int, embedding: int, columns: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding: BagEmbedding = BagEmbedding(buckets, embedding)
        self.normalise: nn.BatchNorm1d = nn.BatchNorm1d(embedding)
        self.layers: ArrayTrunk = ArrayTrunk(embedding + columns, hidden, dropout)

    def forward(self, buckets: Tensor, starts: Tensor, numbers: Tensor) -> Tensor:
        words = self.normalise(self.embedding(buckets, starts))
        return self.layers(torch.cat([words, numbers.to(words.dtype)], 1))


def as_mixed(x: object) -> MixedRows | None:
    """Return a data frame with a column that is no number as rows by column; None for others.

    The frame is one of pandas or polars.
    """
    if isinstance(x, MixedRows):
        return x
    if not (hasattr(x, "columns") and hasattr(x, "dtypes") and len(getattr(x, "shape", ())) == 2):
        return None
    frame: Any = x
    if twice := repeated(frame.columns):
        raise DataError(f"X names the column {twice[0]!r} twice; rename one")
    words = tuple(name for name in frame.columns if not _is_numeric(frame[name]))
    if not words:
        return None
    return _of_frame(frame, words, tuple(n for n in frame.columns if n not in words))


def _is_numeric(column: Any) -> bool:
    if getattr(column.dtype, "kind", "O") in "biuf":
        return True
    return all(isinstance(v, int | float | np.number) or is_missing(v) for v in _cells(column))


def _cells(column: Any) -> list[Any]:
    """Return the values of a column of pandas or polars."""
    return column.tolist() if hasattr(column, "tolist") else column.to_list()


def _of_frame(frame: Any, words: Sequence[str], numbers: Sequence[str]) -> MixedRows:
    strings = {name: _strings(frame[name], name) for name in words}
    matrix = np.empty((len(frame), len(numbers)))
    for place, name in enumerate(numbers):
        matrix[:, place] = _numbers(frame[name], name)
    return MixedRows(strings, matrix, tuple(numbers))


def _strings(column: Any, name: str) -> list[str]:
    """Return a column as words, "" where one is missing."""
    cells = _cells(column)
    for row, cell in enumerate(cells):
        if isinstance(cell, list | tuple | dict | set | np.ndarray):
            raise DataError(
                f"X row {row}: column {name!r} holds a {type(cell).__name__}; give each of its "
                "numbers a column of its own, or leave the column out"
            )
    return ["" if is_missing(cell) else str(cell) for cell in cells]


def _numbers(column: Any, name: str) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where one is missing."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        values = column.to_numpy(np.float64)
    else:
        cells = [np.nan if is_missing(cell) else cell for cell in _cells(column)]
        values = np.array([c if isinstance(c, int | float | np.number) else np.inf for c in cells])
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise DataError(
            f"X row {bad[0]}: column {name!r} must hold finite numbers, it was "
            f"{_cells(column)[bad[0]]!r}; correct it or leave the column out"
        )
    return values
