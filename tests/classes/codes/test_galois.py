import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.classes.codes.galois import PRIMITIVE, BinaryField, binary_field


def carryless(left: int, right: int, modulus: int, degree: int) -> int:
    """Multiply polynomials bit by bit and reduce: the slow twin."""
    product = 0
    for bit in range(degree):
        if right >> bit & 1:
            product ^= left << bit
    for bit in range(2 * degree - 2, degree - 1, -1):
        if product >> bit & 1:
            product ^= modulus << (bit - degree)
    return product


@pytest.mark.parametrize("degree", [3, 5])
def test_multiplication_table(degree: int) -> None:
    field = BinaryField(degree)
    every = np.arange(field.size, dtype=np.int32)
    table = field.multiply(every[:, None], every[None, :])
    expected = [
        [carryless(a, b, PRIMITIVE[degree], degree) for b in range(field.size)]
        for a in range(field.size)
    ]
    np.testing.assert_array_equal(table, expected)


@pytest.mark.parametrize("degree", list(PRIMITIVE))
def test_polynomial_is_primitive(degree: int) -> None:
    # t reaches every element but zero: only then do the tables describe a field
    field = binary_field(degree)
    assert len(set(field._powers.tolist())) == field.size - 1
    last = field._powers[-1:]
    two = np.array([2 if degree > 1 else 1], dtype=np.int32)
    assert field.multiply(last, two)[0] == 1


@pytest.mark.parametrize("degree", [3, 5, 7, 9])
def test_trace_is_linear_and_balanced(degree: int) -> None:
    field = binary_field(degree)
    every = np.arange(field.size)
    assert set(field.trace.tolist()) == {0, 1}
    assert field.trace.sum() == field.size // 2
    for other in (1, 3, field.size - 1):
        np.testing.assert_array_equal(
            field.trace[every ^ other], field.trace[every] ^ field.trace[other]
        )


def test_repeated_squaring_returns() -> None:
    field = binary_field(7)
    every = np.arange(field.size, dtype=np.int32)
    np.testing.assert_array_equal(field.power_of_two(every, 7), every)


def test_unknown_degree() -> None:
    with pytest.raises(UsageError, match="degree must be one of 1, 3, 5"):
        BinaryField(4)
