import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.classes import welch_bound
from growlabels.classes.codes.paley import (
    conference_matrix,
    is_paley_dim,
    paley_vectors,
    prime_power,
)


@pytest.mark.parametrize("q", [5, 9, 13, 25, 49, 81, 125, 169])
def test_conference_matrix(q: int) -> None:
    matrix = conference_matrix(q).astype(int)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(matrix @ matrix, q * np.eye(q + 1))
    assert not np.diag(matrix).any()


@pytest.mark.parametrize("q", [13, 29])
def test_prime_fields_against_legendre_symbols(q: int) -> None:
    squares = {x * x % q for x in range(1, q)}
    expected = [
        [0 if i == j else 1 if (i - j) % q in squares else -1 for j in range(q)] for i in range(q)
    ]
    np.testing.assert_array_equal(conference_matrix(q)[1:, 1:], expected)


@pytest.mark.parametrize("dim", [3, 5, 13, 25, 63, 181])
def test_vectors_meet_the_welch_bound(dim: int) -> None:
    vectors = paley_vectors(dim)
    gram = vectors @ vectors.T - np.eye(2 * dim)
    np.testing.assert_allclose(
        np.abs(gram) + np.eye(2 * dim) * welch_bound(2 * dim, dim), welch_bound(2 * dim, dim)
    )


def test_golden_vectors() -> None:
    digest = hashlib.sha256(paley_vectors(25).tobytes()).hexdigest()
    assert digest == "f6b9465bb22fb1f21b7de75e87a97dd6bf653501cfcfb1083232f9f88be150cb"


@settings(deadline=None)
@given(st.integers(2, 3000))
def test_prime_powers(number: int) -> None:
    primes = [
        p for p in range(2, number + 1) if number % p == 0 and all(p % r for r in range(2, p))
    ]
    found = prime_power(number)
    assert (found is not None) == (len(primes) == 1)
    if found is not None:
        assert found[0] ** found[1] == number


def test_dimensions_that_exist() -> None:
    assert is_paley_dim(41)  # 81 = 3^4
    assert not is_paley_dim(4)  # 7 = 3 mod 4
    assert not is_paley_dim(11)  # 21
    assert not is_paley_dim(1)
