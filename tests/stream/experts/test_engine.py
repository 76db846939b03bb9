"""Restarts, and the hours at which the partition is looked at."""

import numpy as np

from growlabels.stream import IHOMER
from growlabels.stream.experts.engine import AFTER_DRIFT
from growlabels.stream.experts.state import RIDGE, ROWS, SPARSE


def test_text_is_found_to_be_sparse_after_a_few_rows() -> None:
    rng = np.random.default_rng(0)
    model = IHOMER()
    modes = []
    for _ in range(60):
        words = rng.zipf(1.3, 12) % 500
        model.learn_one({f"w{w}": 1.0 for w in words}, {"even" if words[0] % 2 else "odd"})
        modes.append(model._engine.mode)
    assert modes[0] == RIDGE
    assert modes[-1] == SPARSE
    assert np.count_nonzero(np.diff(modes)) == 1
    assert model._engine.experts.totals[ROWS] == 60  # all of them were learned again


def test_after_drift_the_experts_know_the_last_rows_only() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 4))
    Y = X > 0
    model = IHOMER()
    model.learn_many(X, Y)
    stack = model._engine.stack
    model.learn_many(X[:200], ~Y[:200])
    drifts = [event for event in model.events if event.kind == "drift"]
    assert len(drifts) == 1
    since = model.n_rows - drifts[0].row
    learned = model._engine.experts.totals[ROWS]
    assert since < learned <= AFTER_DRIFT + since
    assert model._engine.sets.used[2] == learned
    assert model._engine.stack is stack  # what each expert is worth stays


def test_labels_from_before_the_restart_do_not_sway_the_decoder() -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(600, 6))
    Y = np.zeros((600, 154), bool)
    Y[np.arange(300), 4 + np.arange(300) // 2] = True
    Y[300:, :4] = X[300:, :4] + 0.5 * rng.normal(size=(300, 4)) > 0.5
    model, fresh = IHOMER(drift=None), IHOMER(drift=None)
    model.learn_many(X[:400], Y[:400])
    model._engine._restart(100, model._engine.mode)
    fresh.learn_many(X[300:400], Y[300:400])
    fresh._engine.stack = model._engine.stack
    found = np.zeros((2, 200, 154), bool)
    for guess, each in zip(found, (model, fresh), strict=True):
        guess[:, each.labels_] = each.predict_many(X[400:])
    assert np.array_equal(found[0], found[1])


def test_rows_without_features_or_labels() -> None:
    model = IHOMER()
    for _ in range(3):
        model.learn_one({}, set())
        assert model.predict_one({}) == {}
    model.learn_one({}, {"a"})
    model.learn_many(np.zeros((2, 0)), np.zeros((2, 0)))
    model.learn_many(np.zeros((0, 3)), np.zeros((0, 2)))
    assert model.n_rows == 6
    assert model.labels_ == ["a"]
    assert model.predict_many(np.zeros((2, 1))).shape == (2, 1)
    assert model.hierarchy().labels == ("a",)
