"""Made streams: the same seed the same rows, and the drift is where and what it is said to be."""

from typing import get_args

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER, make_stream
from growlabels.stream.evaluate.made_streams import _KINDS, Drift, Kind, _between

KINDS, DRIFTS = get_args(Kind), get_args(Drift)


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_stream_and_another_seed_another(kind, drift):
    one, same, other = (make_stream(kind, drift, rows=300, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.rows.X, same.rows.X) and np.array_equal(one.rows.Y, same.rows.Y)
    assert not np.array_equal(one.rows.X, other.rows.X)
    assert np.isfinite(one.rows.X).all()
    assert 0.02 < one.rows.Y.mean() < 0.7 and one.rows.Y.any(0).sum() >= 4
    assert one.drifts == (() if drift == "none" else (150,))
    assert (one.concept[:150] == 0).all() and not one.noisy.any()


def test_where_each_drift_is():
    truth = {d: make_stream("tree", d, rows=900, changes=2, width=100) for d in DRIFTS}
    assert truth["none"].drifts == () and not truth["none"].concept.any()
    for drift in DRIFTS[1:]:
        assert truth[drift].drifts == (300, 600)
        assert truth[drift].concept[599] == 1 and truth[drift].share[299] == 0.0
    assert np.array_equal(np.flatnonzero(np.diff(truth["sudden"].concept)), [299, 599])
    assert truth["sudden"].concept[-1] == 2 and truth["recurrent"].concept[-1] == 0
    gradual = truth["gradual"].concept[300:400]
    assert 0 < gradual[:50].mean() < gradual[50:].mean() < 1
    assert np.allclose(np.diff(truth["incremental"].share[300:400]), 0.01)
    assert (truth["incremental"].concept[300:399] == 0).all()


@pytest.mark.parametrize("kind", ["tree", "hyperplane", "hypercube"])
def test_labels_follow_the_rule_of_their_concept(kind):
    """The rows before a sudden change are those of a stream without one."""
    still, sudden = make_stream(kind, "none", seed=3), make_stream(kind, "sudden", seed=3)
    assert still.rows.Y.shape == sudden.rows.Y.shape
    rule, label = _KINDS[kind]
    concept = rule(np.random.default_rng(3), 10, 6)

    class Given:
        def __init__(self, x):
            self.x = x

        def random(self, size):
            return self.x

    for i in range(0, 900, 100):
        assert np.array_equal(label(concept, Given(sudden.rows.X[i]))[1], sudden.rows.Y[i])
    different = [
        not np.array_equal(label(concept, Given(sudden.rows.X[i]))[1], sudden.rows.Y[i])
        for i in range(1100, 1300)
    ]
    assert np.mean(different) > 0.3


def test_an_incremental_change_moves_through_the_middle():
    rule, _ = _KINDS["hypercube"]
    rng = np.random.default_rng(0)
    old, new = rule(rng, 4, 2), rule(rng, 4, 2)
    middle = _between(old, new, 0.5)
    assert np.allclose(middle["centre"], (old["centre"] + new["centre"]) / 2)
    assert np.array_equal(middle["axes"], old["axes"])


def test_noise_turns_labels_round():
    clean, noisy = make_stream(seed=5), make_stream(seed=5, noise=0.2)
    assert np.array_equal(clean.rows.Y ^ noisy.noisy, noisy.rows.Y)
    assert abs(noisy.noisy.mean() - 0.2) < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_the_learner_learns_the_rule_and_a_change_costs_it(kind):
    made = make_stream(kind, "sudden", rows=1200, labels=4, features=5, seed=0)
    right = (IHOMER().prequential_many(made.rows.X, made.rows.Y) == made.rows.Y).mean(axis=1)
    assert right[400:600].mean() > right[:100].mean()
    assert right[600:640].mean() < right[400:600].mean() - 0.02


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "cube"}, "kind must be one of 'tree', 'rbf', 'hyperplane', 'hypercube'"),
        ({"drift": "slow"}, "drift must be one of 'none', 'sudden'"),
        ({"rows": 0}, "rows must be a whole number of at least 1"),
        ({"rows": 1.5}, "rows must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"features": 1}, "features must be a whole number of at least 2"),
        ({"width": 0}, "width must be a whole number of at least 1"),
        ({"changes": -1}, "changes must be a whole number of at least 0"),
        ({"noise": 1.0}, "noise must be in"),
    ],
)
def test_wrong_use_is_said(settings, message):
    with pytest.raises(UsageError, match=message):
        make_stream(**settings)
