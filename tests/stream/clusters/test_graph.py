"""Compare the contrast of labels with a plain loop; compare sets of clusters."""

import numpy as np

from growlabels.stream.clusters.graph import (
    LabelGraph,
    differences,
    forest,
    kind_of,
    labels_of,
    singles,
    without,
)
from growlabels.stream.clusters.pair_counts import PairCounts


def test_contrast_is_the_mean_excess_with_the_own_cluster_minus_the_best_other():
    rng = np.random.default_rng(0)
    Y = rng.random((400, 6)) < 0.15
    Y[:, 1] |= Y[:, 0]
    Y[:, 3] |= Y[:, 2]
    Y[:, 4] |= Y[:, 2]
    pairs = PairCounts()
    for y in Y:
        pairs.learn(np.flatnonzero(y))
    graph = LabelGraph(pairs, 1.0, 3.0)
    a, b, _ = pairs.pairs()
    excess = np.zeros((6, 6))
    kept = pairs.significant(3.0)
    excess[a[kept], b[kept]] = (pairs.jaccard(1.0) - pairs.chance())[kept]
    excess += excess.T
    clusters = [(0, 1), (2, 3)]
    plain = []
    for label in range(6):
        own = [c for c in clusters if label in c]
        inside = sum(excess[label, list(c)].sum() / (len(c) - 1) for c in own)
        others = [excess[label, list(c)].mean() for c in clusters if c not in own]
        plain.append(inside - max(others, default=0.0))
    assert len(graph.links) == np.count_nonzero(kept) > 2
    assert np.isclose(graph.contrast(range(6), clusters), np.mean(plain))
    shares = Y[:, [0, 5]].mean(0)
    assert np.isclose(graph.rows_with([0, 5]), 400 * (1 - np.prod(1 - shares)))


def test_changes_are_grouped_by_shared_labels_and_named():
    old, new = [(0, 1), (2, 3), (5, 6), (7, 8)], [(0, 1, 2, 3), (5,), (7, 8), (9, 10)]
    assert differences(old, new) == [
        (((0, 1), (2, 3)), ((0, 1, 2, 3),)),
        (((5, 6),), ((5,),)),
        ((), ((9, 10),)),
    ]
    kinds = {
        "form": ((), ((0, 1),)),
        "dissolve": (((0, 1),), ()),
        "merge": (((0, 1), (2, 3)), ((0, 1, 2, 3),)),
        "split": (((0, 1, 2, 3),), ((0, 1), (2, 3))),
        "grow": (((0, 1),), ((0, 1, 2),)),
        "shrink": (((0, 1, 2),), ((0, 1),)),
        "regroup": (((0, 1),), ((0, 2),)),
    }
    assert {kind: kind_of(*change) for kind, change in kinds.items()} == {k: k for k in kinds}


def test_labels_of_clusters_and_the_rest():
    assert labels_of([(3, 4)], [(1, 3)]) == (1, 3, 4)
    assert without(range(5), [(1, 3)]) == (0, 2, 4)
    assert forest(singles([2, 0])).labels == (0, 2)
