"""Cluster a sparse graph of labels by average linkage."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Link = tuple[int, int, float]
Cluster = tuple[int, ...]


@dataclass(frozen=True)
class Branch:
    """Hold one node of a tree of labels.

    Attributes
    ----------
    labels
        Label indices below this node, ascending.
    height
        Mean Jaccard index between the two children, in [0, 1]; 1 for a single label.
    children
        Two branches; none for a single label. The root of a forest may have more than two.
    """

    labels: Cluster
    height: float
    children: tuple["Branch", ...] = ()


class Linkage:
    """Merge the two clusters with the highest mean link until no merge is allowed.

    A link that is missing from the graph counts as 0.

    Parameters
    ----------
    starts
        Branches to start from: single labels or whole clusters.
    links
        Links ``(a, b, J)`` between labels, with Jaccard index J in [0, 1]; each pair once.
    """

    def __init__(self, starts: Sequence[Branch], links: Iterable[Link]) -> None:
        self._branches = dict(enumerate(starts))
        owner = {label: i for i, start in enumerate(starts) for label in start.labels}
        self._sums: dict[int, dict[int, float]] = {i: {} for i in self._branches}
        for a, b, similarity in links:
            left, right = owner.get(a), owner.get(b)
            if left is not None and right is not None and left != right:
                for x, y in ((left, right), (right, left)):
                    self._sums[x][y] = self._sums[x].get(y, 0.0) + similarity
        # Tightness of a cluster: the mean J of its pairs; for a start, its highest link.
        self._tight = {i: max(self._height_all(i), default=0.0) for i in self._branches}

    def run(self, max_labels: int | None = None, share: float = 0.0) -> list[Branch]:
        """Merge as far as allowed and return the remaining branches in label order.

        Parameters
        ----------
        max_labels
            Largest number of labels in a cluster; None, the default, sets no limit.
        share
            Share, in [0, 1], of the tighter cluster's own mean link that the mean link between
            two clusters must reach; default 0.
        """
        heap: list[tuple[float, int, int]] = []

        def offer(x: int, y: int) -> None:
            size = len(self._branches[x].labels) + len(self._branches[y].labels)
            height = self._height(x, y)
            if (max_labels is None or size <= max_labels) and height >= share * max(
                self._tight[x], self._tight[y]
            ):
                heapq.heappush(heap, (-height, min(x, y), max(x, y)))

        for x, row in self._sums.items():
            for y in row:
                if x < y:
                    offer(x, y)
        new = len(self._branches)
        while heap:
            _, x, y = heapq.heappop(heap)
            if x in self._branches and y in self._branches:
                self._merge(x, y, new)
                for other in self._sums[new]:
                    offer(new, other)
                new += 1
        return sorted(self._branches.values(), key=lambda branch: branch.labels)

    def _height(self, x: int, y: int) -> float:
        """Return the mean link between two clusters."""
        pairs = len(self._branches[x].labels) * len(self._branches[y].labels)
        return self._sums[x][y] / pairs

    def _height_all(self, x: int) -> list[float]:
        """Return the mean links of a cluster to all linked ones."""
        return [self._height(x, y) for y in self._sums[x]]

    def _merge(self, x: int, y: int, new: int) -> None:
        """Replace clusters ``x`` and ``y`` by the cluster ``new``."""
        height = self._height(x, y)
        left, right = self._branches.pop(x), self._branches.pop(y)
        if left.labels > right.labels:
            left, right = right, left
        labels = tuple(sorted(left.labels + right.labels))
        self._branches[new] = Branch(labels, height, (left, right))
        self._tight[new] = self._tightness(x, len(left.labels), y, len(right.labels), height)
        row, other = self._sums.pop(x), self._sums.pop(y)
        del row[y], other[x]
        for k, total in other.items():
            row[k] = row.get(k, 0.0) + total
        self._sums[new] = row
        for k, total in row.items():
            near = self._sums[k]
            near.pop(x, None)
            near.pop(y, None)
            near[new] = total

    def _tightness(self, x: int, size_x: int, y: int, size_y: int, height: float) -> float:
        """Return the mean link inside two merged clusters."""
        inside_x, inside_y = size_x * (size_x - 1) / 2, size_y * (size_y - 1) / 2
        between = size_x * size_y
        total = self._tight[x] * inside_x + self._tight[y] * inside_y + height * between
        return total / (inside_x + inside_y + between)
