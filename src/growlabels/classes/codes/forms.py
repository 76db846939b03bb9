"""Bases made of signs: a quadratic form for each, times the columns of the Sylvester matrix.

Write d = 2^m. Basis b below the number of forms has the vectors

    vector(b, c)[x] = (-1)^(Q_b(x) + c.x) / sqrt(d),      c, x in {0,1}^m,

and the standard basis comes last. Two vectors of bases a and b meet at |cosine| 0 or
2^(h/2) / sqrt(d), where h is the dimension of the radical of the alternating form of Q_a + Q_b;
a family of forms that keeps h small is a codebook. Integer arithmetic alone: the same vectors
on every machine.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class QuadraticForms:
    """A family of quadratic forms on {0,1}^m; subclasses say which (``values``).

    Attributes
    ----------
    dim
        d = 2^m.
    count
        How many forms, and so how many bases of signs, there are.
    capacity
        How many vectors, the standard basis included: (count + 1) d.
    """

    dim: int
    count: int

    @property
    def capacity(self) -> int:
        return (self.count + 1) * self.dim

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        """Q_b(x) in {0, 1} for the given bases and packed coordinates: (len(bases), len(at))."""
        raise NotImplementedError

    def signs(self, bases: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return (-1)^Q_b(x) for the given bases below ``count``: (len(bases), dim) of +1, -1."""
        return 1 - 2 * self.values(bases, np.arange(self.dim))

    def sign_rows(self, first: int, last: int) -> NDArray[np.int8]:
        """Return the signs of the bases first .. last - 1, made in pieces: (last - first, dim)."""
        rows = np.empty((last - first, self.dim), dtype=np.int8)
        step = max(1, (1 << 22) // self.dim)
        for start in range(first, last, step):
            end = min(start + step, last)
            rows[start - first : end - first] = self.signs(np.arange(start, end))
        return rows

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Unit vectors of the given classes: (len(index), dim)."""
        basis, column = np.divmod(index, self.dim)
        standard = basis == self.count
        distinct, place = np.unique(np.where(standard, 0, basis), return_inverse=True)
        signs = self.signs(distinct)[place.reshape(-1)]
        signs *= hadamard_rows(column, self.dim)
        vectors = np.divide(signs, np.sqrt(self.dim), dtype=np.float64)
        vectors[standard] = 0.0
        vectors[standard, column[standard]] = 1.0
        return vectors


def hadamard_rows(columns: NDArray[np.int64], dim: int) -> NDArray[np.int8]:
    """Return rows of the Sylvester matrix, (-1)^popcount(c & x), as (len(columns), dim)."""
    both = columns.astype(np.uint16)[:, None] & np.arange(dim, dtype=np.uint16)
    return _parity_signs()[both]


@lru_cache(maxsize=1)
def _parity_signs() -> NDArray[np.int8]:
    """(-1)^popcount of every 16-bit number: columns and coordinates are below 65,536."""
    signs = np.ones(1, dtype=np.int8)
    for _ in range(16):
        signs = np.concatenate([signs, -signs])
    return signs


def restricted_forms(forms: QuadraticForms, upper: list[int]) -> NDArray[np.int64]:
    """Alternating form of every Q_b on some unit coordinates, packed in an integer.

    Bit by bit B(e_i, e_j) = Q(e_i + e_j) + Q(e_i) + Q(e_j), for i < j. Forms with equal
    integers agree there up to a linear term, and can share the first half of a transform.
    """
    bases = np.arange(forms.count)
    packed = np.zeros(forms.count, dtype=np.int64)
    for j, second in enumerate(upper):
        for first in upper[:j]:
            at = np.array([first, second, first | second])
            packed = 2 * packed + forms.values(bases, at).sum(1) % 2
    return packed
