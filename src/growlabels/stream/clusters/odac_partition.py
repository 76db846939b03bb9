"""Divisive-agglomerative clusters of labels: split where it pays, merge back where it does not.

The rule of ODAC (Rodrigues, Gama and Pedroso 2008) that the iHOMER paper uses, with the distance
1 - J and with means over pairs in place of the two farthest pairs, which never meet among sparse
labels: their distances are all 1 for ever.
"""

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import RunError, UsageError, number_of
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.graph import LabelGraph, forest, labels_of, singles, without
from growlabels.stream.clusters.linkage import Branch, Cluster, Linkage
from growlabels.stream.clusters.pace import Pace
from growlabels.stream.clusters.pair_counts import PairCounts

_LEAVE = 0.5  # a label leaves where the gate is shut even at this share of its width
_SWEEPS = 10


@dataclass
class _Node:
    """A cluster that was divided, or one that stands (no children)."""

    labels: list[int]
    children: list["_Node"] = field(default_factory=list)

    def walk(self) -> Iterator["_Node"]:
        yield self
        for child in self.children:
            yield from child.walk()

    def leaves(self) -> list["_Node"]:
        return [node for node in self.walk() if not node.children]

    def to_json(self) -> list[Any]:
        return [self.labels, [child.to_json() for child in self.children]]

    @classmethod
    def from_json(cls, value: Any) -> "_Node":
        labels, children = value
        return cls([int(label) for label in labels], [cls.from_json(child) for child in children])


