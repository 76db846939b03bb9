"""Make clusterers by name; check that random clusters have the sizes of real ones."""

import numpy as np
import pytest

from growlabels.base.errors import UsageError
from growlabels.datasets import load_yeast
from growlabels.stream.clusters.choice import new_clusterer
from growlabels.stream.clusters.tracker import Structure


def as_rows(Y):
    return np.concatenate(([0], Y.sum(1).cumsum())), np.nonzero(Y)[1]


def test_random_clusters_have_the_sizes_of_the_true_ones():
    Y = load_yeast().Y
    true, random = Structure(200, 0.0, new_clusterer("linkage")), Structure(200, 0.0)
    random.partition = new_clusterer("random", 1)
    for structure in (true, random):
        structure.learn(*as_rows(Y))
    sizes = [sorted(map(len, s.partition.clusters)) for s in (true, random)]
    assert sizes[0] == sizes[1] and true.partition.clusters != random.partition.clusters
    members = [a for c in random.partition.clusters for a in c]
    assert sorted([*members, *random.partition.pool]) == list(range(14))
    assert sorted(random.partition.tree(random.pairs).labels) == list(range(14))


def test_an_unknown_clusterer_is_named():
    with pytest.raises(UsageError, match="'linkage', 'odac', 'random'"):
        new_clusterer("kmeans")
