"""Build Paley conference frames: q + 1 equiangular vectors in (q + 1)/2 dimensions.

Let q = 1 mod 4 be a prime power and chi the quadratic character of GF(q). The symmetric conference
matrix C (Paley 1933) has entries C[i, j] = chi(i - j), a border of ones and a zero diagonal, and
C^2 = q I. Hence I + C / sqrt(q) is twice a projection of rank (q + 1)/2. It is the Gram matrix of
vectors with every |cosine| equal to 1/sqrt(q), the Welch bound.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LARGEST = 512  # largest dimension: the factorisation takes dim^3 steps, one or two seconds


def prime_power(number: int) -> tuple[int, int] | None:
    """Return (p, k) with number = p^k and p prime, or ``None`` if there are none.

    >>> prime_power(125), prime_power(12)
    ((5, 3), None)
    """
    if number < 2:
        return None
    prime = next((p for p in range(2, int(number**0.5) + 1) if number % p == 0), number)
    exponent = 0
    while number % prime == 0:
        number //= prime
        exponent += 1
    return (prime, exponent) if number == 1 else None


def is_paley_dim(dim: int) -> bool:
    """Return whether 2 dim - 1 is a prime power = 1 mod 4 and dim is at most 512.

    >>> [dim for dim in range(1, 20) if is_paley_dim(dim)]
    [3, 5, 7, 9, 13, 15, 19]
    """
    return dim <= LARGEST and (2 * dim - 1) % 4 == 1 and prime_power(2 * dim - 1) is not None


def conference_matrix(q: int) -> NDArray[np.int8]:
    """Return the symmetric matrix C of order q + 1 with entries 0, +1, -1 and C^2 = q I."""
    digits, logarithms, prime = _field(q)
    weights = prime ** np.arange(digits.shape[1])
    difference = (digits[:, None, :] - digits[None, :, :]) % prime @ weights
    character = 1 - 2 * (logarithms % 2)  # even powers of the generator are the squares
    character[0] = 0
    matrix = np.ones((q + 1, q + 1), dtype=np.int8)
    matrix[0, 0] = 0
    matrix[1:, 1:] = character[difference]
    return matrix


@lru_cache(maxsize=8)
def paley_vectors(dim: int) -> NDArray[np.float64]:
    """Return the 2 dim unit vectors of a Paley frame, a read-only (2 dim, dim) array.

    The Gram matrix is factored by pivoted Cholesky with rank-one updates. It uses only products,
    differences and square roots of single numbers, which round the same on every machine.
    """
    q = 2 * dim - 1
    rest = conference_matrix(q) / math.sqrt(q) + np.eye(q + 1)
    factor = np.zeros((q + 1, dim))
    for column in range(dim):
        pivot = int(np.argmax(np.diag(rest).round(9)))
        factor[:, column] = rest[:, pivot] / np.sqrt(rest[pivot, pivot])
        rest = rest - factor[:, column, None] * factor[None, :, column]
        rest[pivot, :] = rest[:, pivot] = 0.0
    factor.flags.writeable = False
    return factor


def _field(q: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return base-p digits and discrete logarithms of every element of GF(q), q = p^k, and p.

    Monic polynomials are tried in the order of their digits. The generator is the root t of the
    first whose powers reach every non-zero element. For k = 1 it is the smallest primitive root.
    """
    power = prime_power(q)
    assert power is not None, "callers check is_paley_dim first"
    prime, degree = power
    digits = np.arange(q)[:, None] // prime ** np.arange(degree) % prime
    for tail in range(1, q):
        # t^degree equals the polynomial with these digits
        powers = _powers(digits[tail].tolist(), prime, q)
        if len(powers) == q - 1:
            logarithms = np.zeros(q, dtype=np.int64)
            logarithms[powers] = np.arange(q - 1)
            return digits, logarithms, prime
    raise AssertionError("every finite field has a primitive polynomial")


def _powers(tail: list[int], prime: int, q: int) -> list[int]:
    """Return the powers 1, t, t^2, ... up to the next 1, as packed elements; [] without one."""
    element = [1] + [0] * (len(tail) - 1)
    seen: list[int] = []
    while len(seen) < q:
        seen.append(sum(digit * prime**i for i, digit in enumerate(element)))
        carry = element[-1]
        element = [0, *element[:-1]]
        element = [(digit + carry * low) % prime for digit, low in zip(element, tail, strict=True)]
        if element == [1] + [0] * (len(tail) - 1):
            return seen
    return []
