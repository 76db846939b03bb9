"""Reading rows and tables: zeros vanish, names get their index once, in their own order."""

from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from growlabels.base.errors import DataError, UsageError
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.names import Index
from growlabels.stream.rows.tables import Cells, read_labels, read_row, read_table


def cells_of(rows: list[dict], names: list) -> Cells:
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    return read_table(pd.DataFrame(table, columns=names), "X")


def rows_of(cells: Cells, index: np.ndarray, value: np.ndarray) -> list[list[tuple]]:
    pairs = list(zip(index.tolist(), value.tolist(), strict=True))
    return [pairs[a:b] for a, b in zip(cells.start[:-1], cells.start[1:], strict=True)]


ROWS = st.lists(
    st.dictionaries(st.sampled_from("cadbe"), st.integers(0, 3).map(float)), min_size=1, max_size=9
)


@given(ROWS, st.permutations("cadbe"))
def test_a_table_reads_as_its_rows_one_by_one(rows: list[dict], names: list) -> None:
    table, single = Index(1), Index(1)
    cells = cells_of(rows, names)
    _, index, value = table.read(cells, learn=True)
    one_by_one = []
    for row in rows:
        cell = read_row(row)
        guess = single.read_row(row, learn=False)
        known = single.read_row(row, learn=True)
        again = single.read(cell, learn=True)
        for other in (guess, again):
            assert all(np.array_equal(a, b) for a, b in zip(other, known, strict=True))
        one_by_one += rows_of(cell, *known[1:])
    assert rows_of(cells, index, value) == one_by_one
    assert list(table.of.items()) == list(single.of.items())
    assert all(row == sorted(row) for row in one_by_one)


def test_a_row_that_is_read_again_is_what_it_is_now() -> None:
    names = Index(0)
    row = {"b": 1.0, "a": 2.0}
    assert names.read_row(row, learn=False)[2].tolist() == [2.0, 1.0]
    assert names.read_row(row, learn=True) is names.read_row(dict(row), learn=False)
    row["a"] = 3.0
    assert names.read_row(row, learn=True)[2].tolist() == [3.0, 1.0]
    with pytest.raises(DataError, match="must be a finite number"):
        names.read_row({"b": np.ones(2), "a": 3.0}, learn=True)


def test_predicting_numbers_new_names_row_by_row_and_enters_none() -> None:
    names = Index(0, ["b"])
    cells = cells_of([{"z": 1.0, "a": 2.0}, {"z": 3.0, "b": 4.0}], ["z", "a", "b"])
    _, index, value = names.read(cells, learn=False)
    assert rows_of(cells, index, value) == [[(1, 2.0), (2, 1.0)], [(0, 4.0), (1, 3.0)]]
    assert list(names.of) == ["b"]


def test_tables_of_every_kind_agree() -> None:
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.5), 2)
    stored_zero = sparse.csr_array(X)
    stored_zero.data[0] = 0.0
    X[tuple(np.argwhere(X)[0])] = 0.0
    tables = [X, X.tolist(), pd.DataFrame(X), sparse.coo_matrix(X), stored_zero]
    for table in tables:
        for got, want in zip(read_table(table, "X")[1:], read_table(X, "X")[1:], strict=True):
            assert np.array_equal(got, want)
    assert sparse.issparse(stored_zero)
    assert stored_zero.nnz == np.count_nonzero(X) + 1  # what was handed over is as it was


def test_repeated_entries_add_up() -> None:
    twice = sparse.csr_array((np.ones(2), np.array([1, 1]), np.array([0, 2])), shape=(1, 3))
    assert read_table(twice, "X").value.tolist() == [2.0]


def test_values_that_could_not_be_squared_are_limited() -> None:
    cells = read_row({"a": 1e-200, "b": 1e300, "c": -1e300, "d": True, "e": np.float32(2)})
    assert cells.column.tolist() == [1, 2, 3, 4]
    assert cells.value.tolist() == [1e100, -1e100, 1.0, 2.0]


