"""Test the divisive-agglomerative clusterer: planted clusters, stability, explained changes."""

import json

import numpy as np
import pytest

from growlabels.base.errors import RunError, UsageError
from growlabels.datasets import load_yeast
from growlabels.stream.clusters.odac_partition import OdacPartition
from growlabels.stream.clusters.odac_tree import LabelDistances, Node
from growlabels.stream.clusters.pair_counts import PairCounts


def counted(rows, pairs=None):
    pairs = pairs or PairCounts()
    for row in rows:
        pairs.learn(np.asarray(row))
    return pairs


def planted(rng, rows, groups, keep=0.8, noise=0.03):
    """Draw a group, its labels each with probability ``keep``, all others with ``noise``."""
    labels = sum(map(len, groups))
    made = []
    for _ in range(rows):
        on = rng.random(labels) < noise
        group = np.array(groups[rng.integers(len(groups))])
        on[group] |= rng.random(group.size) < keep
        made.append(np.flatnonzero(on))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_planted_clusters_are_found(seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(12).tolist()
    groups = [order[:3], order[3:7], order[7:12]]
    partition = OdacPartition()
    partition.check(counted(planted(rng, 1500, groups)), 1500)
    assert {frozenset(c) for c in partition.clusters} == {frozenset(g) for g in groups}


def test_independent_labels_stay_in_the_pool():
    rng = np.random.default_rng(3)
    pairs, partition = PairCounts(), OdacPartition()
    for at in range(1, 11):
        counted([np.flatnonzero(rng.random(20) < 0.2) for _ in range(200)], pairs)
        partition.check(pairs, 200 * at)
    assert sum(map(len, partition.clusters)) <= 2
    assert len(partition.pool) >= 18


@pytest.mark.parametrize("seed", range(3))
def test_stationary_stream_changes_at_most_once_in_ten_checks(seed):
    Y = load_yeast().Y[np.random.default_rng(seed).permutation(2417)]
    pairs, partition, changes = PairCounts(), OdacPartition(), []
    for at in range(100, 2401, 100):
        counted([np.flatnonzero(y) for y in Y[at - 100 : at]], pairs)
        changes.append(bool(partition.check(pairs, at)))
    assert partition.clusters
    assert all(sum(changes[i : i + 10]) <= 1 for i in range(10, len(changes) - 9))


def test_yeast_clusters_are_far_tighter_than_all_pairs():
    pairs = counted(np.flatnonzero(y) for y in load_yeast().Y)
    partition = OdacPartition()
    partition.check(pairs, 2417)
    space = LabelDistances(pairs, 0.0, list(range(14)))
    inside = 1 - space.diameter([Node(list(c)) for c in partition.clusters])
    assert inside > 0.45 > 0.2 > 1 - space.diameter([Node(list(range(14)))])


def test_merges_back_when_two_clusters_become_one():
    pairs, partition = counted([[0, 1], [2, 3]] * 300), OdacPartition()
    partition.check(pairs, 600)
    assert partition.clusters == ((0, 1), (2, 3))
    pairs.restart()
    counted([[0, 2], [1, 3], [0, 3], [1, 2], [0, 1, 2, 3]] * 200, pairs)
    events = partition.check(pairs, 1600)
    assert (events[0].kind, events[0].after) == ("merge", ((0, 1, 2, 3),))
    assert events[0].statistic > events[0].bound > 0


def test_cluster_size_is_capped_and_a_tie_waits_for_rows():
    partition = OdacPartition(max_labels=5)
    partition.check(counted([np.arange(12), [12]] * 300), 600)
    assert partition.clusters and max(map(len, partition.clusters)) <= 5
    early = OdacPartition()
    early.check(counted([[0, 1], [2, 3], [0, 2]] * 20), 60)
    assert len(early.clusters) <= 1  # all of the farthest pairs tie, and the bound is wide


def test_events_lead_from_one_partition_to_the_next_and_labels_leave():
    rng = np.random.default_rng(0)
    pairs, partition, known = PairCounts(half_life=200), OdacPartition(), set()
    for at in range(1, 16):
        groups = [[0, 1, 2], [3, 4], [5, 6, 7]] if at < 8 else [[0, 3, 5], [1, 2], [4, 6]]
        counted(planted(rng, 100, groups) if at < 8 else groups * 34, pairs)
        for event in partition.check(pairs, 100 * at):
            assert set(event.before) <= known and event.statistic >= event.bound >= 0
            assert set(event.labels) == {a for c in (*event.before, *event.after) for a in c}
            known = known - set(event.before) | set(event.after)
        assert known == set(partition.clusters)
    members = [label for cluster in partition.clusters for label in cluster]
    assert sorted([*members, *partition.pool]) == list(range(8))
    for event in partition.alarm(1500, 0.4, 0.2):
        assert (event.kind, event.before) == ("dissolve", tuple(sorted(known)))
    assert partition.clusters == () and partition.pool == tuple(range(8))


def test_goes_on_from_its_state_and_its_tree_holds_every_label_once():
    rng = np.random.default_rng(1)
    rows = planted(rng, 1000, [[0, 1, 2], [3, 4], [5, 6, 7, 8]])
    pairs, partition = counted(rows[:500]), OdacPartition()
    partition.check(pairs, 500)
    again = OdacPartition.from_state(json.loads(json.dumps(partition.state())))
    counted(rows[500:], pairs)
    assert again.check(pairs, 1000) == partition.check(pairs, 1000)
    assert again.state() == partition.state()
    leaves, waiting = [], [partition.tree(pairs)]
    while waiting:
        branch = waiting.pop()
        waiting += branch.children
        leaves += [] if branch.children else branch.labels
    assert sorted(leaves) == list(range(9))


def test_wrong_parameters_and_states_are_named():
    for wrong in ({"delta": 0.0}, {"tau": 0.0}, {"max_labels": 1}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            OdacPartition(**wrong)
    with pytest.raises(RunError, match="not the state"):
        OdacPartition.from_state({"settings": [0.05]})
