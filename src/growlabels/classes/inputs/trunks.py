"""The networks below the head, and the inputs they read."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.classes.inputs.ngrams import Bags

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
        return TextInputs(self.bags.joined(other.bags))


class ArrayInputs:
    """Rows of numbers, already standardised, float64, or images, float32; read as float32."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.array[rows]),)

    def take(self, rows: NDArray[np.int64]) -> "ArrayInputs":
        return ArrayInputs(self.array[rows])

    def joined(self, other: "ArrayInputs") -> "ArrayInputs":
        return ArrayInputs(np.concatenate([self.array, other.array]))


class BagEmbedding(nn.EmbeddingBag):
    """Sum of the embeddings of a bag, divided by the root of how many; 0 for an empty bag."""

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__(buckets, width, mode="sum", include_last_offset=True)
        nn.init.normal_(self.weight, std=INIT)

    def forward(self, buckets: Tensor, starts: Tensor) -> Tensor:  # type: ignore[override]
        bags = super().forward(buckets, starts)
        return bags * starts.diff().clamp(min=1).to(bags.dtype).rsqrt()[:, None]


def layers_over(embedding: int, hidden: int, dropout: float) -> nn.Module:
    """Return the layers above a sum of embeddings: one hidden layer, with normalisation."""
    return nn.Sequential(
        nn.BatchNorm1d(embedding),
        nn.ReLU(),
        nn.Linear(embedding, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
    )


class TextTrunk(nn.Module):
    """Embeddings of bags, and one hidden layer."""

    def __init__(self, buckets: int, embedding: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding: BagEmbedding = BagEmbedding(buckets, embedding)
        self.layers: nn.Module = layers_over(embedding, hidden, dropout)

    def forward(self, buckets: Tensor, starts: Tensor) -> Tensor:
        return self.layers(self.embedding(buckets, starts))


class ArrayTrunk(nn.Module):
    """Two hidden layers over standardised columns."""

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers: nn.Sequential = nn.Sequential(
            nn.Linear(features, hidden),
            nn.ReLU(),
            nn.LayerNorm(hidden),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.to(next(self.parameters()).dtype))


class ImageTrunk(nn.Module):
    """Three convolutions with pooling, then one hidden layer over a grid of 4 x 4."""

    def __init__(self, channels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for before, after in ((channels, 16), (16, 32), (32, 64)):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
        self.layers: nn.Sequential = nn.Sequential(
            *blocks,
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(64 * 16, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.to(next(self.parameters()).dtype))
