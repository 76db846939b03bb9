"""Store class vectors without structure and measure their cosines over all pairs."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError
from growlabels.classes.codes.optimise import upper_blocks

KINDS = ("optimised", "imported")


class Measured:
    """A fixed set of stored unit vectors.

    Parameters
    ----------
    kind
        Origin of the vectors: ``"optimised"`` or ``"imported"``.
    vectors
        Array (count, dim), float32, whose rows have length 1 within 1e-5.
    method
        One sentence that says where the vectors come from.

    Raises
    ------
    DataError
        The vectors are not a finite matrix whose rows have length 1.
    """

    proved: bool = False

    def __init__(self, kind: str, vectors: NDArray[np.float32], method: str) -> None:
        if vectors.ndim != 2 or 0 in vectors.shape:
            raise DataError(f"class vectors must be a matrix (classes, dim), not {vectors.shape}")
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-5))
        if len(wrong):
            raise DataError(
                f"class vector {wrong[0]} must have length 1, it has {lengths[wrong[0]]:.6g}; "
                "normalise the rows"
            )
        self.kind = kind
        self.method = method
        self.stored = vectors
        self._known: dict[int, tuple[float, float]] = {}

    @property
    def dim(self) -> int:
        return self.stored.shape[1]

    @property
    def capacity(self) -> int:
        return len(self.stored)

    def cosines(self, count: int) -> tuple[float, float]:
        """Measure over all pairs in float64, in blocks; results are cached per count."""
        if count not in self._known:
            vectors = self.stored[:count].astype(np.float64)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            absolute, signed = 0.0, -1.0
            for rows, columns in upper_blocks(count):
                gram = vectors[rows] @ vectors[columns].T
                if rows == columns:
                    gram = gram[np.triu_indices(len(gram), 1)]
                if gram.size:
                    signed = max(signed, float(gram.max()))
                    absolute = max(absolute, float(np.abs(gram).max()))
            self._known[count] = absolute, signed
        return self._known[count]

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.stored[index].astype(np.float64)

    def sha256(self) -> str:
        """Return the SHA-256 of the stored vectors."""
        return hashlib.sha256(np.ascontiguousarray(self.stored, "<f4").tobytes()).hexdigest()
