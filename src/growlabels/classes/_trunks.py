"""The networks below the head, and the inputs they read."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.classes._text import Bags

INIT = 0.05  # torch starts with 1, which a few hundred steps hardly move


class Inputs(Protocol):
    """Rows that can be cut into batches, picked and joined."""

    def __len__(self) -> int: ...

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Return what the trunk takes for these rows."""
        ...

    def take(self, rows: NDArray[np.int64]) -> "Inputs":
        """Return a copy of some rows."""
        ...

    def joined(self, other: Any) -> "Inputs":
        """Return these rows and then the others, of the same kind."""
        ...


class TextInputs:
    """Bags of buckets."""

    def __init__(self, bags: Bags) -> None:
        self.bags = bags

    def __len__(self) -> int:
        return len(self.bags)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        bags = self.bags.take(rows)
        return torch.from_numpy(bags.buckets), torch.from_numpy(bags.starts)

    def take(self, rows: NDArray[np.int64]) -> "TextInputs":
        return TextInputs(self.bags.take(rows))

    def joined(self, other: "TextInputs") -> "TextInputs":
        ends = other.bags.starts[1:] + self.bags.starts[-1]
        buckets = np.concatenate([self.bags.buckets, other.bags.buckets])
        return TextInputs(Bags(buckets, np.concatenate([self.bags.starts, ends])))


class ArrayInputs:
    """Rows of numbers, already standardised, float64; training reads them as float32."""

    def __init__(self, array: NDArray[np.float64]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.array[rows]),)

    def take(self, rows: NDArray[np.int64]) -> "ArrayInputs":
        return ArrayInputs(self.array[rows])

    def joined(self, other: "ArrayInputs") -> "ArrayInputs":
        return ArrayInputs(np.concatenate([self.array, other.array]))


class TextTrunk(nn.Module):
    """Sum of bucket embeddings, divided by the root of how many, and one hidden layer."""

    def __init__(self, buckets: int, embedding: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(buckets, embedding, mode="sum", include_last_offset=True)
        nn.init.normal_(self.embedding.weight, std=INIT)
        self.layers = nn.Sequential(
            nn.BatchNorm1d(embedding),
            nn.ReLU(),
            nn.Linear(embedding, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, buckets: Tensor, starts: Tensor) -> Tensor:
        bags = self.embedding(buckets, starts)
        return self.layers(bags * starts.diff().to(bags.dtype).rsqrt()[:, None])


class ArrayTrunk(nn.Module):
    """Two hidden layers over standardised columns."""

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden),
            nn.ReLU(),
            nn.LayerNorm(hidden),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.to(next(self.parameters()).dtype))


def as_texts(x: object) -> Sequence[str] | None:
    """Return ``x`` as a list of strings, or None where it is no sequence of strings.

    >>> as_texts(np.array(["a", "b"])), as_texts([[1.0]])
    (['a', 'b'], None)
    """
    if isinstance(x, str) or not hasattr(x, "__len__") or not hasattr(x, "__iter__"):
        return None
    if getattr(x, "ndim", 1) != 1 or not len(x):  # type: ignore[arg-type]
        return None
    rows = list(x)  # type: ignore[call-overload]
    return [str(row) for row in rows] if all(isinstance(row, str) for row in rows) else None
