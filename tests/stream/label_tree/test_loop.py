"""The loop of the label tree: unit rows and thresholds against plain ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.label_tree import loop as loop
from growlabels.stream.label_tree.state import THRESHOLDS, grown_tree, new_tree
from growlabels.stream.numeric.adwin import empty_monitor


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-100, 1e100), min_size=1, max_size=20), st.booleans())
def test_unit_row(value: list[float], scaled: bool) -> None:
    x, largest = np.array(value), np.full(len(value) // 2, 2.0)
    out = np.empty(len(value), np.float32)
    loop.unit_row(np.arange(len(value)), x, largest, scaled, out)
    if scaled:
        x = x / np.maximum(x, np.pad(largest, (0, len(value) - largest.size)))
    x = x / x.max()
    np.testing.assert_allclose(out, x / np.linalg.norm(x), rtol=1e-5, atol=1e-30)


def test_the_threshold_is_the_best_for_f1_so_far() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((400, 30)) < 0.2
    Y = (X[:, :12] & (rng.random((400, 12)) < 0.7)) | (rng.random((400, 12)) < 0.03)
    tree = grown_tree(new_tree(), 13, 30)
    outcomes = np.zeros((THRESHOLDS.size, 3))
    for x, y in zip(X, Y, strict=True):
        index, truth = np.flatnonzero(x), 1 + np.flatnonzero(y)
        rows = np.array([0, index.size]), index, np.ones(index.size), np.array([0, truth.size])
        labels, chances = np.zeros((1, 12), np.int64), np.zeros((1, 12))
        loop.likeliest(tree, rows[:3], 20, labels, chances)
        f1 = 2 * outcomes[:, 0] / np.maximum(2 * outcomes[:, 0] + outcomes[:, 1:].sum(1), 1e-9)
        best = int(np.argmax(f1)) if outcomes.any() else loop.FIRST_THRESHOLD
        threshold = THRESHOLDS[best]
        reached = (np.arange(12) < loop.WANTED) | (chances[0] >= loop.REACH * threshold)
        found = np.flatnonzero(reached & (labels[0] > 0)).tolist()
        tuning = loop.TreeTuning(True, False, 0.0, 2**16)
        chosen = np.zeros((1, loop.MOST_FOUND), np.int32)
        assert loop.best_threshold(tree.outcomes) == best
        loop.run_tree(tuning, tree, empty_monitor(), (*rows, truth), 0, chosen, np.zeros(3))
        picked = {int(labels[0, i]) for i in found if chances[0, i] >= threshold}
        assert set(chosen[chosen > 0].tolist()) == picked
        outcomes *= loop.FADE
        for t, limit in enumerate(THRESHOLDS):
            guess = {int(labels[0, i]) for i in found if chances[0, i] >= limit}
            both = len(guess & set(truth.tolist()))
            outcomes[t] += both, len(guess) - both, truth.size - both
        np.testing.assert_allclose(tree.outcomes, outcomes, atol=1e-9)
    assert tree.hits.sum() > 0
    assert 2 * tree.hits[0] / (2 * tree.hits[0] + tree.hits[1:].sum()) > 0.5


def test_a_crowded_table_stops_the_loop_and_a_full_one_does_not() -> None:
    rows = np.arange(6001), np.arange(6000), np.ones(6000), np.arange(6001), np.ones(6000, int)
    for most, why in ((2**17, loop.CROWDED), (2**16, loop.FINISHED)):
        tree = grown_tree(new_tree(), 2, 6000)._replace()
        tree.totals[4] = 2**13 - 3000
        tuning = loop.TreeTuning(True, False, 0.0, most)
        chosen = np.zeros((6000, 5), np.int32)
        found = loop.run_tree(tuning, tree, empty_monitor(), rows, 0, chosen, np.zeros(3))
        assert found[1] == why
        assert found[0] == pytest.approx(3050 if why == loop.CROWDED else 6000, rel=0.05)
