"""Build Kerdock codebooks: d/2 + 1 mutually unbiased real bases, d = 4^k.

The forms are defined on GF(2^(m-1)) + GF(2), one for each field element a (Kerdock 1972, in the
trace form of Calderbank, Cameron, Kantor and Seidel 1997):

    Q_a(x, e) = sum_{i=1..(m-2)/2} tr((a x)^(2^i + 1)) + e tr(a x)

For a != b the alternating form of Q_a + Q_b is nonsingular, so every |cosine| between different
bases is exactly 1/sqrt(d). Adding tr(b_j x^(2^j + 1)) for j = 1, 2, ... gives more forms, and each
layer j doubles the largest cosine (Delsarte and Goethals 1975).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes.codes.forms import QuadraticForms, restricted_forms
from growlabels.classes.codes.galois import BinaryField, binary_field

DIMS = (4, 16, 64, 256, 1024, 4096, 16384, 65536)


def capacity(dim: int) -> int:
    """Return the number of vectors in the whole set, d (d/2 + 1).

    >>> capacity(1024)
    525312
    """
    return dim * (dim // 2 + 1)


class KerdockSet(QuadraticForms):
    """The Kerdock forms of one dimension in a fixed order.

    Coordinate bit m-1 is e, and the other bits are powers of t of the field element. They are
    arranged so that the upper half of the coordinates is e, 1, t, ..., t^(m/2-2). On that half
    the alternating form depends on a only through tr(a t^i) and tr(a^2 t^j). These are m-3 bits
    that are linear in a. The forms therefore fall into d/8 groups of four, and the forms of a
    group agree on that half up to a linear term.

    Bases are sorted by the restricted form, then by a, so that a group is four consecutive
    bases. The first basis (a = 0) is the Hadamard matrix itself. The order is part of the file
    format and must not change.

    Parameters
    ----------
    dim
        Dimension d of the vectors, a power of four from 4 to 65,536.
    """

    def __init__(self, dim: int) -> None:
        if dim not in DIMS:
            raise UsageError.choice("dim", DIMS, dim)
        self.dim = dim
        self.count: int = dim // 2
        self.bits: int = dim.bit_length() - 1
        self.field: BinaryField = binary_field(self.bits - 1)
        element = np.arange(self.field.size, dtype=np.int32)
        form = np.zeros(self.field.size, dtype=np.int8)
        for i in range(1, (self.bits - 2) // 2 + 1):
            power = self.field.multiply(self.field.power_of_two(element, i), element)
            form ^= self.field.trace[power]
        self._form = form
        self.order: NDArray[np.int32] = element
        upper = [1 << bit for bit in range(self.bits // 2, self.bits)]
        self.order = np.argsort(restricted_forms(self, upper), kind="stable").astype(np.int32)

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        e, x = self.split(at)
        product = self.field.multiply(self.order[bases][:, None], x[None, :])
        return self._form[product] ^ (e[None, :] & self.field.trace[product])

    def split(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Split packed coordinates into e and the field element; see the class for the bits."""
        half = self.bits // 2
        upper = (at >> half) & ((1 << (half - 1)) - 1)
        lower = at & ((1 << half) - 1)
        e = (at >> (self.bits - 1)).astype(np.int8)
        return e, (upper | lower << (half - 1)).astype(np.int32)


class DelsarteGoethalsSet(QuadraticForms):
    """Kerdock forms plus tr(b_j x^(2^j + 1)) for j = 1 .. layers.

    Every |cosine| is at most 2^layers/sqrt(d). The number of a basis is
    a + (d/2) b_1 + (d/2)^2 b_2 + ..., so the first d/2 bases are the Kerdock bases in order.

    Parameters
    ----------
    dim
        Dimension d of the vectors, a power of four from 16 to 65,536.
    layers
        Number of layers, from 1 to m/2 - 1. Each multiplies the number of bases by d/2.
    """

    def __init__(self, dim: int, layers: int) -> None:
        self.kerdock: KerdockSet = kerdock_set(dim)
        most = self.kerdock.bits // 2 - 1
        if most < 1:
            raise UsageError.parameter("dim", "must be at least 16 for layers of forms", dim)
        if not 1 <= layers <= most:
            raise UsageError.parameter("layers", f"must be from 1 to {most} at dim {dim}", layers)
        self.dim = dim
        self.layers = layers
        self.count: int = (dim // 2) ** (layers + 1)

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        field, half = self.kerdock.field, self.dim // 2
        total = self.kerdock.values(bases % half, at)
        x = self.kerdock.split(at)[1]
        for layer in range(1, self.layers + 1):
            factor = (bases // half**layer % half).astype(np.int32)
            power = field.multiply(field.power_of_two(x, layer), x)
            total ^= field.trace[field.multiply(factor[:, None], power[None, :])]
        return total


@lru_cache(maxsize=8)
def kerdock_set(dim: int) -> KerdockSet:
    """Return the Kerdock forms of one dimension; they are built once and cached."""
    return KerdockSet(dim)


@lru_cache(maxsize=4)
def sign_rows(dim: int) -> NDArray[np.int8]:
    """Return the sign rows of all d/2 bases, a read-only (d/2, d) array; 8 MB at d = 4,096.

    Raises
    ------
    UsageError
        The dimension is 65,536, where the rows would take 2 GB. Call ``KerdockSet.signs`` for
        the bases that you need.
    """
    if dim > 16384:
        raise UsageError.parameter(
            "dim", "must be at most 16384 to hold all sign rows", dim, "request single vectors"
        )
    rows = kerdock_set(dim).sign_rows(0, dim // 2)
    rows.flags.writeable = False
    return rows
