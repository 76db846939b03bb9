"""Sparse matrices: each column divided by its largest absolute value, never made dense."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse, vstack
from torch import Tensor, nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.inputs.trunks import INIT, Inputs, layers_over


@dataclass(frozen=True)
class SparseReader:
    """Columns to at most 1 in absolute value over the rows learned so far; zeros stay zeros.

    Attributes
    ----------
    largest
        ``(columns,)``, the largest absolute value of each column so far; 0 where it has none.
    """

    rows_at_once: ClassVar[int] = 4096
    largest: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Any) -> "SparseReader":
        """Measure the columns."""
        return cls(_largest(csr_array(rows)))

    @property
    def columns(self) -> int:
        """Columns of a row."""
        return len(self.largest)

    def inputs(self, rows: Any) -> "SparseInputs":
        """Scale the columns; a dense array of as many columns is read too."""
        table = self._table(rows)
        scale = np.where(self.largest > 0, self.largest, 1.0)
        table.data = table.data / scale[table.indices]
        return SparseInputs(table)

    def followed(self, rows: Any) -> "SparseReader":
        """Return the reader that has measured these rows too."""
        return SparseReader(np.maximum(self.largest, _largest(self._table(rows))))

    def moved(self, inputs: "SparseInputs", before: "SparseReader") -> "SparseInputs":
        """Return inputs that an earlier reader made, scaled as this one does."""
        table = inputs.table.copy()
        scale = np.where(before.largest > 0, before.largest, 1.0)
        table.data = table.data * scale[table.indices]
        return self.inputs(table)

    def nothing(self) -> "SparseInputs":
        """Return inputs without rows."""
        return SparseInputs(csr_array((0, self.columns)))

    def trunk(self, embedding: int, hidden: int, dropout: float) -> nn.Module:
        """Make the untrained network that takes these inputs."""
        return SparseTrunk(self.columns, embedding, hidden, dropout)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "sparse", "largest": self.largest.tolist()}

    def _table(self, rows: Any) -> csr_array:
        if not issparse(rows) and (not isinstance(rows, np.ndarray) or rows.ndim != 2):
            kind = "strings" if isinstance(rows, Sequence) else "other rows"
            raise UsageError(f"X holds {kind}, the model was fitted on a sparse matrix of numbers")
        table: Any = csr_array(cast(Any, rows), dtype=np.float64, copy=True)
        if not np.isfinite(table.data).all():
            raise DataError("X must hold finite numbers; a missing value of a sparse row is 0")
        table.sum_duplicates()
        return table


class SparseInputs:
    """Rows of a sparse matrix, already scaled."""

    def __init__(self, table: csr_array) -> None:
        self.table = table

    def __len__(self) -> int:
        return self.table.shape[0]

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        part = self.table[rows]
        places = part.indices.astype(np.int64), part.indptr.astype(np.int64)
        return (*map(torch.from_numpy, places), torch.from_numpy(part.data.astype(np.float32)))

    def take(self, rows: NDArray[np.int64]) -> "SparseInputs":
        return SparseInputs(self.table[rows])

    def joined(self, other: "SparseInputs") -> Inputs:
        return SparseInputs(csr_array(vstack([self.table, other.table], format="csr")))


class SparseTrunk(nn.Module):
    """A linear layer without bias over a sparse row, then one hidden layer."""

    def __init__(self, columns: int, embedding: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding: nn.EmbeddingBag = nn.EmbeddingBag(
            columns, embedding, mode="sum", include_last_offset=True
        )
        nn.init.normal_(self.embedding.weight, std=INIT)
        self.layers: nn.Module = layers_over(embedding, hidden, dropout)

    def forward(self, columns: Tensor, starts: Tensor, values: Tensor) -> Tensor:
        return self.layers(self.embedding(columns, starts, values))


def _largest(table: csr_array) -> NDArray[np.float64]:
    if table.shape[0] == 0:
        return np.zeros(table.shape[1])
    return abs(table).max(axis=0).toarray().ravel().astype(float)
