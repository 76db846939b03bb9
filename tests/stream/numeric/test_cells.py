"""Compiled passes over cells against plain numpy."""

import numpy as np
import pytest

from growlabels.stream.numeric.cells import first_rows, index_cells, nonzero_cells, sort_rows


@pytest.fixture(params=[0.1, 0.7])
def table(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 60)) * (rng.random((30, 60)) < request.param)


def test_cells_that_are_not_zero(table: np.ndarray) -> None:
    table[3, 5], table[4, 6], table[5, 7] = 1e-101, 1e300, -1e300
    start, column, value, bad = nonzero_cells(table, False)
    limited = np.where(abs(table) < 1e-100, 0.0, np.clip(table, -1e100, 1e100))
    rows, wanted = np.nonzero(limited)
    assert bad == -1
    assert np.array_equal(np.repeat(np.arange(30), np.diff(start)), rows)
    assert np.array_equal(column, wanted)
    assert np.array_equal(value, limited[rows, wanted])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 2.0])
def test_the_first_wrong_cell_is_found(wrong: float) -> None:
    table = np.zeros((3, 4))
    table[1, 2] = table[2, 0] = wrong
    assert nonzero_cells(table, True)[3] == 6
    assert nonzero_cells(table, False)[3] == (-1 if wrong == 2.0 else 6)


def test_indices_in_ascending_order(table: np.ndarray) -> None:
    start, column, value, _ = nonzero_cells(table, False)
    rng = np.random.default_rng(1)
    known = rng.permutation(60)
    index, unknown, ascending = index_cells(known, start, column)
    assert np.array_equal(index, known[column])
    assert (unknown, ascending) == (False, False)
    order = np.lexsort((index, np.repeat(np.arange(30), np.diff(start))))
    got_index, got_value = sort_rows(start, index, value)
    assert np.array_equal(got_index, index[order])
    assert np.array_equal(got_value, value[order])
    assert index_cells(np.arange(60), start, column)[1:] == (False, True)


def test_first_rows_of_new_columns(table: np.ndarray) -> None:
    start, column, _, _ = nonzero_cells(table, False)
    known = np.where(np.arange(60) % 3 == 0, 7, -1)
    assert index_cells(known, start, column)[1]
    there = table != 0
    wanted = np.where((known < 0) & there.any(axis=0), there.argmax(axis=0), -1)
    assert np.array_equal(first_rows(known, start, column), wanted)
