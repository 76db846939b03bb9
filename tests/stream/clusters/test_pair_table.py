"""Compare the compiled table of pairs with plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.clusters.pair_table import EMPTY, MOST, bad_row, insert_all


@given(st.lists(st.lists(st.integers(-1, 6), max_size=4), max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_first_bad_row_is_that_of_a_plain_loop(rows):
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.array([label for row in rows for label in row], np.int64)
    good = [sorted(set(row)) == row and min(row, default=0) >= 0 for row in rows]
    assert bad_row(indptr, indices) == (good.index(False) if False in good else -1)


def test_labels_above_the_largest_index_are_bad():
    assert bad_row(np.array([0, 1, 2]), np.array([MOST, MOST + 1])) == 1


@given(st.sets(st.integers(0, 2**40), max_size=20))
@settings(max_examples=30, deadline=None)
def test_every_inserted_pair_is_found_once(keys):
    table, values = np.full(64, EMPTY), np.zeros(64)
    inserted = np.array(sorted(keys), np.int64)
    insert_all(inserted, np.arange(inserted.size) + 1.0, table, values)
    found = {int(key): value for key, value in zip(table, values, strict=True) if key != EMPTY}
    assert found == {key: i + 1.0 for i, key in enumerate(inserted.tolist())}
