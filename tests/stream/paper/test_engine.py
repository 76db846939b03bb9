"""The paper's system: trees follow the clusters, local drift stays local, all contracts hold."""

import pickle

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.datasets import load_yeast
from growlabels.stream import IHOMER, MultiLabelMetrics, stream_checks
from growlabels.stream.cli.report import describe
from growlabels.stream.evaluate.checks import check_memory_stays_under_max_bytes
from growlabels.stream.paper.cluster_tree import ClusterTree, inherited
from growlabels.stream.paper.growth import split_leaf
from growlabels.stream.paper.tree import grown_tree, new_tree, route


def paper(**settings):
    return IHOMER(preset="paper", **settings)


def micro_f1(model, X, Y):
    found, metrics = model.prequential_many(X, Y), MultiLabelMetrics()
    for truth, guess in zip(Y, found, strict=True):
        metrics.update(set(np.flatnonzero(truth)), set(np.array(model.labels_)[guess]))
    return metrics.micro_f1


@pytest.mark.parametrize("clusterer", ["linkage", "odac", "random"])
def test_it_keeps_all_contracts(clusterer):
    for check in stream_checks():
        if check is not check_memory_stays_under_max_bytes:  # this preset has no such bound
            check(lambda: paper(clusterer=clusterer, window=100, check_every=20))


def blocks(rows, seed, flip=None):
    """Two groups of labels that occur together, each told by one feature; one group flips."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4))
    on = np.column_stack((X[:, 0] > 0.3, X[:, 1] > 0.3))
    if flip is not None:
        on[flip:, 1] = ~on[flip:, 1]
    Y = on[:, [0, 0, 1, 1]] & (rng.random((rows, 4)) < 0.95)
    return X, Y


def test_clusters_get_trees_of_their_own_that_split_on_what_tells_their_labels():
    model = paper(check_every=100)
    X, Y = blocks(900, 0)
    assert micro_f1(model, X, Y) > 0.9
    assert {frozenset(c) for c in model.clusters} == {frozenset((0, 1)), frozenset((2, 3))}
    names = list(model._positive.of)
    roots = {names[c.labels[0]] // 2: int(c.tree.feature[0]) for c in model._engine.trees}
    assert roots == {0: 0, 1: 1}


def test_trees_stop_splitting_at_max_bytes_and_say_so_once():
    free, bound = paper(check_every=100), paper(check_every=100)
    bound._engine.max_bytes = bound.n_bytes
    for model in (free, bound):
        model.learn_many(*blocks(1500, 0))
    nodes = {name: sum(int(c.tree.used[0]) for c in m._engine.trees)
             for name, m in (("free", free), ("bound", bound))}  # fmt: skip
    assert nodes["free"] > nodes["bound"] == len(bound._engine.trees)
    assert [e.kind for e in free.events].count("full") == 0
    (full,) = [e for e in bound.events if e.kind == "full"]
    assert full.statistic > full.bound == bound._engine.max_bytes
    assert describe(full).startswith("full: trees stop splitting at max_bytes (")
    assert bound.predict_one({0: 2.0, 1: -2.0}) == {0: True, 1: True, 2: False, 3: False}


def test_local_drift_touches_the_affected_tree_alone_and_swaps_by_a_test():
    model = paper(check_every=100, window=300)
    model.learn_many(*blocks(2500, 1, flip=1200))
    local = [e for e in model.events if e.kind in ("local drift", "swap")]
    kinds = [e.kind for e in local]
    assert "local drift" in kinds and "swap" in kinds
    assert all(set(e.labels) == {2, 3} and e.row > 1200 for e in local)
    assert all(e.statistic > e.bound > 0 for e in local)
    assert kinds.index("local drift") < kinds.index("swap")


def tree_of(labels, nodes=1, rows=10.0):
    tree = grown_tree(new_tree(len(labels), 3), 3, nodes)
    tree.rows[0] = tree.observed[0] = rows
    tree.seen[0] = tree.counts[0] = np.arange(len(labels) + 1)
    tree.high[0], tree.mean[0], tree.spread[0] = 1.0, 0.5, 0.25 * rows
    tree.part_mean[0], tree.weights[0] = 0.5, np.arange(len(labels) + 1)[:, None]
    if nodes > 1:
        split_leaf(tree, 0, 0, 0.5)
    return ClusterTree(np.array(labels), tree)


def test_on_a_split_both_children_inherit_the_parent():
    parent = tree_of([2, 5, 7, 9], nodes=3)
    children = [inherited(c, [parent], 3) for c in ((2, 7), (5, 9))]
    for child, places in zip(children, ([1, 3], [2, 4]), strict=True):
        assert child.tree.used[0] == 3 and route(child.tree, np.ones(3)) == 2
        assert np.array_equal(child.tree.counts[:, 1:], parent.tree.counts[:, places])
        assert np.array_equal(child.tree.weights[:, 1:], parent.tree.weights[:, places])
        assert child.tree.observed[0] == 10.0


def test_on_a_merge_the_heavier_tree_stays_and_the_others_labels_are_added():
    light, heavy = tree_of([0, 3]), tree_of([1, 2], nodes=3)
    merged = inherited((0, 1, 2, 3), [light, heavy], 3)
    assert merged.tree.used[0] == 3 and merged.tree.feature[0] == 0
    assert np.array_equal(merged.tree.weights[:, [2, 3]], heavy.tree.weights[:, [1, 2]])
    for at, old in ((1, 1), (4, 2)):  # labels 0 and 3
        assert (merged.tree.weights[:, at] == light.tree.weights[0, old]).all()
        assert np.allclose(merged.tree.counts[:, at], old / 10 * merged.tree.rows)
    assert merged.tree.observed.sum() == 0


def test_unchanged_clusters_keep_their_tree_and_new_labels_start_from_nothing():
    cluster = tree_of([0, 1])
    assert inherited((0, 1), [cluster], 3) is cluster
    grown = inherited((0, 1, 2), [cluster], 3)
    assert grown.tree.counts[0].tolist() == [0, 1, 2, 0] and grown.tree.observed[0] == 10
    assert inherited((4, 5), [cluster], 3).tree.rows[0] == 0


def test_saved_and_pickled_in_mid_drift_it_goes_on_identically(tmp_path):
    X, Y = blocks(1600, 1, flip=1200)
    model = paper(check_every=100, window=300)
    model.learn_many(X[:1400], Y[:1400])
    model.save(tmp_path / "model")
    others = IHOMER.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))  # noqa: S301
    expected = model.prequential_many(X[1400:], Y[1400:])
    for other in others:
        assert np.array_equal(other.prequential_many(X[1400:], Y[1400:]), expected)
        assert other.events == model.events and other.hierarchy() == model.hierarchy()


def test_it_learns_real_rows_and_names_wrong_settings():
    X, Y, _, _ = load_yeast()
    order = np.random.default_rng(0).permutation(2417)[:1000]
    assert micro_f1(paper(clusterer="odac"), X[order], Y[order].astype(bool)) > 0.58
    for wrong in ({"preset": "best"}, {"clusterer": "kmeans"}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            IHOMER(**wrong)
