"""Test the tracker: any batch sizes give the same state, and it recovers after a flip."""

import json

import numpy as np
import pytest

from growlabels.datasets import load_yeast
from growlabels.stream.clusters.choice import CLUSTERERS, new_clusterer
from growlabels.stream.clusters.tracker import Structure, row_cohesion


def as_rows(Y):
    return np.concatenate(([0], Y.sum(1).cumsum())), np.nonzero(Y)[1]


def flipped(seed, cut=1200):
    """Yeast shuffled, all labels renamed from row ``cut`` on; and the new names."""
    rng = np.random.default_rng(seed)
    Y = load_yeast().Y[rng.permutation(2417)].astype(bool)
    names = rng.permutation(14)
    after = np.zeros_like(Y)
    after[:, names] = Y
    return np.concatenate((Y[:cut], after[cut:])), names


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", [1200, 1270])
def test_recovers_within_500_rows_after_all_correlations_flip(seed, cut):
    Y, names = flipped(seed, cut)
    structure = Structure(200, 0.0005)
    structure.learn(*as_rows(Y[:cut]))
    old = {frozenset(names[list(c)].tolist()) for c in structure.partition.clusters}
    assert len(old) >= 4 and not any(e.kind == "global drift" for e in structure.events)
    structure.learn(*as_rows(Y[cut : cut + 500]))
    alarm = next(e for e in structure.events if e.kind == "global drift")
    assert cut < alarm.row <= cut + 100 and alarm.statistic > alarm.bound > 0
    assert {frozenset(c) for c in structure.partition.clusters} >= old


@pytest.mark.parametrize("kind", ["linkage", "odac"])
@pytest.mark.parametrize("seed", range(3))
def test_recovers_as_quickly_when_a_learner_was_first_to_see_the_flip(kind, seed):
    Y, names = flipped(seed)
    structure = Structure(200, 0.0005, new_clusterer(kind))
    structure.learn(*as_rows(Y[:1200]))
    old = {frozenset(names[list(c)].tolist()) for c in structure.partition.clusters}
    structure.learn(*as_rows(Y[1200:1220]))
    structure.restart()
    structure.learn(*as_rows(Y[1220:1700]))
    assert {frozenset(c) for c in structure.partition.clusters} >= old


@pytest.mark.parametrize("kind", CLUSTERERS)
def test_a_stationary_stream_gives_no_global_alarm(kind):
    for seed in range(5):
        Y = load_yeast().Y[np.random.default_rng(seed).permutation(2417)]
        structure = Structure(100, 0.0005, new_clusterer(kind))
        structure.learn(*as_rows(Y))
        assert not any(event.kind == "global drift" for event in structure.events)


@pytest.mark.parametrize("kind", CLUSTERERS)
def test_portions_have_no_effect_and_a_saved_one_goes_on(kind):
    Y, _ = flipped(0)
    Y = Y[700:1900]
    whole = Structure(50, 0.0005, new_clusterer(kind, 3))
    whole.learn(*as_rows(Y))
    parts = Structure(50, 0.0005, new_clusterer(kind, 3))
    for begin in range(0, 1200, 7):
        if begin == 700:
            state, arrays = json.loads(json.dumps(parts.state())), parts.arrays()
            parts = Structure(50, 0.0005)
            parts.fill(state, arrays)
        parts.learn(*as_rows(Y[begin : begin + 7]))
    assert any(event.kind == "global drift" for event in whole.events) or kind == "random"
    assert parts.state() == json.loads(json.dumps(whole.state())) or parts.state() == whole.state()
    assert parts.partition.clusters == whole.partition.clusters


def test_cohesion_is_the_share_of_the_other_labels_present():
    rng = np.random.default_rng(2)
    owner = np.array([0, 0, 0, 1, 1, -1, 2, 2, 2, 2])
    size = np.bincount(owner[owner >= 0])
    for _ in range(200):
        labels = np.flatnonzero(rng.random(12) < 0.4)  # two labels are not known yet
        inside = [owner[a] for a in labels if a < 10 and owner[a] >= 0]
        shares = [(inside.count(c) - 1) / (size[c] - 1) for c in set(inside)]
        expected = np.mean(shares) if shares else -1.0
        assert np.isclose(row_cohesion(owner, size, labels), expected)
