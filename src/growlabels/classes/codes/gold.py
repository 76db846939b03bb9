"""Build Gold-type codebooks: d + 1 bases for d = 2^m, m odd, with |cosine| <= sqrt(2/d).

The forms on GF(2^m) are Q_a(x) = tr(a x^3), one for each field element a (Gold 1968). For a != b
the alternating form of Q_a + Q_b has a radical of dimension one. The family is additive in a.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes.codes.forms import QuadraticForms, restricted_forms
from growlabels.classes.codes.galois import binary_field

DIMS = (8, 32, 128, 512, 2048, 8192, 32768)


class GoldSet(QuadraticForms):
    """The Gold forms of one dimension in a fixed order.

    The forms are sorted by their restriction to the upper coordinates, then by a. Coordinate bit
    i is t^i, and the upper coordinates are t^ceil(m/2), ..., t^(m-1). The first basis (a = 0) is
    the Hadamard matrix itself. The order is part of the file format and must not change.

    Parameters
    ----------
    dim
        Dimension d of the vectors, an odd power of two from 8 to 32,768.
    """

    def __init__(self, dim: int) -> None:
        if dim not in DIMS:
            raise UsageError.choice("dim", DIMS, dim)
        self.dim = dim
        self.count = dim
        bits = dim.bit_length() - 1
        self._field = binary_field(bits)
        element = np.arange(dim, dtype=np.int32)
        self._cubes = self._field.multiply(self._field.power_of_two(element, 1), element)
        self.order: NDArray[np.int32] = element
        upper = [1 << bit for bit in range((bits + 1) // 2, bits)]
        self.order = np.argsort(restricted_forms(self, upper), kind="stable").astype(np.int32)

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        product = self._field.multiply(self.order[bases][:, None], self._cubes[at][None, :])
        return self._field.trace[product]


@lru_cache(maxsize=8)
def gold_set(dim: int) -> GoldSet:
    """Return the Gold forms of one dimension; they are built once and cached."""
    return GoldSet(dim)
