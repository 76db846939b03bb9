"""Kerdock codebooks: d/2 + 1 real bases of which any two are mutually unbiased, d = 4^k.

The forms (Kerdock 1972; in the trace form of Calderbank, Cameron, Kantor and Seidel 1997) live
on GF(2^(m-1)) + GF(2), one for each a in the field:

    Q_a(x, e) = sum_{i=1..(m-2)/2} tr((a x)^(2^i + 1)) + e tr(a x)

The alternating form of Q_a + Q_b is nonsingular for a != b, so every |cosine| between different
bases is 1/sqrt(d) exactly. More forms, at twice the cosine a layer, come from adding
tr(b_j x^(2^j + 1)) for j = 1, 2, ... (Delsarte and Goethals 1975).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError
from growlabels.classes.codes.forms import QuadraticForms, restricted_forms
from growlabels.classes.codes.galois import binary_field

DIMS = (4, 16, 64, 256, 1024, 4096, 16384, 65536)


def capacity(dim: int) -> int:
    """Count the vectors of the whole set, d (d/2 + 1).

    >>> capacity(1024)
    525312
    """
    return dim * (dim // 2 + 1)


class KerdockSet(QuadraticForms):
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
        self.count = dim // 2
        self.bits = dim.bit_length() - 1
        self.field = binary_field(self.bits - 1)
        element = np.arange(self.field.size, dtype=np.int32)
        form = np.zeros(self.field.size, dtype=np.int8)
        for i in range(1, (self.bits - 2) // 2 + 1):
            power = self.field.multiply(self.field.power_of_two(element, i), element)
            form ^= self.field.trace[power]
        self._form = form
        self.order = element
        upper = [1 << bit for bit in range(self.bits // 2, self.bits)]
        self.order = np.argsort(restricted_forms(self, upper), kind="stable").astype(np.int32)

    def values(self, bases: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int8]:
        e, x = self.split(at)
        product = self.field.multiply(self.order[bases][:, None], x[None, :])
        return self._form[product] ^ (e[None, :] & self.field.trace[product])

    def split(self, at: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Packed coordinates -> (e, field element); the class says which bit is which."""
        half = self.bits // 2
        upper = (at >> half) & ((1 << (half - 1)) - 1)
        lower = at & ((1 << half) - 1)
        e = (at >> (self.bits - 1)).astype(np.int8)
        return e, (upper | lower << (half - 1)).astype(np.int32)


class DelsarteGoethalsSet(QuadraticForms):
    """Kerdock forms plus tr(b_j x^(2^j + 1)), j = 1 .. layers: |cosine| at most 2^layers/sqrt(d).

    Basis a + (d/2) b_1 + (d/2)^2 b_2 ... : the first d/2 bases are the Kerdock ones, in order.

    Parameters
    ----------
    dim
        d, a power of four from 16 to 65,536.
    layers
        From 1 to m/2 - 1; each multiplies the number of bases by d/2.
    """

    def __init__(self, dim: int, layers: int) -> None:
        self.kerdock = kerdock_set(dim)
        most = self.kerdock.bits // 2 - 1
        if most < 1:
            raise UsageError.parameter("dim", "must be at least 16 for layers of forms", dim)
        if not 1 <= layers <= most:
            raise UsageError.parameter("layers", f"must be from 1 to {most} at dim {dim}", layers)
        self.dim = dim
        self.layers = layers
        self.count = (dim // 2) ** (layers + 1)

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
    rows = kerdock_set(dim).sign_rows(0, dim // 2)
    rows.flags.writeable = False
    return rows
