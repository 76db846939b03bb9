"""Rows that are made ready ahead are learned as if each came alone, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.state import DENSE, RIDGE, STEPS, Experts
from growlabels.stream.numeric.rows import Rows

WINDOW = 6


def rows_of(X: np.ndarray, Y: np.ndarray) -> Rows:
    cells = [(np.concatenate(([0], np.cumsum((A != 0).sum(1)))), np.nonzero(A)[1]) for A in (X, Y)]
    (x_start, x_index), (y_start, y_index) = cells
    return Rows(x_start, x_index, X[X != 0], y_start, y_index + 1)


def fresh(mode: int) -> Engine:
    return Engine(WINDOW, 0.9, 0.0, 1000, 1000, mode=mode)


@pytest.mark.parametrize("mode", [RIDGE, DENSE])
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_rows_together_equal_rows_alone(mode: int, seed: int, parts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    total = sum(parts)
    X = rng.normal(size=(total, 30)).round(1) * (rng.random((total, 30)) < 0.9)
    X[rng.random(total) < 0.2] = X[0]  # equal rows, at distance 0
    X *= np.arange(30) < 5 + np.sort(rng.integers(0, 30, total))[:, None]  # features appear
    rows = rows_of(X, rng.random((total, 4)) < 0.4)
    together, alone = fresh(mode), fresh(mode)
    together.experts.totals[STEPS] = alone.experts.totals[STEPS] = seed % 4
    begin = 0
    for size in parts:
        ahead = rows.part(begin, min(begin + 3, total))
        each = [alone.probabilities(ahead.part(r, r + 1)) for r in range(ahead.x_start.size - 1)]
        np.testing.assert_array_equal(together.probabilities(ahead), np.concatenate(each))
        chosen = together.learn(rows.part(begin, begin + size))
        for r in range(size):
            one = alone.learn(rows.part(begin + r, begin + r + 1))[0]
            assert np.flatnonzero(one).tolist() == np.flatnonzero(chosen[r]).tolist()
        for name in Experts._fields:
            first, other = getattr(together.experts, name), getattr(alone.experts, name)
            np.testing.assert_array_equal(first, other, err_msg=name)
        begin += size