class OdacPartition:
    """Clusters by division from the top: one binary tree of labels, its leaves the clusters.

    At each check, labels that now go with another significantly join the leaf of their best
    partner; labels that go with nobody any more leave. Then nodes are visited in the order of
    their diameter d, the mean distance 1 - J over all pairs. A leaf is split where a Hoeffding
    bound (range 1, as many observations as rows) is exceeded by what the mean over the pairs
    inside the two halves is lower than d, or by how lopsided its distances are, as in ODAC:
    ``(d1 - d0) |d1 + d0 - 2 d|``, d1 the largest and d0 the smallest distance. Then d1 must also
    lead the next distance by the bound, or the bound be below ``tau``, and the halves must not
    be looser than the whole. An inner node is merged where its diameter is lower, by more than
    the bound, than the mean over the pairs inside its leaves. After changes the next ones wait
    until as many rows have come again as the counts held, or for a drift alarm.

    Parameters
    ----------
    delta
        Chance of a wrong act; divided by the number of tests so far. In (0, 1).
    tau
        A tie of the two farthest pairs is broken once the bound is below this. In (0, 1].
    max_labels
        Largest cluster, at least 2; a larger one is split without a test.
    kappa, z
        Shrinkage of the Jaccard index and width of the significance gate; see
        :class:`PairCounts`.

    Notes
    -----
    A check costs the square of the number of labels with company.

    References
    ----------
    Rodrigues, Gama and Pedroso, "Hierarchical clustering of time-series data streams", IEEE
    TKDE 2008; Neves, Lourenço, Cano and Marreiros, ECAI 2025, section on label clustering.

    Examples
    --------
    >>> import numpy as np
    >>> pairs, partition = PairCounts(), OdacPartition()
    >>> for row in range(1, 301):
    ...     pairs.learn(np.array([[0, 1], [2, 3], [4]][row % 3]))
    >>> for event in partition.check(pairs, 300):
    ...     print(event.kind, event.before, event.after)
    form () ((0, 1, 2, 3),)
    split ((0, 1, 2, 3),) ((0, 1), (2, 3))
    >>> partition.clusters, partition.pool
    (((0, 1), (2, 3)), (4,))
    """

    def __init__(
        self,
        delta: float = 0.05,
        tau: float = 0.1,
        max_labels: int = 32,
        kappa: float = 1.0,
        z: float = 4.0,
    ) -> None:
        if not 0 < number_of(delta) < 1:
            raise UsageError.parameter("delta", "must be between 0 and 1", delta)
        UsageError.require_above_zero("tau", tau, 1)
        UsageError.require_whole("max_labels", max_labels, 2)
        for name, value in (("kappa", kappa), ("z", z)):
            if not 0 <= number_of(value) < math.inf:
                raise UsageError.parameter(name, "must be a number of at least 0", value)
        self.delta, self.tau, self.max_labels = delta, tau, max_labels
        self.kappa, self.z = kappa, z
        self._root: _Node | None = None
        self._pool: Cluster = ()
        self._tests = 0
        self._pace = Pace()

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Clusters of two labels or more, each ascending, ordered by first label."""
        leaves = self._root.leaves() if self._root else []
        return tuple(sorted(c for leaf in leaves for c in _published(leaf)))

    @property
    def pool(self) -> Cluster:
        """Labels up to the highest index seen that are in no cluster."""
        return self._pool

    def check(self, pairs: PairCounts, row: int) -> list[Event]:
        """Compare the partition with what the counts say now; return the changes made.

        Parameters
        ----------
        pairs
            The counts of all rows so far.
        row
            Number of rows learned; it never falls.
        """
        if not self._pace.allows(pairs.n, row):
            self._pool = without(range(pairs.counts.size), self.clusters)
            return []
        graph = LabelGraph(pairs, self.kappa, self.z)
        events = self._leave(pairs, row) + self._join(graph, pairs, row)
        if self._root is not None:
            space = _Space(pairs, self.kappa, self._root.labels)
            events += self._merge(space, pairs.n, row) + self._split(space, pairs.n, row)
        self._pool = without(graph.labels, self.clusters)
        if events:
            self._pace.changed(pairs.n, row)
        return events

    def alarm(self, row: int, statistic: float, bound: float) -> list[Event]:
        """Start from the top again, after a global alarm with this evidence."""
        before = self.clusters
        self._root = None
        self._pool = tuple(sorted({*self._pool, *labels_of(before, ())}))
        if not before:
            return []
        return [Event(row, "dissolve", labels_of(before, ()), statistic, bound, before, ())]

    def tree(self, pairs: PairCounts) -> Branch:
        """Return the labels as one tree: clusters, what is inside them and above them."""
        graph = LabelGraph(pairs, self.kappa, self.z)
        top = []
        if self._root is not None:
            space = _Space(pairs, self.kappa, self._root.labels)
            top = _branches(self._root, space, graph)
        alone = without(graph.labels, self.clusters)
        return forest([*top, *singles(alone)])

    def state(self) -> dict[str, Any]:
        """Give the whole state as a JSON value."""
        return {
            "settings": [self.delta, self.tau, self.max_labels, self.kappa, self.z],
            "root": self._root.to_json() if self._root else None,
            "pool": list(self._pool),
            "tests": self._tests,
            "pace": self._pace.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "OdacPartition":
        """Rebuild from :meth:`state`; goes on exactly as the original would."""
        try:
            made = cls(*state["settings"])
            made._root = _Node.from_json(state["root"]) if state["root"] else None
            made._pool = tuple(state["pool"])
            made._tests = int(state["tests"])
            made._pace = Pace.from_state(state["pace"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"not the state of a partition ({error}); save it again") from error
        return made

    def _leave(self, pairs: PairCounts, row: int) -> list[Event]:
        """Let labels go that have no company any more."""
        if self._root is None:
            return []
        a, b, _ = pairs.pairs()
        held = pairs.significant(_LEAVE * self.z)
        linked = set(a[held].tolist()) | set(b[held].tolist())
        events = []
        for leaf in self._root.leaves():
            gone = [label for label in leaf.labels if label not in linked]
            if gone:
                before = _published(leaf)
                leaf.labels = [label for label in leaf.labels if label in linked]
                after = _published(leaf)
                if before:
                    kind = "shrink" if after else "dissolve"
                    events.append(Event(row, kind, labels_of(before, after), 0.0, 0.0, before,
                                        after))  # fmt: skip
        self._root = _pruned(self._root)
        return events

    def _join(self, graph: LabelGraph, pairs: PairCounts, row: int) -> list[Event]:
        """Let labels that have found company join their best partner's leaf, or form one."""
        home = {
            x: leaf for leaf in (self._root.leaves() if self._root else []) for x in leaf.labels
        }
        best: dict[int, tuple[float, int]] = {}
        for x, near in graph.near.items():
            if x not in home:
                best[x] = max((more, -y) for y, more in near)
        events = []
        while joined := {x: home[-y] for x, (_, y) in best.items() if -y in home}:
            for leaf in {id(leaf): leaf for leaf in joined.values()}.values():
                new = sorted(x for x, to in joined.items() if to is leaf)
                before = _published(leaf)
                leaf.labels = sorted([*leaf.labels, *new])
                after = _published(leaf)
                kind = "grow" if before else "form"
                least = min(best[x][0] for x in new)
                events.append(Event(row, kind, after[0], least, 0.0, before, after))
            home |= joined
            best = {x: partner for x, partner in best.items() if x not in joined}
        if best:
            leaf = _Node(sorted(best))
            least = min(more for more, _ in best.values())
            after = _published(leaf)
            events.append(Event(row, "form", after[0], least, 0.0, (), after))
            self._root = _Node([], [self._root, leaf]) if self._root else leaf
        self._root = _pruned(self._root)
        return events

    def _bound(self, rows: float) -> float:
        self._tests += 1
        return math.sqrt(math.log(self._tests / self.delta) / (2 * max(rows, 1e-9)))

    def _merge(self, space: "_Space", rows: float, row: int) -> list[Event]:
        events = []
        assert self._root is not None
        inner = [n for n in self._root.walk() if n.children and len(n.labels) <= self.max_labels]
        merged: set[int] = set()
        for node in sorted(inner, key=lambda n: (-space.diameter([n]), n.labels)):
            if id(node) in merged:
                continue  # a node above it was merged
            bound = self._bound(rows)
            gain = space.diameter(node.leaves()) - space.diameter([node])
            if gain > bound:
                before = tuple(sorted(c for leaf in node.leaves() for c in _published(leaf)))
                merged |= {id(below) for below in node.walk()}
                node.children = []
                after = _published(node)
                kind = "merge" if len(before) > 1 else "grow" if before else "form"
                events.append(Event(row, kind, after[0], gain, bound, before, after))
        return events

    def _split(self, space: "_Space", rows: float, row: int) -> list[Event]:
        events = []
        assert self._root is not None
        waiting: list[tuple[float, list[int], _Node]] = []

        def wait(nodes: list[_Node]) -> None:
            for node in nodes:
                if len(node.labels) > 2:
                    heapq.heappush(waiting, (-space.diameter([node]), node.labels, node))

        wait(self._root.leaves())
        while waiting:
            leaf = heapq.heappop(waiting)[2]
            halves = space.halves(leaf.labels)
            if len(leaf.labels) > self.max_labels:
                gain, bound = float(len(leaf.labels)), float(self.max_labels)
            else:
                bound = self._bound(rows)
                gain, lead = space.lopsided(leaf.labels)
                saved = space.diameter([leaf]) - space.diameter(halves)
                gain = max(gain, saved)
                if saved < 0 or gain <= bound or (bound >= self.tau and lead <= bound):
                    continue
            before = _published(leaf)
            leaf.children = halves
            wait(halves)
            after = tuple(sorted(c for half in halves for c in _published(half)))
            kind = "split" if len(after) > 1 else "shrink"
            events.append(Event(row, kind, before[0], gain, bound, before, after))
        return events


