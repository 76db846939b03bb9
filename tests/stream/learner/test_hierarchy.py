"""The hierarchy tells what the partition is and how tight each node is."""

import json

import numpy as np
import pytest

from growlabels.stream.clusters.linkage_partition import LinkagePartition
from growlabels.stream.clusters.pair_counts import PairCounts
from growlabels.stream.learner.hierarchy import LabelNode, build_hierarchy

NAMES = ["cat", "dog", "oak", "elm", "alone"]


@pytest.fixture(scope="module")
def hierarchy():
    pairs, partition = PairCounts(), LinkagePartition()
    sets = [[0, 1], [2, 3], [0, 1], [0], [4], [2, 3]]
    for row in range(1, 601):
        pairs.learn(np.array(sets[row % 6]))
        if row % 200 == 0:
            partition.check(pairs, row)
    return build_hierarchy(partition, pairs, NAMES.__getitem__)


def test_clusters_and_pool_are_named(hierarchy):
    assert [node.labels for node in hierarchy.clusters] == [("cat", "dog"), ("oak", "elm")]
    assert [n.labels for n in hierarchy.walk() if n.kind == "pool"] == [("alone",)]
    assert sorted(n.labels[0] for n in hierarchy.walk() if n.kind == "label") == sorted(NAMES)


def test_cohesion_is_the_mean_jaccard_index(hierarchy):
    cats, trees = hierarchy.clusters
    assert cats.cohesion == pytest.approx(2 / 3)
    assert trees.cohesion == pytest.approx(1.0)
    assert hierarchy.cohesion == pytest.approx((2 / 3 + 1) / 10)


def test_text_json_and_tree_agree(hierarchy):
    text = hierarchy.to_text()
    assert str(hierarchy) == text
    assert "cluster of 2, J 0.67" in text and "cat (50.0 % of rows)" in text
    assert json.loads(json.dumps(hierarchy.to_json()))["labels"] == NAMES
    tree = hierarchy.to_tree()
    assert [child.note for child in tree.children] == ["J 0.67", "J 1.00", ""]
    assert tree.children[0].children[0].value == pytest.approx(0.5)


def test_of_many_labels_in_no_cluster_the_frequent_ones_are_listed():
    shares = {"a": 0.1, "b": 0.3, "c": 0.2}
    leaves = tuple(LabelNode((name,), 1.0, "label", share) for name, share in shares.items())
    pool = LabelNode(tuple(shares), 0.0, "pool", 0.3, leaves)
    assert pool.to_text(most=2).splitlines() == [
        "3 labels in no cluster", "  b (30.0 % of rows)", "  c (20.0 % of rows)",
        "  and 1 rarer",
    ]  # fmt: skip
    assert pool.to_text(most=3).count("\n") == pool.to_text().count("\n") == 3


def test_no_labels_give_an_empty_root():
    root = build_hierarchy(LinkagePartition(), PairCounts(), NAMES.__getitem__)
    assert root.labels == () and root.to_text() == "0 labels"
