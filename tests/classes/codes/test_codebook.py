import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook


def test_index_forms_agree() -> None:
    codebook = Codebook.for_classes(500, 64)
    every = codebook.vectors(slice(None))
    assert every.shape == (2112, 64)
    np.testing.assert_array_equal(codebook.vectors(), every[:500])
    np.testing.assert_array_equal(codebook.vectors(np.arange(7)), every[:7])
    np.testing.assert_array_equal(codebook.vectors(range(3, 9)), every[3:9])
    np.testing.assert_array_equal(codebook.vectors([5, 5, 2]), every[[5, 5, 2]])
    np.testing.assert_array_equal(codebook.vectors(2111), every[2111:])
    np.testing.assert_array_equal(codebook.vectors(slice(10, 0, -3)), every[10:0:-3])
    assert codebook.vectors([]).shape == (0, 64)


def test_float32_is_the_default_and_exact() -> None:
    codebook = Codebook.for_classes(33_024, 256)
    index = np.arange(0, 33_024, 11)
    single, double = codebook.vectors(index), codebook.vectors(index, dtype=np.float64)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double)
    np.testing.assert_array_equal((double**2).sum(1), 1.0)


@pytest.mark.parametrize("index", [[-1], [144], [0, 10**12]])
def test_index_out_of_range(index) -> None:
    with pytest.raises(UsageError, match="index must be from 0 to 143, it was"):
        Codebook.for_classes(144, 16).vectors(index)


@pytest.mark.parametrize("index", [[0.5], [[0, 1]], [True], ["a"]])
def test_index_must_be_whole_numbers(index) -> None:
    with pytest.raises(UsageError, match="index must be whole numbers in one row"):
        Codebook.for_classes(144, 16).vectors(index)


def test_too_many_vectors_at_once() -> None:
    codebook = Codebook.for_classes(10**8)
    assert codebook.capacity >= 10**8
    with pytest.raises(UsageError, match=r"at most 65,536 vectors at once \(4 GiB\)"):
        codebook.vectors()
    with pytest.raises(UsageError, match="request them in slices"):
        codebook.vectors(slice(None))


def test_a_hundred_million_classes_take_no_memory() -> None:
    tracemalloc.start()
    codebook = Codebook.for_classes(10**8)
    vectors = codebook.vectors([0, 99_999_999])
    assert abs(vectors[0] @ vectors[1]) <= codebook.certificate().alpha == 1 / 128
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@settings(deadline=None)
@given(st.integers(1, 2112), st.integers(1, 2112))
def test_lower_classes_do_not_depend_on_the_capacity(one: int, other: int) -> None:
    few, many = sorted((one, other))
    first = Codebook.for_classes(few, 64, kind="kerdock").vectors()
    second = Codebook.for_classes(many, 64, kind="kerdock").vectors(slice(few))
    np.testing.assert_array_equal(first, second)


def test_labels_are_appended_and_never_move() -> None:
    codebook = Codebook.for_classes(4, 4, kind="identity")
    assert codebook.add_labels(["a", "b", "c"]) == [0, 1, 2]
    assert codebook.remove_labels(["b"]) == [1]
    assert codebook.add_labels(["d"]) == [3]
    assert codebook.labels.removed == [1]
    assert codebook.add_labels(["b"]) == [1]


def test_too_many_labels_add_none() -> None:
    codebook = Codebook.for_classes(4, 4, kind="identity")
    codebook.add_labels(["a", "b", "c"])
    codebook.remove_labels(["c"])
    with pytest.raises(UsageError, match=r"at most 4, .* it was 5; .*for_classes\(5\)"):
        codebook.add_labels(["d", "e"])
    assert len(codebook.labels) == 3
    assert codebook.add_labels(["c", "d"]) == [2, 3]


def test_duplicate_and_unknown_labels() -> None:
    codebook = Codebook.for_classes(10)
    with pytest.raises(UsageError, match="different from one another, it was 'a'"):
        codebook.add_labels(["a", "a"])
    codebook.add_labels(["a", "b"])
    with pytest.raises(UsageError, match="labels must be new"):
        codebook.add_labels(["c", "b"])
    with pytest.raises(UsageError, match="labels must be a list of labels, it was 'cd'"):
        codebook.add_labels("cd")
    with pytest.raises(DataError, match="label 'x' was never added"):
        codebook.remove_labels(["a", "x"])
    with pytest.raises(UsageError, match="labels must be a list of labels, it was 'a'"):
        codebook.remove_labels("a")
    assert codebook.labels.removed == []


def test_certificate_follows_the_labels() -> None:
    codebook = Codebook.for_classes(10)
    codebook.add_labels(range(300))
    assert codebook.certificate().count == 300
    with pytest.raises(UsageError, match="count must be at most 33,024"):
        codebook.certificate(33_025)


def test_hash_is_of_the_vectors_alone() -> None:
    one, two = Codebook.for_classes(10), Codebook.for_classes(200)
    one.add_labels(["a"])
    assert one.hash == two.hash
    assert one.hash != Codebook.for_classes(300).hash
    # written into saved models: it never changes
    assert one.hash == "747a89f2c3eb452b172b8e0351ab7e57c71d1426a1fbbd2526d5d00d689bc8d7"


def test_sign_rows_are_of_kerdock_alone() -> None:
    assert Codebook.for_classes(10).sign_rows.shape == (128, 256)
    with pytest.raises(UsageError, match="kind must be 'kerdock' to have sign rows"):
        _ = Codebook.for_classes(10, 100).sign_rows


def test_pickle_and_repr() -> None:
    codebook = Codebook.for_classes(10)
    codebook.add_labels(["a"])
    again = pickle.loads(pickle.dumps(codebook))  # noqa: S301 (made on the line itself)
    assert again.labels == codebook.labels
    np.testing.assert_array_equal(again.vectors(), codebook.vectors())
    assert repr(codebook) == ("Codebook(kerdock, dim=256, capacity=33024, n_classes=10, labels=1)")
