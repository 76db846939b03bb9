"""Hold the binary tree of labels that ODAC divides, and the distances between its labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.pair_counts import PairCounts

_SWEEPS = 10  # largest number of passes that move labels between the two halves


@dataclass
class Node:
    """Hold a cluster of labels: divided if it has children, a leaf otherwise."""

    labels: list[int]
    children: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all nodes below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def leaves(self) -> list["Node"]:
        """Return the leaves below this node."""
        return [node for node in self.walk() if not node.children]

    def to_json(self) -> list[Any]:
        """Return the node as a JSON value."""
        return [self.labels, [child.to_json() for child in self.children]]

    @classmethod
    def from_json(cls, value: Any) -> "Node":
        """Rebuild a node from :meth:`to_json`."""
        labels, children = value
        return cls([int(label) for label in labels], [cls.from_json(child) for child in children])


def pruned(node: Node | None) -> Node | None:
    """Drop empty leaves and update the labels of inner nodes."""
    if node is None or not node.children:
        return node if node is not None and node.labels else None
    kept = [child for child in map(pruned, node.children) if child is not None]
    if len(kept) < 2:
        return kept[0] if kept else None
    node.children = kept
    node.labels = sorted(label for child in kept for label in child.labels)
    return node


class LabelDistances:
    """Hold the current distances between the labels of the tree."""

    def __init__(self, pairs: PairCounts, kappa: float, labels: list[int]) -> None:
        self._place = np.full(pairs.counts.size, -1)
        self._place[labels] = np.arange(len(labels))
        a, b, _ = pairs.pairs()
        x, y = self._place[a], self._place[b]
        kept = (x >= 0) & (y >= 0)
        self._distance = np.ones((len(labels), len(labels)))
        x, y = x[kept], y[kept]
        self._distance[x, y] = self._distance[y, x] = 1.0 - pairs.jaccard(kappa)[kept]
        np.fill_diagonal(self._distance, 0.0)

    def among(self, labels: list[int]) -> NDArray[np.float64]:
        """Return the distances between labels, of shape (labels, labels)."""
        places = self._place[labels]
        return self._distance[np.ix_(places, places)]

    def diameter(self, nodes: list[Node]) -> float:
        """Return the mean distance over all pairs inside the nodes; 1 without pairs."""
        pairs = sum(len(n.labels) * (len(n.labels) - 1) for n in nodes)
        total = sum(float(self.among(n.labels).sum()) for n in nodes)
        return total / pairs if pairs else 1.0

    def lopsided(self, labels: list[int]) -> tuple[float, float]:
        """Return (d1 - d0) |d1 + d0 - 2 d|, and d1 minus the second largest distance."""
        one = np.sort(self.among(labels)[np.triu_indices(len(labels), 1)])
        skew = (one[-1] - one[0]) * abs(one[-1] + one[0] - 2 * one.mean())
        return float(skew), float(one[-1] - one[-2])

    def between(self, left: list[int], right: list[int]) -> float:
        """Return the mean distance over the pairs between two sets of labels."""
        return float(self._distance[np.ix_(self._place[left], self._place[right])].mean())

    def halves(self, labels: list[int]) -> list[Node]:
        """Divide labels by the farthest pair, then move each to the half nearer on average.

        Among equally far pairs, the one with the smallest total distance to all labels is used.
        """
        distance = self.among(labels)
        total = distance.sum(1)
        far = np.where(distance >= distance.max() - 1e-12, total[:, None] + total, np.inf)
        np.fill_diagonal(far, np.inf)
        i, j = np.unravel_index(int(far.argmin()), far.shape)
        right = distance[:, j] < distance[:, i]
        right[i], right[j] = False, True
        size = np.array([(~right).sum(), right.sum()])
        sums = np.stack((distance[:, ~right].sum(1), distance[:, right].sum(1)))
        for _ in range(_SWEEPS):
            moved = False
            for x in range(len(labels)):
                here, there = int(right[x]), int(not right[x])
                own = sums[here, x] / max(size[here] - 1, 1)
                if size[here] > 1 and sums[there, x] / size[there] < own - 1e-12:
                    right[x] = not right[x]
                    size[here] -= 1
                    size[there] += 1
                    sums[here] -= distance[x]
                    sums[there] += distance[x]
                    moved = True
            if not moved:
                break
        sides = np.array(labels)[~right], np.array(labels)[right]
        return [Node(side.tolist()) for side in sides]
