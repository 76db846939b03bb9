"""Build bases of sign vectors from quadratic forms and the Sylvester matrix.

Let d = 2^m. For each form Q_b, basis b consists of the vectors

    vector(b, c)[x] = (-1)^(Q_b(x) + c.x) / sqrt(d),      c, x in {0,1}^m,

and the standard basis comes last. Between vectors of bases a and b, |cosine| is 0 or
2^(h/2) / sqrt(d). Here h is the dimension of the radical of the alternating form of Q_a + Q_b. A
family of forms with small h gives a good codebook. Only integer arithmetic is used, so the vectors
are the same on every machine.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class QuadraticForms:
    """A family of quadratic forms on {0,1}^m; subclasses implement ``values``.

    Attributes
    ----------
    dim
        Dimension d = 2^m of the vectors.
    count
        Number of forms, which is the number of sign bases.
    capacity
        Number of vectors with the standard basis included: (count + 1) d.
    """

    dim: int
    count: int

    @property
    def capacity(self) -> int:
        return (self.count + 1) * self.dim

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return Q_b(x) in {0, 1} for bases and packed coordinates: (len(bases), len(at))."""
        raise NotImplementedError

    def signs(self, bases: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return (-1)^Q_b(x), +1 or -1, for bases below ``count``: (len(bases), dim)."""
        return 1 - 2 * self.values(bases, np.arange(self.dim))

    def sign_rows(self, first: int, last: int) -> NDArray[np.int8]:
        """Return the signs of bases first .. last - 1, computed in blocks: (last - first, dim)."""
        rows = np.empty((last - first, self.dim), dtype=np.int8)
        step = max(1, (1 << 22) // self.dim)
        for start in range(first, last, step):
            end = min(start + step, last)
            rows[start - first : end - first] = self.signs(np.arange(start, end))
        return rows

    def vectors(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the unit vectors of the given classes, shape (len(index), dim)."""
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
    """Return rows c of the Sylvester matrix, (-1)^popcount(c & x): (len(columns), dim)."""
    both = columns.astype(np.uint16)[:, None] & np.arange(dim, dtype=np.uint16)
    return _parity_signs()[both]


@lru_cache(maxsize=1)
def _parity_signs() -> NDArray[np.int8]:
    """Return (-1)^popcount of every 16-bit number; columns and coordinates are below 65,536."""
    signs = np.ones(1, dtype=np.int8)
    for _ in range(16):
        signs = np.concatenate([signs, -signs])
    return signs


def restricted_forms(forms: QuadraticForms, upper: list[int]) -> NDArray[np.int64]:
    """Return the alternating form of every Q_b on some unit coordinates, packed into integers.

    Each bit is B(e_i, e_j) = Q(e_i + e_j) + Q(e_i) + Q(e_j) for one pair i < j. Forms with equal
    integers agree on these coordinates up to a linear term. They can share the first half of a
    transform.

    Parameters
    ----------
    forms
        Family of quadratic forms.
    upper
        Unit coordinates, each a power of two.

    Returns
    -------
    array of shape (forms.count,), int64
        One packed form per basis.
    """
    bases = np.arange(forms.count)
    packed = np.zeros(forms.count, dtype=np.int64)
    for j, second in enumerate(upper):
        for first in upper[:j]:
            at = np.array([first, second, first | second])
            packed = 2 * packed + forms.values(bases, at).sum(1) % 2
    return packed
