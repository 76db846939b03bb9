"""Define the protocol of constructions, and the simplest ones with their proved cosines.

A construction has a dimension and a capacity. It returns vectors by index, and the largest
cosines among its first ``count`` vectors. A vector depends on its index alone, not on how many
vectors are in use.
"""

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Construction(Protocol):
    """Source of the class vectors of a codebook.

    Attributes
    ----------
    kind
        Name of the construction.
    proved
        Whether the result of ``cosines`` follows from a theorem. Otherwise it is measured.
    method
        One sentence that says how the result of ``cosines`` was obtained.
    """

    kind: str
    proved: bool
    method: str

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        ...

    @property
    def capacity(self) -> int:
        """Number of vectors."""
        ...

    def cosines(self, count: int) -> tuple[float, float]:
        """Return the largest |cosine| and signed cosine of the first ``count`` >= 2 vectors."""
        ...

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the unit vectors with the given indices, shape (len(index), dim)."""
        ...


class Identity:
    """The orthonormal vectors e_0, e_1, ...; a head with them returns scaled unit embeddings."""

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
    """The dim + 1 corners of the regular simplex; every cosine is -1/dim, Rankin's bound."""

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
    """The vectors e_i, then the vectors -e_i; no signed cosine exceeds 0, Rankin's bound."""

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
