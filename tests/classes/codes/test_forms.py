import numpy as np
import pytest

from growlabels.classes.codes.forms import QuadraticForms, hadamard_rows, restricted_forms
from growlabels.classes.codes.gold import gold_set
from growlabels.classes.codes.kerdock import DelsarteGoethalsSet, kerdock_set


def test_hadamard_rows_are_the_sylvester_matrix() -> None:
    expected = np.array([[1]])
    for _ in range(5):
        expected = np.block([[expected, expected], [expected, -expected]])
    np.testing.assert_array_equal(hadamard_rows(np.arange(32), 32), expected)


FAMILIES = [kerdock_set(16), kerdock_set(64), gold_set(32), DelsarteGoethalsSet(16, 1)]


@pytest.mark.parametrize("forms", FAMILIES, ids=lambda forms: f"{type(forms).__name__} {forms.dim}")
def test_every_form_is_quadratic(forms: QuadraticForms) -> None:
    # Q(x + y) + Q(x) + Q(y) must be additive in x, and Q(0) = 0
    values = forms.values(np.arange(forms.count), np.arange(forms.dim))
    assert not values[:, 0].any()
    x, y, z = np.random.default_rng(0).integers(0, forms.dim, (3, 200))

    def polar(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return values[:, u ^ v] ^ values[:, u] ^ values[:, v]

    np.testing.assert_array_equal(polar(x ^ y, z), polar(x, z) ^ polar(y, z))


@pytest.mark.parametrize("forms", FAMILIES, ids=lambda forms: f"{type(forms).__name__} {forms.dim}")
def test_vectors_follow_the_stated_formula(forms: QuadraticForms) -> None:
    index = np.append(np.random.default_rng(1).integers(0, forms.capacity, 40), forms.capacity - 1)
    signs = forms.signs(np.arange(forms.count))
    columns = hadamard_rows(np.arange(forms.dim), forms.dim)
    for i, vector in zip(index.tolist(), forms.vectors(index), strict=True):
        basis, column = divmod(i, forms.dim)
        if basis == forms.count:
            expected = np.eye(forms.dim)[column]
        else:
            expected = signs[basis] * columns[column] / forms.dim**0.5
        np.testing.assert_array_equal(vector, expected)


def test_restricted_forms_tell_apart_more_than_linear_terms() -> None:
    forms = kerdock_set(64)
    packed = restricted_forms(forms, [8, 16, 32])
    upper = np.arange(8) << 3
    rows = forms.signs(np.arange(forms.count))[:, upper].astype(int)
    linear = hadamard_rows(np.arange(8), 8).astype(int)
    for one in range(forms.count):
        for other in range(one):
            differ_linearly = (np.abs((rows[one] * rows[other]) @ linear) == 8).any()
            assert differ_linearly == (packed[one] == packed[other])
