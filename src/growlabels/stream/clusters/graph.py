"""Build the graph of significant label pairs; compare sets of clusters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.linkage import Branch, Cluster
from growlabels.stream.clusters.pair_counts import PairCounts


class LabelGraph:
    """Hold the label pairs that co-occur significantly in the current counts.

    Parameters
    ----------
    pairs
        Current counts.
    kappa
        Shrinkage of the Jaccard index, at least 0; see :meth:`PairCounts.jaccard`.
    z
        Width of the significance test, at least 0; see :meth:`PairCounts.significant`.
    """

    def __init__(self, pairs: PairCounts, kappa: float, z: float) -> None:
        a, b, _ = pairs.pairs()
        kept = pairs.significant(z)
        a, b = a[kept], b[kept]
        self.similarities: NDArray[np.float64] = pairs.jaccard(kappa)[kept]
        self.keys: NDArray[np.int64] = (a << 32) | b
        self.links: list[tuple[Any, Any, Any]] = list(
            zip(a.tolist(), b.tolist(), self.similarities.tolist(), strict=True)
        )
        self.near: dict[int, list[tuple[int, float]]] = {}
        excess = self.similarities - pairs.chance()[kept]
        for x, y, more in zip(a.tolist(), b.tolist(), excess.tolist(), strict=True):
            self.near.setdefault(x, []).append((y, more))
            self.near.setdefault(y, []).append((x, more))
        self._counts, self._rows = pairs.counts, pairs.n
        self.labels: Cluster = tuple(range(self._counts.size))

    def contrast(self, labels: Sequence[int], clusters: Sequence[Cluster]) -> float:
        """Return the mean contrast of labels between clusters.

        The contrast of a label is its mean Jaccard index above chance with its own cluster,
        minus the highest such mean with another cluster.
        """
        owner = {label: i for i, cluster in enumerate(clusters) for label in cluster}
        total = 0.0
        for label in labels:
            sums: dict[int, float] = {}
            for other, more in self.near.get(label, ()):
                if other in owner:
                    sums[owner[other]] = sums.get(owner[other], 0.0) + more
            if label in owner:
                own = owner[label]
                total += sums.pop(own, 0.0) / max(len(clusters[own]) - 1, 1)
            total -= max((s / len(clusters[i]) for i, s in sums.items()), default=0.0)
        return total / len(labels)

    def rows_with(self, labels: Sequence[int]) -> float:
        """Return the number of rows with any of the labels, as if labels were independent."""
        shares = np.minimum(self._counts[list(labels)] / max(self._rows, 1e-300), 1.0)
        return float(self._rows * (1.0 - np.prod(1.0 - shares)))


def differences(
    old: Sequence[Cluster], new: Sequence[Cluster]
) -> list[tuple[tuple[Cluster, ...], tuple[Cluster, ...]]]:
    """Group the clusters that differ by shared labels; return (before, after) of each group."""
    groups: list[tuple[list[Cluster], list[Cluster]]] = []
    same = set(old) & set(new)
    for side, clusters in enumerate((old, new)):
        for cluster in clusters:
            if cluster in same:
                continue
            touched = [group for group in groups if set(labels_of(*group)) & set(cluster)]
            merged: tuple[list[Cluster], list[Cluster]] = ([], [])
            merged[side].append(cluster)
            for group in touched:
                merged[0].extend(group[0])
                merged[1].extend(group[1])
                groups.remove(group)
            groups.append(merged)
    changes = [(tuple(sorted(before)), tuple(sorted(after))) for before, after in groups]
    return sorted(changes, key=lambda change: labels_of(*change))


def labels_of(before: Sequence[Cluster], after: Sequence[Cluster]) -> Cluster:
    """Return all labels of the clusters, ascending."""
    return tuple(sorted({label for cluster in (*before, *after) for label in cluster}))


def kind_of(before: tuple[Cluster, ...], after: tuple[Cluster, ...]) -> str:
    """Return the kind of event that turns the clusters ``before`` into ``after``."""
    if not before:
        return "form"
    if not after:
        return "dissolve"
    old, new = (sum(map(len, side)) for side in (before, after))
    if len(after) == 1 < len(before):
        return "merge"
    if len(before) == 1 < len(after):
        return "split"
    if len(before) == len(after) == 1 and old != new:
        return "grow" if new > old else "shrink"
    return "regroup"


def without(labels: Sequence[int], clusters: Sequence[Cluster]) -> Cluster:
    """Return the labels that are in none of the clusters."""
    taken = {label for cluster in clusters for label in cluster}
    return tuple(label for label in labels if label not in taken)


def singles(labels: Sequence[int]) -> list[Branch]:
    """Return one branch for each label."""
    return [Branch((label,), 1.0) for label in labels]


def forest(branches: Sequence[Branch]) -> Branch:
    """Return one root above all branches."""
    labels = tuple(sorted(label for branch in branches for label in branch.labels))
    return Branch(labels, 0.0, tuple(branches))
