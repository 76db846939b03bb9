"""Class vectors along the axes, each set with what is proved of it.

A construction knows its dimension, how many vectors it holds, its vectors by index and the
largest cosines among the first ``count`` of them. Vectors never depend on how many are used.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Construction(Protocol):
    """What a codebook needs to know of its vectors."""

    kind: str
    proved: bool  # whether ``cosines`` is a theorem; else it was measured
    method: str  # how ``cosines`` is known, in one sentence

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        ...

    @property
    def capacity(self) -> int:
        """How many vectors there are."""
        ...

    def cosines(self, count: int) -> tuple[float, float]:
        """Largest |cosine| and largest signed cosine of the first ``count`` >= 2 vectors."""
        ...

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Unit vectors of the given indices: (len(index), dim)."""
        ...


class Identity:
    """The unit vectors e_0, e_1, ...: orthonormal, so a head over them is normalised logits."""

    kind: str = "identity"
    proved: bool = True
    method: str = "unit vectors are orthogonal"

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @property
    def capacity(self) -> int:
        return self.dim

    def cosines(self, count: int) -> tuple[float, float]:
        return 0.0, 0.0

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return _unit_vectors(index, self.dim)


class Simplex:
    """The dim + 1 corners of the regular simplex: every cosine is -1/dim, the Rankin optimum."""

    kind: str = "simplex"
    proved: bool = True
    method: str = "regular simplex: all cosines are -1/dim, the optimum (Rankin 1955)"

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @property
    def capacity(self) -> int:
        return self.dim + 1

    def cosines(self, count: int) -> tuple[float, float]:
        return 1.0 / self.dim, -1.0 / self.dim

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        # corner i < dim is stretch e_i + shift (1, ..., 1); the last is -(1, ..., 1) / sqrt(dim)
        stretch = math.sqrt(1.0 + 1.0 / self.dim)
        shift = (1.0 / math.sqrt(self.dim) - stretch) / self.dim
        last = index == self.dim
        vectors = _unit_vectors(np.where(last, 0, index), self.dim) * stretch + shift
        vectors[last] = -1.0 / math.sqrt(self.dim)
        return vectors


class CrossPolytope:
    """e_0 .. e_(dim-1), then -e_0 .. -e_(dim-1): no signed cosine above 0, the Rankin optimum."""

    kind: str = "cross-polytope"
    proved: bool = True
    method: str = (
        "plus and minus unit vectors: no signed cosine above 0, the optimum (Rankin 1955); "
        "opposite vectors have |cosine| 1"
    )

    def __init__(self, dim: int) -> None:
        self.dim = dim

    @property
    def capacity(self) -> int:
        return 2 * self.dim

    def cosines(self, count: int) -> tuple[float, float]:
        if count <= self.dim:
            return 0.0, 0.0
        return 1.0, (-1.0 if self.dim == 1 else 0.0)

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        sign = np.where(index < self.dim, 1.0, -1.0)
        return _unit_vectors(index % self.dim, self.dim) * sign[:, None]


def _unit_vectors(index: NDArray[np.int64], dim: int) -> NDArray[np.float64]:
    vectors = np.zeros((len(index), dim))
    vectors[np.arange(len(index)), index] = 1.0
    return vectors