def test_empty_tables_have_rows_and_no_cells() -> None:
    for shape in ((3, 0), (0, 3)):
        cells = read_table(np.zeros(shape), "X")
        assert cells.start.tolist() == [0] * (shape[0] + 1)
        assert cells.value.size == 0


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two columns named 'a'"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]), "X")


def test_missing_values_of_pandas_are_named() -> None:
    with pytest.raises(DataError, match=r"row 1 .* must be a number"):
        read_table(pd.DataFrame({"a": pd.array([True, None], "boolean")}), "X")


@given(st.sets(st.sampled_from(["a", "b", 3, (1, "x")])))
def test_labels_as_a_set_or_a_dict(true: set) -> None:
    assert read_labels(dict.fromkeys(true).keys()) == read_labels(true)
    mentioned, positive = read_labels({label: label in true for label in [*true, "no"]})
    assert "no" in mentioned
    assert set(positive) == true
    assert set(read_labels(true)[1]) == set(read_labels(list(true) * 2)[0]) == true


@pytest.mark.parametrize(
    ("first", "then"),
    [(np.float32(0.1), 0.1), (np.float32(2**24), 2**24 + 1), (np.float32(1), 1e300), (1, True)],
)
def test_a_row_of_nearly_the_same_numbers_is_read_anew(first: object, then: float) -> None:
    index = Index(0)
    index.read_row({"a": first}, True)
    assert index.read_row({"a": then}, True)[2].tolist() == read_row({"a": then}).value.tolist()


def test_names_beyond_floats_have_an_order_and_missing_ones_are_refused() -> None:
    assert read_labels({10**400, 3, -(10**400)})[0] == [-(10**400), 3, 10**400]
    with pytest.raises(DataError, match="name of a label must equal itself, it was <NA>"):
        read_labels({pd.NA})
    with pytest.raises(DataError, match=r"row 0 .*: column 0 must be a number, it was 1000"):
        read_table(np.array([[10**400, 1]], object), "X")


def test_room_to_spare_in_a_sparse_matrix_is_not_read() -> None:
    matrix = sparse.csr_matrix(np.array([[0.0, 2.0], [3.0, 0.0]]))
    roomy = matrix.copy()
    roomy.data = np.append(matrix.data, [9.0] * 50)
    roomy.indices = np.append(matrix.indices, [0] * 50)
    expected = read_table(matrix, "X")[1:]
    for part, own in zip(read_table(roomy, "X")[1:], expected, strict=True):
        np.testing.assert_array_equal(part, own)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pyarrow.record_batch({"a": [1.0]}), "RecordBatch"),
        (polars.DataFrame({"a": [1.0]}).lazy(), "LazyFrame"),
        ({"a": [1.0]}, "dict"),
        ([{"a": 1.0}], "list of dicts; give them to learn_one"),
        ([{"tag"}], "list of sets; give them to learn_one"),
    ],
)
def test_what_is_no_table_is_named_with_the_way_out(table: Any, told: str) -> None:
    for what in ("X", "y"):
        with pytest.raises(UsageError, match=f"{what} was a {told}"):
            read_table(table, what)
    with pytest.raises(UsageError, match=f"Y was a {told}"):
        ArrayRows(np.ones((1, 1)), table)


def test_rows_are_repeated_in_their_place() -> None:
    cells = Cells("abcd", np.array([0, 1, 1, 3]), np.array([0, 1, 2]), np.array([1.0, 2.0, 3.0]))
    again = cells.repeated(np.array([2, 1, 0]))
    assert again.start.tolist() == [0, 1, 2, 2]
    assert again.column.tolist() == [0, 0]
    assert again.value.tolist() == [1.0, 1.0]
    assert cells.repeated(np.array([0, 1, 2])).value.tolist() == [2.0, 3.0, 2.0, 3.0]
