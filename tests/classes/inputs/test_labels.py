"""Labels keep their type, and what is no label is refused with its row."""

import numpy as np
import pandas as pd
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import LabelMap
from growlabels.classes.inputs.labels import Columns, as_labels, distinct, joined_type, kind_of

IDS = [9007199254740993, 9007199254740995, 9007199254740993]


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.array([3, 1], np.int32), "i4"),
        (np.array([3, 1], np.uint8), "u1"),
        ([True, False], "b1"),
        ([2**63, 1], "u8"),
        ([-1, 2**63], "O"),
        ([2**70, 1], "O"),
        ([1, 2.0], "i8"),
        ([1.0, 2.0], "f8"),
        (["b", "a"], "U1"),
        (np.array(["b", "a"], object), "U1"),
        (["b\0", "b"], "O"),
        ([("a", 1), ("b", 2)], "O"),
        ([("a",), ("b", 2)], "O"),
        (np.array([[1], [2]]), "i8"),
    ],
)
def test_values_and_type_are_kept(y: list, kind: str) -> None:
    found = as_labels(y) if isinstance(y, list) or y.ndim == 1 else warned(y)
    assert found.dtype == np.dtype(kind)
    assert found.tolist() == np.ravel(y).tolist() if isinstance(y, np.ndarray) else list(y)
    assert found.ndim == 1


def warned(y: np.ndarray) -> np.ndarray:
    with pytest.warns(UserWarning, match="column-vector y"):
        return as_labels(y)


@pytest.mark.parametrize("dtype", ["Int64", "int64", "int64[pyarrow]", "category", object])
def test_whole_numbers_of_pandas_stay_whole(dtype: str) -> None:
    if dtype == "int64[pyarrow]":
        pytest.importorskip("pyarrow")
    found = as_labels(pd.Series(IDS, dtype=dtype))
    assert found.dtype == np.int64
    assert found.tolist() == IDS


@pytest.mark.parametrize("missing", [None, float("nan"), np.datetime64("NaT"), pd.NA, pd.NaT])
def test_a_missing_label_is_named_by_its_row(missing: object) -> None:
    for y in (["a", "b", missing], [1, 2, missing], pd.Series([1, 2, missing], dtype=object)):
        with pytest.raises(DataError, match=r"y\[2\] is missing; fill it in or leave the row out"):
            as_labels(y)
    with pytest.raises(DataError, match=r"y\[1\] must be a tuple .* none of them missing"):
        as_labels([("a", 1), ("a", missing)])
    with pytest.raises(DataError, match=r"y\[1\] is missing"):
        as_labels(np.array([1.0, np.nan]))
    with pytest.raises(DataError, match=r"y\[1\] is missing"):
        as_labels(pd.Series([1, None], dtype="Int64"))


def test_what_is_no_list_of_labels_is_refused() -> None:
    for y, kind in (
        ({"a", "b"}, "set"),
        (frozenset("a"), "frozenset"),
        ({"a": 1}, "dict"),
        (3, "int"),
    ):
        with pytest.raises(
            UsageError, match=f"must be a list of labels in order, it was of type {kind}"
        ):
            as_labels(y)
    for y in (["a", 1], [1, "a"], [True, 2], [("a",), "b"]):
        with pytest.raises(DataError, match=r"y mixes .*: y\[0\] is .*, y\[1\] is .*one type"):
            as_labels(y)
    with pytest.raises(DataError, match=r"y\[1\] is infinite"):
        as_labels([1.0, float("inf")])
    with pytest.raises(ValueError, match="1d array"):
        as_labels(np.zeros((3, 2)))


def test_different_labels_are_sorted_whatever_their_type() -> None:
    for y in ([2**70, 5, 2**70], [("b", 1), ("a", 2), ("b", 1)], [3, 1, 3], ["b", "a", "b"]):
        found, place = distinct(as_labels(y))
        assert found == sorted(set(y))
        assert [found[i] for i in place] == y
    odd = [("a", 1), ("a", "b"), (2, 3)]
    assert sorted(distinct(as_labels(odd))[0], key=str) == sorted(odd, key=str)


def test_columns_are_sorted_and_leave_out_retired_labels() -> None:
    labels = LabelMap(["mango", "pear", "apple"])
    columns = Columns.of(labels, 3, np.dtype("U5"))
    assert columns.labels.tolist() == ["apple", "mango", "pear"]
    assert columns.index.tolist() == [2, 0, 1]
    assert columns.column.tolist() == [1, 2, 0]
    values = np.array([[1, 2, 3]])
    assert columns.in_order(values).tolist() == [[3, 1, 2]]
    labels.remove("mango")
    columns = Columns.of(labels, 3, np.dtype("U5"))
    assert columns.labels.tolist() == ["apple", "pear"]
    assert columns.column.tolist() == [-1, 1, 0]
    assert columns.in_order(values).tolist() == [[3, 2]]
    ordered = Columns.of(LabelMap([1, 2]), 2, np.dtype("i4"))
    assert ordered.labels.dtype == np.int32
    assert ordered.in_order(values) is values


def test_types_are_joined_without_loss() -> None:
    assert joined_type(LabelMap([1]), np.dtype("i8"), as_labels([2**63])) == np.uint64
    assert joined_type(LabelMap([-1]), np.dtype("i8"), as_labels([2**63])).kind == "O"
    assert joined_type(LabelMap(["a"]), np.dtype("U1"), as_labels(["bcd"])).kind == "U"
    assert kind_of(as_labels([2**70])) == kind_of(as_labels([1])) == "numbers"
