"""The window of the last rows against a deque, dense and sparse; new labels; the mode."""

from collections import deque

import numpy as np
import pytest

from growlabels.stream import IHOMER
from growlabels.stream.experts.learn import activate, fitting_mode
from growlabels.stream.experts.state import FEATURES, RIDGE, SPARSE


@pytest.mark.parametrize("density", [0.9, 0.1])
def test_the_window_holds_the_last_rows(density: float) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(330, 15)) * (rng.random((330, 15)) < density)
    Y = rng.random((330, 5)) < 0.4
    model = IHOMER(window=100, drift=None)
    recent: deque = deque(maxlen=100)
    for begin in range(0, 330, 41):
        model.learn_many(X[begin : begin + 41], Y[begin : begin + 41])
        recent.extend(zip(X[begin : begin + 41], Y[begin : begin + 41], strict=True))
        rows = model._engine.kept_rows(100)
        features, labels = list(model._features.of), list(model._positive.of)
        assert len(rows.x_start) == len(recent) + 1
        for r, (x, y) in enumerate(recent):
            cells = slice(rows.x_start[r], rows.x_start[r + 1])
            found = {features[j]: v for j, v in zip(rows.x_index[cells], rows.x_value[cells])}  # noqa: B905
            assert found == {j: v for j, v in enumerate(x.tolist()) if v}
            places = rows.y_index[rows.y_start[r] : rows.y_start[r + 1]]
            assert {labels[i - 1] for i in places} == set(np.flatnonzero(y).tolist())


@pytest.mark.parametrize(("density", "mode"), [(0.9, RIDGE), (0.1, SPARSE)])
def test_postings_and_columns_show_the_window(density: float, mode: int) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(270, 12)) * (rng.random((270, 12)) < density)
    X[:, 0] = 1.0
    model = IHOMER(window=100, drift=None)
    model.learn_many(X, np.ones((270, 1)))
    e, names = model._engine.experts, list(model._features.of)
    assert model._engine.mode == mode
    for j, name in enumerate(names):
        column = X[-100:, name][(np.arange(100) + 30) % 100]  # slot 70 holds the oldest row
        if mode == RIDGE:
            np.testing.assert_allclose(e.window[j], column * e.gauge[j], rtol=1e-6)
            continue
        node, slots = int(e.first[j]), []
        while node >= 0:
            slots.append(int(e.node_slot[node % e.follower.size]))
            assert e.node_feature[node % e.follower.size] == j
            last, node = node, int(e.follower[node % e.follower.size])
        assert slots == [s for s in (np.arange(100) + 70) % 100 if column[s]]
        assert not slots or e.last[j] == last


@pytest.mark.parametrize("density", [0.9, 0.1])
def test_a_new_label_starts_as_one_that_was_always_absent(density: float) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 10)) * (rng.random((60, 10)) < density)
    model = IHOMER(drift=None)
    model.learn_many(X, np.ones((60, 1)))
    engine = model._engine
    activate(engine.experts, engine.mode, 4)
    axis = 1 if engine.mode == SPARSE else 0
    weights, squares = engine.experts.linear, engine.experts.linear_squares
    for array in (weights, squares):
        assert np.array_equal(array.take(0, axis)[:11], array.take(3, axis)[:11])
    assert not np.array_equal(weights.take(0, axis), weights.take(1, axis))


def test_the_mode_has_some_inertia() -> None:
    totals = np.zeros(6, np.int64)
    totals[[0, FEATURES]] = 10, 10
    for entries, mode, expected in ((30, RIDGE, RIDGE), (30, SPARSE, SPARSE), (20, RIDGE, SPARSE),
                                    (36, SPARSE, RIDGE)):  # fmt: skip
        totals[3] = entries
        assert fitting_mode(totals, mode, RIDGE) == expected
