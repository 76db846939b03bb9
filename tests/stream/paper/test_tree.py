"""The multi-label Hoeffding tree: merits against direct counts, leaves against plain code."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from growlabels.stream.paper.growth import (
    best_split,
    binary_entropy,
    left_share,
    merit_bound,
    merit_of,
    side_counts,
    split_leaf,
)
from growlabels.stream.paper.tree import (
    FREQUENCY,
    LINEAR,
    NEIGHBOURS,
    best_way,
    consult_leaf,
    forget_observations,
    grown_tree,
    learn_leaf,
    lend_label,
    new_tree,
    relabelled_tree,
    route,
    set_loss,
)


def taught(X, Y, tree=None):
    """A tree whose leaves learned these rows, in their order."""
    labels = Y.shape[1]
    tree = tree or new_tree(labels, X.shape[1])
    share, picked = np.full((3, labels), 0.5), np.zeros((3, labels), bool)
    for x, y in zip(X, Y.astype(float), strict=True):
        learn_leaf(tree, route(tree, x), x, np.concatenate(([1.0], x)), y, share, picked)
    return tree


def entropy(p):
    return 0.0 if p in (0, 1) else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def outcomes(Y):
    """Columns: none of the labels, then the labels."""
    return np.column_stack((~Y.any(1), Y))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(30, 200))
def test_merit_of_a_feature_of_two_values_is_that_of_counting(seed, labels, rows):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((rows, 1)) < 0.5, 3.0, -1.5)
    Y = rng.random((rows, labels)) < np.where(X > 0, 0.7, 0.2)
    left = X[:, 0] < 0
    expected = -1.0
    if min(left.sum(), (~left).sum()) >= 5:
        parts = outcomes(Y)
        expected = sum(
            entropy(parts[:, o].mean())
            - left.mean() * entropy(parts[left, o].mean())
            - (1 - left.mean()) * entropy(parts[~left, o].mean())
            for o in range(labels + 1)
        )
    found = merit_of(taught(X, Y), 0, 0, 0.75, np.empty(labels + 1))
    assert found == pytest.approx(expected, abs=1e-3)


def test_counts_left_of_a_cut_follow_normal_distributions():
    rng = np.random.default_rng(1)
    Y = rng.random((500, 3)) < 0.4
    X = rng.normal(size=(500, 2)) + 2 * Y[:, :1]
    tree, left = taught(X, Y), np.empty(4)
    total = side_counts(tree, 0, 0, 0.8, left)
    assert total == pytest.approx(500 * norm.cdf(0.8, X[:, 0].mean(), X[:, 0].std()))
    for o, on in enumerate(outcomes(Y).T):
        share = norm.cdf(0.8, X[on, 0].mean(), X[on, 0].std())
        expected = np.clip(on.sum() * share, on.sum() - (500 - total), total)
        assert left[o] == pytest.approx(expected, rel=1e-4)


def test_shares_at_the_edges():
    assert left_share(2.0, 0.0, 2.0, 1.0, 5.0, 10) == 1.0
    assert left_share(-0.1, 0.0, 2.0, 1.0, 5.0, 10) == 0.0
    assert left_share(1.0, 0.0, 2.0, 0.5, 10 * 0.5 * 1.5, 10) == 0.75  # two values, exact
    assert left_share(1.0, 0.0, 2.0, 0.4, 0.0, 10) == 1.0  # one value
    assert binary_entropy(0.5) == 1.0 and binary_entropy(0.0) == binary_entropy(1.0) == 0.0


def test_the_best_split_is_the_planted_one_and_children_inherit():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(600, 5))
    Y = np.column_stack((X[:, 3] > 0.5, X[:, 3] > 0.4, rng.random(600) < 0.3))
    tree = taught(X, Y)
    feature, cut, best, second = best_split(tree, 0, 5)
    assert feature == 3 and 0.0 < cut < 1.0
    assert best > second > 0 and best - second > merit_bound(4, 600)
    tree = grown_tree(tree, 5, 3)
    weights = tree.weights[0].copy()
    split_leaf(tree, 0, feature, cut)
    assert [route(tree, x) for x in X[:50]] == [1 + (x[3] > cut) for x in X[:50]]
    assert tree.rows[1] + tree.rows[2] == pytest.approx(600)
    assert np.array_equal(tree.weights[1], weights) and np.array_equal(tree.weights[2], weights)
    for child, side in ((1, X[:, 3] <= cut), (2, X[:, 3] > cut)):
        shares = tree.counts[child] / tree.rows[child]
        assert np.allclose(shares, outcomes(Y[side]).mean(0), atol=0.12)


def test_the_bound_ranges_over_one_bit_an_outcome():
    assert merit_bound(15, 400) == pytest.approx(15 * math.sqrt(math.log(1000) / 800))


def test_a_leaf_answers_in_three_ways():
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(80, 4)), rng.random((80, 3)) < [0.8, 0.3, 0.1]
    tree = taught(X, Y)
    z, near = np.concatenate(([1.0], X[0])), np.array([4, 9, 2])
    close, window = np.array([1.0, 1.5, 1.6]), np.zeros((10, 5), np.uint8)
    window[9, [1, 4]] = window[2, [1, 4]] = 1
    window[4, 0] = 1  # not a label of this cluster: restricted to it, the set is empty
    share, picked = np.empty((3, 3)), np.empty((3, 3), bool)
    consult_leaf(tree, 0, z, near, close, np.array([1, 2, 4]), window, share, picked)
    frequency = (Y.sum(0) + 0.5) / 81
    assert np.allclose(share[FREQUENCY], frequency)
    assert np.allclose(share[LINEAR], 1 / (1 + np.exp(-(tree.weights[0, 1:] @ z))))
    vote = np.array([1, 1 / 1.5, 1 / 1.6])
    votes = vote @ window[near][:, [1, 2, 4]]
    assert np.allclose(share[NEIGHBOURS], (votes + frequency) / (1 + vote.sum()))
    assert picked[NEIGHBOURS].tolist() == [True, False, True]  # a whole set, by joint votes
    assert np.array_equal(picked[:2], share[:2] > 0.5)
    tree.losses[0] = 0.3, 0.1, 0.2
    assert best_way(tree, 0) == LINEAR


def test_loss_is_one_minus_jaccard():
    truth = np.array([1.0, 1.0, 0.0])
    assert set_loss(np.array([True, False, True]), truth) == pytest.approx(2 / 3)
    assert set_loss(np.zeros(3, bool), np.zeros(3)) == 0.0


def test_growth_changes_nothing_and_late_features_count_as_zero():
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(200, 3)), rng.random((200, 2)) < 0.5
    X[:100, 2] = 0.0
    whole = taught(X, Y)
    grown = grown_tree(taught(X[:100, :2], Y[:100]), 3, 1)
    grown = taught(X[100:], Y[100:], grown)
    assert np.allclose(grown.part_mean[:, :, :3], whole.part_mean)
    assert np.allclose(grown.spread[:, :3], whole.spread)
    assert np.array_equal(grown.low[:, :3], whole.low)


def test_labels_move_with_frequency_and_linear_model():
    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(100, 3)), rng.random((100, 4)) < 0.4
    left, right = taught(X, Y[:, :2]), taught(X, Y[:, 2:])
    tree = relabelled_tree(left, np.array([1, -1]), fresh=True)  # label 0 goes, one comes
    assert np.array_equal(tree.weights[:, 1], left.weights[:, 2])
    assert tree.counts[0, 0] == 0 and tree.counts[0, 1] == Y[:, 1].sum()
    lend_label(right, 1, tree, 1)
    assert np.array_equal(tree.weights[0, 2], right.weights[0, 2])
    assert tree.counts[0, 2] == pytest.approx(Y[:, 3].sum())
    forget_observations(tree)
    assert tree.observed.sum() == tree.part_mean.sum() == 0 and tree.rows[0] == 100
    assert left.rows[0] == 100 and left.observed[0] == 100  # the parent is left alone