class _Space:
    """Distances between the labels of the tree at one moment."""

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
        """Return the distances, (labels, labels)."""
        places = self._place[labels]
        return self._distance[np.ix_(places, places)]

    def diameter(self, nodes: list[_Node]) -> float:
        """Mean distance over all pairs inside the nodes; 1 where there is no pair."""
        pairs = sum(len(n.labels) * (len(n.labels) - 1) for n in nodes)
        total = sum(float(self.among(n.labels).sum()) for n in nodes)
        return total / pairs if pairs else 1.0

    def lopsided(self, labels: list[int]) -> tuple[float, float]:
        """Return (d1 - d0) |d1 + d0 - 2 d|, and the lead of d1 over the next distance."""
        one = np.sort(self.among(labels)[np.triu_indices(len(labels), 1)])
        skew = (one[-1] - one[0]) * abs(one[-1] + one[0] - 2 * one.mean())
        return float(skew), float(one[-1] - one[-2])

    def between(self, left: list[int], right: list[int]) -> float:
        """Mean distance over the pairs across."""
        return float(self._distance[np.ix_(self._place[left], self._place[right])].mean())

    def halves(self, labels: list[int]) -> list[_Node]:
        """Divide by the farthest pair, then move labels to the half that is nearer on average.

        Of several farthest pairs the one with most company is taken.
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
        return [_Node(side.tolist()) for side in sides]


def _published(leaf: _Node) -> tuple[Cluster, ...]:
    return (tuple(leaf.labels),) if len(leaf.labels) > 1 else ()


def _pruned(node: _Node | None) -> _Node | None:
    """Drop empty leaves and bring the labels of inner nodes up to date."""
    if node is None or not node.children:
        return node if node is not None and node.labels else None
    kept = [child for child in map(_pruned, node.children) if child is not None]
    if len(kept) < 2:
        return kept[0] if kept else None
    node.children = kept
    node.labels = sorted(label for child in kept for label in child.labels)
    return node


def _branches(node: _Node, space: _Space, graph: LabelGraph) -> list[Branch]:
    """Return the tree below a node, labels that stand alone left out: one branch or none."""
    if not node.children:
        if len(node.labels) < 2:
            return []
        roots = Linkage(singles(node.labels), graph.links).run()
        return roots if len(roots) == 1 else [forest(roots)]
    below = [branch for child in node.children for branch in _branches(child, space, graph)]
    if len(below) < 2:
        return below
    height = 1.0 - space.between(list(below[0].labels), list(below[1].labels))
    labels = tuple(sorted(below[0].labels + below[1].labels))
    return [Branch(labels, height, tuple(below))]
