"""The compiled loop's own small steps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.experts.loop import best_mode, score_row
from growlabels.stream.experts.state import DENSE, RIDGE, WIDEST_RIDGE


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_score_row(guess: set[int], truth: set[int]) -> None:
    hits, picked = np.zeros(3, np.int64), np.zeros(10, bool)
    picked[list(guess)] = True
    loss = score_row(hits, picked, np.array(sorted(truth), np.int64))
    both = len(guess & truth)
    assert hits.tolist() == [both, len(guess - truth), len(truth - guess)]
    assert loss == (1 - 2 * both / (len(guess) + len(truth)) if guess or truth else 0)


def test_wide_rows_have_no_ridge() -> None:
    for features, mode in ((WIDEST_RIDGE, RIDGE), (WIDEST_RIDGE + 1, DENSE)):
        assert best_mode(np.array([1, features, 1, features, 0, 0]), RIDGE) == mode
