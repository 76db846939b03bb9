"""Define the constructions from finite fields, each with its proved cosines."""

import math

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes.codes.gold import GoldSet, gold_set
from growlabels.classes.codes.kerdock import DIMS, DelsarteGoethalsSet, KerdockSet, kerdock_set
from growlabels.classes.codes.paley import is_paley_dim, paley_vectors


class Kerdock:
    """Mutually unbiased bases; see :mod:`growlabels.classes.codes.kerdock`.

    Parameters
    ----------
    dim
        Dimension of the vectors, a power of four from 4 to 65,536.
    """

    kind: str = "kerdock"
    proved: bool = True
    method: str = (
        "mutually unbiased bases from a Kerdock set: every |cosine| is 0 or 1/sqrt(dim), and 0 "
        "among the first dim vectors; the whole set meets the Levenshtein bound"
    )

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.forms: KerdockSet = kerdock_set(dim)

    @property
    def capacity(self) -> int:
        return self.forms.capacity

    def cosines(self, count: int) -> tuple[float, float]:
        largest = 0.0 if count <= self.dim else 1.0 / math.sqrt(self.dim)
        return largest, largest

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.forms.vectors(index)


class KerdockBlocks:
    """Kerdock sets of the largest 4^k <= dim, in orthogonal blocks of coordinates.

    This construction serves dimensions that are not powers of four. It has ``dim // 4^k``
    blocks, and the remaining coordinates are zero. Consecutive classes use one basis in each
    block before the next basis, so the first classes are orthogonal.

    Parameters
    ----------
    dim
        Dimension of the vectors, at least 4.
    """

    kind: str = "kerdock-blocks"
    proved: bool = True

    def __init__(self, dim: int) -> None:
        size = max((d for d in DIMS if d <= dim), default=None)
        if size is None:
            raise UsageError.parameter("dim", "must be at least 4 for Kerdock blocks", dim)
        self.dim = dim
        self.size = size
        self.blocks: int = dim // size
        self.forms: KerdockSet = kerdock_set(size)
        self.method: str = (
            f"Kerdock sets of dim {size} in {self.blocks} orthogonal blocks, {self.blocks * size} "
            f"of {dim} coordinates in use: every |cosine| is 0 or 1/{math.isqrt(size)}, and 0 "
            f"among the first {self.blocks * size} vectors"
        )

    @property
    def capacity(self) -> int:
        return self.blocks * self.forms.capacity

    def cosines(self, count: int) -> tuple[float, float]:
        largest = 0.0 if count <= self.blocks * self.size else 1.0 / math.sqrt(self.size)
        return largest, largest

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        basis, place = np.divmod(index, self.blocks * self.size)
        block, column = np.divmod(place, self.size)
        parts = np.zeros((len(index), self.blocks, self.size))
        parts[np.arange(len(index)), block] = self.forms.vectors(basis * self.size + column)
        used = self.blocks * self.size
        return np.pad(parts.reshape(len(index), used), ((0, 0), (0, self.dim - used)))


class Gold:
    """Bases of Gold's forms for dim = 2^odd; see :mod:`growlabels.classes.codes.gold`.

    Parameters
    ----------
    dim
        Dimension of the vectors, an odd power of two from 8 to 32,768.
    """

    kind: str = "gold"
    proved: bool = True
    method: str = (
        "bases of Gold's quadratic forms: every |cosine| is 0, 1/sqrt(dim) or sqrt(2/dim), and 0 "
        "among the first dim vectors"
    )

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.forms: GoldSet = gold_set(dim)

    @property
    def capacity(self) -> int:
        return self.forms.capacity

    def cosines(self, count: int) -> tuple[float, float]:
        largest = 0.0 if count <= self.dim else math.sqrt(2.0 / self.dim)
        return largest, largest

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.forms.vectors(index)


class DelsarteGoethals:
    """Bases of Kerdock's and further forms; the first classes are those of the Kerdock set.

    Parameters
    ----------
    dim
        Dimension of the vectors, a power of four from 16 to 65,536.
    layers
        Number of layers of further forms, at least 1. Each layer doubles the largest cosine.
    """

    kind: str = "delsarte-goethals"
    proved: bool = True
    method: str = (
        "bases of Delsarte-Goethals quadratic forms: every |cosine| is 0 or 2^i/sqrt(dim) with i "
        "at most the layers in use; the first dim^2/2 vectors are the Kerdock set"
    )

    def __init__(self, dim: int, layers: int) -> None:
        self.dim = dim
        self.forms: DelsarteGoethalsSet = DelsarteGoethalsSet(dim, layers)

    @property
    def capacity(self) -> int:
        return self.forms.capacity

    def cosines(self, count: int) -> tuple[float, float]:
        if count <= self.dim:
            return 0.0, 0.0
        holds, layers = self.dim * (self.dim // 2), 0
        while count > holds and layers < self.forms.layers:
            holds, layers = holds * (self.dim // 2), layers + 1
        largest = 2.0**layers / math.sqrt(self.dim)
        return largest, largest

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.forms.vectors(index)


class Paley:
    """A frame of 2 dim equiangular vectors; see :mod:`growlabels.classes.codes.paley`.

    Parameters
    ----------
    dim
        Dimension of the vectors, at most 512, where 2 dim - 1 is a prime power = 1 mod 4.
    """

    kind: str = "paley"
    proved: bool = True
    method: str = "Paley conference frame: every |cosine| is 1/sqrt(2 dim - 1), the Welch bound"

    def __init__(self, dim: int) -> None:
        if not is_paley_dim(dim):
            raise UsageError.parameter(
                "dim",
                "must be at most 512 with 2 dim - 1 a prime power = 1 mod 4 for a Paley frame",
                dim,
                'use kind="optimised"',
            )
        self.dim = dim

    @property
    def capacity(self) -> int:
        return 2 * self.dim

    def cosines(self, count: int) -> tuple[float, float]:
        return (largest := 1.0 / math.sqrt(2 * self.dim - 1)), largest

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return paley_vectors(self.dim)[index]
