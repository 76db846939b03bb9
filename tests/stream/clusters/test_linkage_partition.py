"""The partition finds real structure, leaves chance alone and follows a change."""

import json

import numpy as np
import pytest
from river import datasets

from growlabels.base.errors import RunError, UsageError
from growlabels.datasets import load_yeast
from growlabels.stream.clusters.linkage_partition import LinkagePartition
from growlabels.stream.clusters.pair_counts import PairCounts
from growlabels.stream.learner.ihomer import IHOMER


@pytest.fixture(scope="module")
def yeast():
    """Label sets of the 2,417 genes, shuffled."""
    rows = [[int(n[5:]) - 1 for n, on in y.items() if on] for _, y in datasets.Yeast()]
    order = np.random.default_rng(0).permutation(len(rows))
    return [np.array(sorted(rows[i])) for i in order]


def watch(rows, every=100, half_life=None, start=None, first=1):
    pairs, partition = start or (PairCounts(half_life), LinkagePartition())
    checks = []
    for number, row in enumerate(rows, first):
        pairs.learn(row)
        if number % every == 0:
            checks.append(partition.check(pairs, number))
    return pairs, partition, checks


def within(pairs, clusters):
    """Mean Jaccard index over the pairs inside clusters."""
    a, b, _ = pairs.pairs()
    index = dict(zip(zip(a.tolist(), b.tolist(), strict=True), pairs.jaccard(0.0), strict=True))
    inside = [(x, y) for c in clusters for i, x in enumerate(c) for y in c[i + 1 :]]
    return np.mean([index.get(pair, 0.0) for pair in inside])


def test_clusters_are_tighter_than_random_ones_of_the_same_sizes(yeast):
    pairs, partition, _ = watch(yeast)
    rng = np.random.default_rng(0)
    random = []
    for _ in range(50):
        cuts = np.cumsum([len(c) for c in partition.clusters])
        parts = np.split(rng.permutation(14), cuts)[:-1]
        random.append(within(pairs, [tuple(sorted(part)) for part in parts]))
    assert within(pairs, partition.clusters) > 0.5 > 0.4 > max(random)


def test_stationary_stream_changes_at_most_once_in_ten_checks(yeast):
    _, _, checks = watch(yeast)
    assert sum(bool(events) for events in checks) <= len(checks) / 10


def test_independent_labels_stay_in_the_pool():
    rng = np.random.default_rng(3)
    rows = [np.flatnonzero(rng.random(20) < 0.2) for _ in range(3000)]
    _, partition, checks = watch(rows)
    assert partition.clusters == () and not any(checks)
    assert partition.pool == tuple(range(20))


def test_follows_when_correlations_flip(yeast):
    order = np.random.default_rng(1).permutation(14)
    pairs, partition, _ = watch(yeast, half_life=300)
    old = {frozenset(order[list(c)].tolist()) for c in partition.clusters}
    flipped = [np.sort(order[row]) for row in yeast[:1000]]
    watch(flipped, start=(pairs, partition), first=len(yeast) + 1)
    found = {frozenset(c) for c in partition.clusters}
    assert len(found & old) >= len(old) - 1


def test_events_lead_from_one_partition_to_the_next(yeast):
    _, partition, checks = watch(yeast, every=20, half_life=200)
    clusters = set()
    for event in (event for events in checks for event in events):
        assert event.statistic > event.bound > 0
        assert set(event.before) <= clusters
        assert set(event.labels) == {a for c in (*event.before, *event.after) for a in c}
        clusters = clusters - set(event.before) | set(event.after)
    assert clusters == set(partition.clusters)
    members = [label for cluster in partition.clusters for label in cluster]
    assert sorted([*members, *partition.pool]) == list(range(14))


def test_cluster_size_is_capped():
    rows = [np.arange(12) if i % 2 else np.array([12]) for i in range(1000)]
    pairs, partition = PairCounts(), LinkagePartition(max_labels=5)
    for row in rows:
        pairs.learn(row)
    for at in (1, 2):
        partition.check(pairs, at)
        assert partition.check(pairs, at) is not None
    assert partition.clusters and max(map(len, partition.clusters)) <= 5


def test_tree_holds_every_label_once(yeast):
    pairs, partition, _ = watch(yeast)
    tree = partition.tree(pairs)
    leaves = []

    def walk(branch):
        if not branch.children:
            leaves.extend(branch.labels)
        for child in branch.children:
            walk(child)

    walk(tree)
    assert sorted(leaves) == list(range(14))


def test_goes_on_from_its_state_as_if_never_stopped(yeast):
    whole = watch(yeast, every=50, half_life=300)
    pairs, partition, first = watch(yeast[:1000], every=50, half_life=300)
    state = json.loads(json.dumps(partition.state()))
    again = PairCounts.from_arrays(pairs.arrays()), LinkagePartition.from_state(state)
    checks = list(first)
    for number, row in enumerate(yeast[1000:], 1001):
        again[0].learn(row)
        if number % 50 == 0:
            checks.append(again[1].check(again[0], number))
    assert checks == whole[2]
    assert again[1].state() == whole[1].state()


def test_wrong_parameters_and_states_are_named():
    for wrong in ({"delta": 0.0}, {"max_labels": 1}, {"share": 0.0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            LinkagePartition(**wrong)
    with pytest.raises(RunError, match="not the state"):
        LinkagePartition.from_state({"settings": [0.05]})


def test_labels_that_vanished_stay_in_the_tree(yeast):
    pairs, partition, _ = watch(yeast)
    pairs.restart()
    watch([np.array([0])] * 200, start=(pairs, partition))
    assert sorted(partition.tree(pairs).labels) == list(range(14))


def test_an_alarm_of_drift_lets_the_counts_start_again():
    data = load_yeast()
    rng = np.random.default_rng(0)
    order, rename = rng.permutation(2417), rng.permutation(14)
    X, Y, model = data.X[order], data.Y[order], IHOMER()
    model.learn_many(X[:1200], Y[:1200])
    old = {frozenset(rename[list(c)].tolist()) for c in model.clusters}
    renamed = np.zeros_like(Y)
    renamed[:, rename] = Y
    model.learn_many(X[1200:1800], renamed[1200:1800])
    assert "drift" in {event.kind for event in model.events}
    assert {frozenset(c) for c in model.clusters} == old
