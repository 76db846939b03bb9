import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook
from growlabels.classes.codes.forms import hadamard_rows
from growlabels.classes.codes.kerdock import DelsarteGoethalsSet, capacity, kerdock_set, sign_rows

# The order of the bases is part of every saved codebook: these never change.
GOLDEN = {
    4: "0cb8e0fed4f77d837d48df1a7b54b50cad7ef6eb71b65f77317747ab5dff971d",
    16: "002e61f22be686a6e9538fb6b4dd60aad45f09505954380e10ef9fc9b0d75d1a",
    64: "61b7765be426f83138c14bf6cfb6f53ffa614786077de76788b4f1b8e7cd08ca",
    256: "3819bef391e46d5723ce3dbb2bf4bd26a1afae5a34520082a826df64086b085e",
    1024: "11b4e064982242ab59bf23d05be6f96f7ca5c59fa00d6f45ab51a44d815ea4a7",
    4096: "5b8b59b73e53520aa7a0020d9c3c97430a06e7b0993fe21e84b0fbc7c7cf5ccf",
}
# the same of Delsarte-Goethals sets (dim, layers): their last bases, at most 2^20 signs
LAYERED = {
    (16, 1): "8bc910a5ce14e02e5f05d401a059253124659d37dbaea4bd78e09e366ba06d41",
    (64, 1): "e9bd31cfc43ccfdc0d3bd52f7e0417dc26dadc39fa046daae60f8950a95e8583",
    (64, 2): "f8f86e1ca667014ba6ad9fd765a8317a8112f7adc0447f7ca665d32e71199e59",
    (256, 1): "7c3e91f40347da7b85c466c124d64364b915010ee1336fe247dcb18d4f85a213",
    (256, 2): "b56b2d6de56bc71bb898c3bb7386a18274e5914b4d06adf4c9d997d33fdff758",
    (1024, 1): "a7dd799fea2084a2169c0babd985878a5fe4b7cee50148cdc0ac0a8bc500f431",
    (4096, 1): "d42eca8c9a842298a260762377041ec92b73111f992d3e117acf5bf7ca27cf9c",
}


def walsh_hadamard(rows: np.ndarray) -> np.ndarray:
    """Transform each row by the Sylvester matrix, in integers."""
    columns = rows.T.astype(np.int16)  # rows side by side, so that every step is a long one
    half = 1
    while half < len(columns):
        pairs = columns.reshape(-1, 2, half, len(rows))
        difference = pairs[:, 0] - pairs[:, 1]
        pairs[:, 0] += pairs[:, 1]
        pairs[:, 1] = difference
        half *= 2
    return columns.T


