"""One cluster's tree as it stands: what it is asked, and how clusters inherit trees."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.linkage import Cluster
from growlabels.stream.numeric.adwin import Monitor, empty_monitor
from growlabels.stream.numeric.numba import compiled
from growlabels.stream.paper.tree import (
    NEAREST,
    Tree,
    best_way,
    consult_leaf,
    forget_observations,
    lend_label,
    new_tree,
    relabelled_tree,
    route,
)

CLIP = 5.0


@compiled(error_model="numpy")
def standardised(x, rows, mean, spread, z):
    """Write 1 and the running z-scores of a row, clipped; 0 for a feature that never varied."""
    z[0] = 1.0
    for j in range(x.size):
        deviation = math.sqrt(spread[j] / rows) if rows > 0 and spread[j] > 0 else 0.0
        z[j + 1] = min(max((x[j] - mean[j]) / deviation, -CLIP), CLIP) if deviation > 0 else 0.0


@compiled(error_model="numpy")
def distances(x, rows, spread, window, filled, distance):
    """Write the squared Euclidean distances to the rows of the window, features scaled to 1."""
    scale = np.zeros(x.size)
    for j in range(x.size):
        scale[j] = rows / spread[j] if spread[j] > 0 else 0.0
    for k in range(filled):
        total = 0.0
        for j in range(x.size):
            away = x[j] - window[k, j]
            total += away * away * scale[j]
        distance[k] = total


@compiled(error_model="numpy")
def nearest_in_leaf(tree, leaf, features, window, filled, distance, near, close):
    """Write the nearest rows of the window that fall into a leaf; return how many."""
    found = 0
    for k in range(filled):
        if found == near.size and distance[k] >= close[found - 1]:
            continue
        if route(tree, window[k, :features]) != leaf:
            continue
        place = min(found, near.size - 1)
        while place > 0 and close[place - 1] > distance[k]:
            near[place], close[place] = near[place - 1], close[place - 1]
            place -= 1
        near[place], close[place] = k, distance[k]
        found = min(found + 1, near.size)
    return found


@dataclass
class ClusterTree:
    """What one cluster predicts with.

    Attributes
    ----------
    labels
        The cluster's labels, ascending, from 0.
    tree, alternate
        The tree in force, and one that grows since a local alarm and must prove itself.
    paired
        (3,): rows that both predicted, sum and sum of squares of the loss saved.
    monitor
        ADWIN on the loss of each row, 1 - Jaccard index within the cluster.
    """

    labels: NDArray[np.int64]
    tree: Tree
    alternate: Tree | None = None
    paired: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    monitor: Monitor = field(default_factory=empty_monitor)


@dataclass
class Moment:
    """One row, and what all trees share about it."""

    x: NDArray[np.float64]
    z: NDArray[np.float64]
    distance: NDArray[np.float64]
    window: NDArray[np.float64]
    window_labels: NDArray[np.uint8]
    filled: int

    def ask(
        self, tree: Tree, labels: NDArray[np.int64]
    ) -> tuple[int, int, NDArray[np.float64], NDArray[np.bool_]]:
        """Return the leaf, its best way to answer, and all three answers."""
        leaf = route(tree, self.x)
        near, close = np.empty(NEAREST, np.int64), np.empty(NEAREST)
        found = nearest_in_leaf(
            tree, leaf, self.x.size, self.window, self.filled, self.distance, near, close
        )
        share = np.empty((3, labels.size))
        picked = np.empty((3, labels.size), np.bool_)
        consult_leaf(
            tree, leaf, self.z, near[:found], close[:found], labels, self.window_labels, share,
            picked,
        )  # fmt: skip
        return leaf, best_way(tree, leaf), share, picked


def inherited(cluster: Cluster, old: list[ClusterTree], features: int) -> ClusterTree:
    """Make the tree of a cluster from those its labels come from.

    The heaviest stays (most nodes, then most of these labels); labels from others bring their
    frequency and their linear model; a label that is new to all starts from nothing.
    """
    labels = np.array(cluster, np.int64)
    givers = [c for c in old if np.isin(c.labels, labels).any()]
    if not givers:
        return ClusterTree(labels, new_tree(labels.size, max(features, 1)))
    heavy = max(givers, key=lambda c: (int(c.tree.used[0]), int(np.isin(c.labels, labels).sum())))
    if np.array_equal(heavy.labels, labels):
        return heavy
    place = {label: i for i, label in enumerate(heavy.labels.tolist())}
    source = np.array([place.get(label, -1) for label in cluster], np.int64)
    lost = not np.isin(heavy.labels, labels).all()
    tree = relabelled_tree(heavy.tree, source, fresh=lost)
    lent = False
    for giver in givers:
        if giver is not heavy:
            for at in np.flatnonzero(np.isin(labels, giver.labels)).tolist():
                at_giver = int(np.searchsorted(giver.labels, labels[at]))
                lend_label(giver.tree, at_giver, tree, at)
                lent = True
    if lent:
        forget_observations(tree)
    return ClusterTree(labels, tree)
