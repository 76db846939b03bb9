"""Kerdock codebooks: d/2 + 1 real bases of which any two are mutually unbiased.

Write d = 2^m with m even. A class vector is a column of a basis, and basis b < d/2 is

    vector(b, c)[x] = (-1)^(Q_b(x) + c.x) / sqrt(d),      c, x in {0,1}^m,

with a quadratic form Q_b. Two bases meet at |cosine| = 1/sqrt(d) exactly if the alternating form
of Q_a + Q_b is nonsingular. The forms (Kerdock 1972; in the trace form of Calderbank, Cameron,
Kantor and Seidel 1997) live on GF(2^(m-1)) + GF(2), one for each a in the field:

    Q_a(x, e) = sum_{i=1..(m-2)/2} tr((a x)^(2^i + 1)) + e tr(a x)

so all d/2 of them are pairwise unbiased, and unbiased to the standard basis, which comes last.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes._galois import binary_field

DIMS = (4, 16, 64, 256, 1024, 4096, 16384, 65536)


def capacity(dim: int) -> int:
    """Count the vectors of the whole set, d (d/2 + 1).

    >>> capacity(1024)
    525312
    """
    return dim * (dim // 2 + 1)


def hadamard_rows(columns: NDArray[np.int64], dim: int) -> NDArray[np.int8]:
    """Return rows of the Sylvester matrix, (-1)^popcount(c & x), as (len(columns), dim)."""
    bits = columns[:, None] & np.arange(dim, dtype=np.int64)
    for shift in (32, 16, 8, 4, 2, 1):
        bits = bits ^ (bits >> shift)
    return (1 - 2 * (bits & 1)).astype(np.int8)


class KerdockSet:
    """The quadratic forms of one dimension, in the pinned order of the bases.

    Coordinate bit m-1 is e; below it come t^0, t^1, ... of the field element, so that the upper
    half of the coordinates is e, 1, t, ..., t^(m/2-2). On that half the alternating form depends
    on a through tr(a t^i) and tr(a^2 t^j) only, m-3 bits that are linear in a: the forms fall
    into d/8 groups of exactly four which agree there up to a linear term. Bases are sorted by
    the restricted form, then by a; a group is four neighbours, and the first basis (a = 0) is
    the plain Hadamard matrix. The order is part of the file format: it never changes.

    Parameters
    ----------
    dim
        d, a power of four from 4 to 65,536.
    """

    def __init__(self, dim: int) -> None:
        if dim not in DIMS:
            raise UsageError.choice("dim", DIMS, dim)
        self.dim = dim
        self._bits = dim.bit_length() - 1
        self._field = binary_field(self._bits - 1)
        element = np.arange(self._field.size, dtype=np.int32)
        form = np.zeros(self._field.size, dtype=np.int8)
        for i in range(1, (self._bits - 2) // 2 + 1):
            power = self._field.multiply(self._field.power_of_two(element, i), element)
            form ^= self._field.trace[power]
        self._form = form
        self.order = np.argsort(self.restricted_forms(), kind="stable").astype(np.int32)

    def restricted_forms(self) -> NDArray[np.int64]:
        """Alternating form of each a on the upper half of the coordinates, packed in an integer.

        Bit by bit B(e_i, e_j) = Q(e_i + e_j) + Q(e_i) + Q(e_j), for i < j.
        """
        upper = [1 << bit for bit in range(self._bits // 2, self._bits)]
        elements = np.arange(self._field.size, dtype=np.int32)
        packed = np.zeros(self._field.size, dtype=np.int64)
        for j, second in enumerate(upper):
            for first in upper[:j]:
                at = np.array([first, second, first | second])
                packed = 2 * packed + self._values(elements, at).sum(1) % 2
        return packed

    def signs(self, bases: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return (-1)^Q_b(x) for the given bases (all below d/2): (len(bases), dim) of +1, -1."""
        return 1 - 2 * self._values(self.order[bases], np.arange(self.dim))

    def _values(self, elements: NDArray[np.int32], at: NDArray[np.int64]) -> NDArray[np.int8]:
        """Q_a(x, e) in {0, 1} for all a in ``elements`` and all packed coordinates ``at``."""
        e, x = _split(at, self._bits)
        product = self._field.multiply(elements[:, None], x[None, :])
        return self._form[product] ^ (e[None, :] & self._field.trace[product])


def _split(at: NDArray[np.int64], bits: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Packed coordinates -> (e, field element); see KerdockSet for which bit is which."""
    half = bits // 2
    upper = (at >> half) & ((1 << (half - 1)) - 1)
    lower = at & ((1 << half) - 1)
    e = (at >> (bits - 1)).astype(np.int8)
    return e, (upper | lower << (half - 1)).astype(np.int32)


@lru_cache(maxsize=8)
def kerdock_set(dim: int) -> KerdockSet:
    """Return the forms of one dimension, made once."""
    return KerdockSet(dim)


@lru_cache(maxsize=4)
def sign_rows(dim: int) -> NDArray[np.int8]:
    """Return the sign rows of all d/2 bases: (d/2, d), read-only; 8 MB at d = 4,096.

    Raises
    ------
    UsageError
        d = 65,536, whose rows take 2 GB: ask ``KerdockSet.signs`` for the bases you need.
    """
    if dim > 16384:
        raise UsageError.parameter(
            "dim", "must be at most 16384 to hold all sign rows", dim, "ask for single vectors"
        )
    forms = kerdock_set(dim)
    rows = np.empty((dim // 2, dim), dtype=np.int8)
    step = max(1, (1 << 22) // dim)
    for start in range(0, dim // 2, step):
        rows[start : start + step] = forms.signs(np.arange(start, min(start + step, dim // 2)))
    rows.flags.writeable = False
    return rows


def kerdock_vectors(index: NDArray[np.int64], dim: int) -> NDArray[np.float64]:
    """Return unit vectors of the set: (len(index), dim); exact in float32 too."""
    basis, column = np.divmod(index, dim)
    vectors = np.zeros((len(index), dim))
    standard = basis == dim // 2
    vectors[np.flatnonzero(standard), column[standard]] = 1.0
    distinct, place = np.unique(basis[~standard], return_inverse=True)
    signs = kerdock_set(dim).signs(distinct)[place.reshape(-1)]
    vectors[~standard] = signs * hadamard_rows(column[~standard], dim) / dim**0.5
    return vectors