@pytest.mark.parametrize("dim", list(GOLDEN))
def test_golden_sign_rows(dim: int) -> None:
    rows = sign_rows(dim)
    assert rows.shape == (dim // 2, dim)
    assert rows.dtype == np.int8
    assert hashlib.sha256(rows.tobytes()).hexdigest() == GOLDEN[dim]
    assert (rows[0] == 1).all()


@pytest.mark.parametrize(("dim", "layers"), list(LAYERED))
def test_golden_signs_of_layers(dim: int, layers: int) -> None:
    forms = DelsarteGoethalsSet(dim, layers)
    last = np.arange(max(0, forms.count - (1 << 20) // dim), forms.count)
    assert hashlib.sha256(forms.signs(last).tobytes()).hexdigest() == LAYERED[dim, layers]


@pytest.mark.parametrize("dim", [4, 16, 64])
def test_all_pairs_in_integers(dim: int) -> None:
    vectors = kerdock_set(dim).vectors(np.arange(capacity(dim)))
    scaled = np.rint(vectors * dim**0.5).astype(np.int64)
    np.testing.assert_array_equal(scaled / dim**0.5, vectors)
    gram = scaled @ scaled.T
    np.testing.assert_array_equal(np.diag(gram), dim)
    np.fill_diagonal(gram, 0)
    assert set(np.abs(gram).ravel().tolist()) == {0, int(dim**0.5)}


@pytest.mark.parametrize("dim", [16, 64, 256, 1024])
def test_every_pair_of_bases_is_unbiased(dim: int) -> None:
    # <vector(a, c), vector(b, e)> is entry c xor e of the transform of the sign product, so one
    # row per pair of bases covers all pairs of vectors; against the unit vectors, and within
    # a basis, it is plain.
    rows = sign_rows(dim)
    for basis in range(dim // 2 - 1):
        transformed = walsh_hadamard(rows[basis] * rows[basis + 1 :])
        assert (np.abs(transformed) == int(dim**0.5)).all()


@pytest.mark.parametrize("dim", [4096, 16384])
def test_sampled_pairs_of_bases_are_unbiased(dim: int) -> None:
    bases = np.random.default_rng(0).choice(dim // 2, size=12, replace=False)
    rows = kerdock_set(dim).signs(np.sort(bases))
    for one in range(len(rows) - 1):
        transformed = walsh_hadamard(rows[one] * rows[one + 1 :])
        assert (np.abs(transformed) == int(dim**0.5)).all()


def test_one_row_of_the_transform_covers_a_pair_of_bases() -> None:
    dim, rows = 64, sign_rows(64).astype(np.int64)
    hadamard = hadamard_rows(np.arange(dim), dim).astype(np.int64)
    gram = (rows[3] * hadamard) @ (rows[17] * hadamard).T
    row = walsh_hadamard((rows[3] * rows[17])[None])[0]
    columns = np.arange(dim)
    np.testing.assert_array_equal(gram, row[columns[:, None] ^ columns[None, :]])


@pytest.mark.parametrize("dim", [16, 64, 256, 1024, 4096])
def test_groups_of_four_agree_on_the_upper_half_up_to_a_linear_term(dim: int) -> None:
    half = (dim.bit_length() - 1) // 2
    upper = np.arange(1 << half) << half
    rows = sign_rows(dim)[:, upper]
    grouped = rows.reshape(dim // 8, 4, -1)
    products = (grouped[:, :1] * grouped[:, 1:]).reshape(-1, 1 << half)
    # a product that is a linear character has a single nonzero coefficient
    assert ((walsh_hadamard(products) != 0).sum(1) == 1).all()
    neighbours = grouped[:-1, 3] * grouped[1:, 0]
    assert ((walsh_hadamard(neighbours) != 0).sum(1) > 1).all()


@settings(deadline=None)
@given(st.sampled_from([4, 16, 64, 256, 1024]), st.data())
def test_vectors_by_index_follow_the_stated_formula(dim: int, data: st.DataObject) -> None:
    index = np.array(data.draw(st.lists(st.integers(0, capacity(dim) - 1), max_size=6)), dtype=int)
    expected = np.zeros((len(index), dim))
    for row, i in enumerate(index.tolist()):
        basis, column = divmod(i, dim)
        for x in range(dim):
            if basis == dim // 2:
                expected[row, x] = float(x == column)
            else:
                sign = (-1) ** (column & x).bit_count()
                expected[row, x] = sign_rows(dim)[basis, x] * sign / dim**0.5
    np.testing.assert_array_equal(kerdock_set(dim).vectors(index), expected)


def test_the_largest_dimension_is_addressed_without_holding_its_rows() -> None:
    codebook = Codebook.for_classes(2_000_000_000)
    assert codebook.dim == 65536
    vectors = codebook.vectors([0, 1_999_999_999, codebook.capacity - 1])
    gram = vectors @ vectors.T
    np.testing.assert_array_equal(np.abs(gram), np.eye(3) + (1 - np.eye(3)) / 256)
    with pytest.raises(UsageError, match="at most 16384 to hold all sign rows"):
        _ = codebook.sign_rows


def test_sign_rows_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        sign_rows(16)[0, 0] = 0


def test_other_dimensions_are_refused() -> None:
    with pytest.raises(UsageError, match="dim must be one of 4, 16, 64"):
        kerdock_set(32)


@pytest.mark.parametrize(("dim", "layers"), [(16, 1), (64, 1), (64, 2), (256, 1)])
def test_each_layer_doubles_the_cosine(dim: int, layers: int) -> None:
    forms = DelsarteGoethalsSet(dim, layers)
    assert forms.count == (dim // 2) ** (layers + 1)
    drawn = np.random.default_rng(0).choice(forms.count, size=min(forms.count, 150), replace=False)
    rows = forms.signs(np.sort(drawn))
    allowed = {0, *(int(dim**0.5) << layer for layer in range(layers + 1))}
    for one in range(len(rows) - 1):
        found = np.abs(walsh_hadamard(rows[one] * rows[one + 1 :]))
        assert set(np.unique(found).tolist()) <= allowed


def test_all_pairs_of_the_smallest_layered_set() -> None:
    forms = DelsarteGoethalsSet(16, 1)
    gram = forms.vectors(np.arange(forms.capacity)) @ forms.vectors(np.arange(forms.capacity)).T
    assert set(np.abs(gram - np.eye(1040)).ravel().tolist()) == {0, 0.25, 0.5}


@pytest.mark.parametrize("dim", [16, 64, pytest.param(256, marks=pytest.mark.slow)])
def test_every_pair_of_bases_of_one_layer(dim: int) -> None:
    """The forms are additive in the layer's element: (a, 0) with every (a', b) is every pair."""
    forms = DelsarteGoethalsSet(dim, 1)
    half = dim // 2
    everyone = forms.signs(np.arange(forms.count)).reshape(half, half, dim)  # [b, a']
    np.testing.assert_array_equal(
        everyone[3, 5] * everyone[6, 1], everyone[0, 5] * everyone[3 ^ 6, 1]
    )
    root = int(dim**0.5)
    for a in range(half):
        products = (everyone[0, a] * everyone[:, a:]).reshape(-1, dim)
        found = np.abs(walsh_hadamard(products[1:]))  # the first is the basis with itself
        assert ((found == 0) | (found == root) | (found == 2 * root)).all()


@pytest.mark.parametrize("layers", [1, 2])
def test_layers_begin_with_the_kerdock_bases(layers: int) -> None:
    forms = DelsarteGoethalsSet(64, layers)
    np.testing.assert_array_equal(forms.signs(np.arange(32)), sign_rows(64))


def test_layers_out_of_range() -> None:
    with pytest.raises(UsageError, match="layers must be from 1 to 2 at dim 64, it was 3"):
        DelsarteGoethalsSet(64, 3)
