"""Compute in the fields with 2^n elements, with tables of powers of a fixed generator."""

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import UsageError

# One primitive polynomial per degree; bit i is the coefficient of t^i. Every saved codebook
# depends on them: changing one changes all vectors.
PRIMITIVE = {
    1: 0b11,
    3: 0b1011,
    5: 0b100101,
    7: 0b10000011,
    9: 0b1000010001,
    11: 0b100000000101,
    13: 0b10000000011011,
    15: 0b1000000000000011,
}


class BinaryField:
    """The field with 2^n elements; bit i of an element is its coefficient of t^i.

    Parameters
    ----------
    degree
        The exponent n, an odd number from 1 to 15.

    Examples
    --------
    >>> field = BinaryField(3)  # t^3 = t + 1
    >>> int(field.multiply(np.array(0b100), np.array(0b010)))
    3
    """

    def __init__(self, degree: int) -> None:
        if degree not in PRIMITIVE:
            raise UsageError.choice("degree", PRIMITIVE, degree)
        self.degree = degree
        self.size: int = 1 << degree
        powers = [1]
        for _ in range(self.size - 2):
            power = powers[-1] << 1
            powers.append(power ^ PRIMITIVE[degree] if power & self.size else power)
        self._powers = np.array(powers, dtype=np.int32)
        self._logarithms = np.zeros(self.size, dtype=np.int32)
        self._logarithms[self._powers] = np.arange(self.size - 1, dtype=np.int32)

    def multiply(self, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int32]:
        """Multiply elementwise, with numpy's broadcasting."""
        order = self.size - 1
        exponent = self._logarithms[left] + self._logarithms[right]
        product = self._powers[exponent % order]
        return np.where((left == 0) | (right == 0), np.int32(0), product)

    def power_of_two(self, elements: NDArray[np.int32], times: int) -> NDArray[np.int32]:
        """Raise the elements to the power 2^times."""
        for _ in range(times):
            elements = self.multiply(elements, elements)
        return elements

    @cached_property
    def trace(self) -> NDArray[np.int8]:
        """Trace of every element, 0 or 1: the sum of its n conjugates; shape (2^n,)."""
        element = np.arange(self.size, dtype=np.int32)
        total = np.zeros(self.size, dtype=np.int32)
        for _ in range(self.degree):
            total ^= element
            element = self.multiply(element, element)
        return total.astype(np.int8)


@lru_cache(maxsize=16)
def binary_field(degree: int) -> BinaryField:
    """Return the field with 2^degree elements; it is built once and cached."""
    return BinaryField(degree)
