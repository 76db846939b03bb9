"""Cluster labels by divisive-agglomerative clustering (ODAC).

The iHOMER paper uses the rule of ODAC (Rodrigues, Gama and Pedroso 2008). This variant uses the
distance 1 - J and means over pairs. ODAC itself compares the two farthest pairs; among sparse
labels these never occur together, so their distances are always 1.
"""

import heapq
import math
from collections.abc import Mapping
from typing import Any

from growlabels.base.errors import RunError, UsageError, number_of
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.graph import LabelGraph, forest, labels_of, singles, without
from growlabels.stream.clusters.linkage import Branch, Cluster, Linkage
from growlabels.stream.clusters.odac_tree import LabelDistances, Node, pruned
from growlabels.stream.clusters.pace import Pace
from growlabels.stream.clusters.pair_counts import PairCounts

_LEAVE = 0.5  # a label leaves when no link is significant even at this share of z


class OdacPartition:
    """Divide labels from the top into one binary tree, whose leaves are the clusters.

    Each check has four steps.

    1. A label without any significant link leaves its leaf.
    2. A label outside the tree with a significant link joins the leaf of its strongest partner.
    3. Inner nodes merge. The diameter of a node is its mean distance 1 - J over all pairs. An
       inner node merges when its diameter is below the mean over the pairs inside its leaves by
       more than a Hoeffding bound (range 1, as many observations as rows).
    4. Leaves split, the one with the largest diameter first.

    A leaf splits when one of two gains exceeds the bound. The first is the decrease of the mean
    distance inside its two halves. The second is the statistic of ODAC, ``(d1 - d0) |d1 + d0 -
    2 d|``, with largest distance d1, smallest distance d0 and diameter d. In both cases, d1 must
    exceed the second largest distance by the bound, unless the bound is below ``tau``. The mean
    distance inside the halves must not exceed the diameter.

    After a change, the next changes wait until the evidence has doubled, or for a drift alarm.

    Parameters
    ----------
    delta
        Probability of a wrong change, in (0, 1); default 0.05. It is divided by the number of
        tests so far.
    tau
        Bound below which a tie between the two largest distances no longer prevents a split, in
        (0, 1]; default 0.1.
    max_labels
        Largest number of labels in a cluster, at least 2; default 32. A larger cluster is split
        without a test.
    kappa
        Shrinkage of the Jaccard index in rows, at least 0; default 1. See
        :meth:`PairCounts.jaccard`.
    z
        Width of the significance test in standard errors, at least 0; default 4. See
        :meth:`PairCounts.significant`.

    Notes
    -----
    The cost of a check is quadratic in the number of labels in the tree.

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
        self.delta: float = delta
        self.tau: float = tau
        self.max_labels: int = max_labels
        self.kappa: float = kappa
        self.z: float = z
        self._root: Node | None = None
        self._pool: Cluster = ()
        self._tests = 0
        self._pace = Pace()

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters of two or more labels, each ascending, ordered by first label."""
        leaves = self._root.leaves() if self._root else []
        return tuple(sorted(c for leaf in leaves for c in _published(leaf)))

    @property
    def pool(self) -> Cluster:
        """Return the labels seen so far that are in no cluster."""
        return self._pool

    def check(self, pairs: PairCounts, row: int) -> list[Event]:
        """Update the partition from the current counts and return the changes made.

        Parameters
        ----------
        pairs
            Counts of all rows so far.
        row
            Number of rows learned; it must never decrease.
        """
        if not self._pace.allows(pairs.n, row):
            self._pool = without(range(pairs.counts.size), self.clusters)
            return []
        graph = LabelGraph(pairs, self.kappa, self.z)
        events = self._leave(pairs, row) + self._join(graph, pairs, row)
        if self._root is not None:
            distances = LabelDistances(pairs, self.kappa, self._root.labels)
            events += self._merge(distances, pairs.n, row) + self._split(distances, pairs.n, row)
        self._pool = without(graph.labels, self.clusters)
        if events:
            self._pace.changed(pairs.n, row)
        return events

    def alarm(self, row: int, statistic: float, bound: float) -> list[Event]:
        """Dissolve all clusters after a global alarm."""
        before = self.clusters
        self._root = None
        self._pool = tuple(sorted({*self._pool, *labels_of(before, ())}))
        if not before:
            return []
        return [Event(row, "dissolve", labels_of(before, ()), statistic, bound, before, ())]

    def tree(self, pairs: PairCounts) -> Branch:
        """Return all labels as one tree that contains the clusters."""
        graph = LabelGraph(pairs, self.kappa, self.z)
        top = []
        if self._root is not None:
            distances = LabelDistances(pairs, self.kappa, self._root.labels)
            top = _branches(self._root, distances, graph)
        alone = without(graph.labels, self.clusters)
        return forest([*top, *singles(alone)])

    def state(self) -> dict[str, Any]:
        """Return the whole state as a JSON value."""
        return {
            "settings": [self.delta, self.tau, self.max_labels, self.kappa, self.z],
            "root": self._root.to_json() if self._root else None,
            "pool": list(self._pool),
            "tests": self._tests,
            "pace": self._pace.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "OdacPartition":
        """Rebuild a partition from :meth:`state`; it continues exactly as the original would."""
        try:
            made = cls(*state["settings"])
            made._root = Node.from_json(state["root"]) if state["root"] else None
            made._pool = tuple(state["pool"])
            made._tests = int(state["tests"])
            made._pace = Pace.from_state(state["pace"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"not the state of a partition ({error}); save the model again"
            ) from error
        return made

    def _leave(self, pairs: PairCounts, row: int) -> list[Event]:
        """Remove labels that have no significant link any more."""
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
        self._root = pruned(self._root)
        return events

    def _join(self, graph: LabelGraph, pairs: PairCounts, row: int) -> list[Event]:
        """Add linked labels to the leaf of their strongest partner, or to a new leaf."""
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
            leaf = Node(sorted(best))
            least = min(more for more, _ in best.values())
            after = _published(leaf)
            events.append(Event(row, "form", after[0], least, 0.0, (), after))
            self._root = Node([], [self._root, leaf]) if self._root else leaf
        self._root = pruned(self._root)
        return events

    def _bound(self, rows: float) -> float:
        """Count one test and return its Hoeffding bound."""
        self._tests += 1
        return math.sqrt(math.log(self._tests / self.delta) / (2 * max(rows, 1e-9)))

    def _merge(self, distances: LabelDistances, rows: float, row: int) -> list[Event]:
        """Merge inner nodes that are tighter than their leaves."""
        events = []
        assert self._root is not None
        inner = [n for n in self._root.walk() if n.children and len(n.labels) <= self.max_labels]
        merged: set[int] = set()
        for node in sorted(inner, key=lambda n: (-distances.diameter([n]), n.labels)):
            if id(node) in merged:
                continue  # a node above it was merged
            bound = self._bound(rows)
            gain = distances.diameter(node.leaves()) - distances.diameter([node])
            if gain > bound:
                before = tuple(sorted(c for leaf in node.leaves() for c in _published(leaf)))
                merged |= {id(below) for below in node.walk()}
                node.children = []
                after = _published(node)
                kind = "merge" if len(before) > 1 else "grow" if before else "form"
                events.append(Event(row, kind, after[0], gain, bound, before, after))
        return events

    def _split(self, distances: LabelDistances, rows: float, row: int) -> list[Event]:
        """Split leaves that pass the test or that are too large."""
        events = []
        assert self._root is not None
        waiting: list[tuple[float, list[int], Node]] = []

        def wait(nodes: list[Node]) -> None:
            for node in nodes:
                if len(node.labels) > 2:
                    heapq.heappush(waiting, (-distances.diameter([node]), node.labels, node))

        wait(self._root.leaves())
        while waiting:
            leaf = heapq.heappop(waiting)[2]
            halves = distances.halves(leaf.labels)
            if len(leaf.labels) > self.max_labels:
                gain, bound = float(len(leaf.labels)), float(self.max_labels)
            else:
                bound = self._bound(rows)
                gain, lead = distances.lopsided(leaf.labels)
                saved = distances.diameter([leaf]) - distances.diameter(halves)
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


def _published(leaf: Node) -> tuple[Cluster, ...]:
    """Return the cluster of a leaf; nothing for a single label."""
    return (tuple(leaf.labels),) if len(leaf.labels) > 1 else ()


def _branches(node: Node, distances: LabelDistances, graph: LabelGraph) -> list[Branch]:
    """Return the tree below a node as one branch, without single labels; or no branch."""
    if not node.children:
        if len(node.labels) < 2:
            return []
        roots = Linkage(singles(node.labels), graph.links).run()
        return roots if len(roots) == 1 else [forest(roots)]
    below = [branch for child in node.children for branch in _branches(child, distances, graph)]
    if len(below) < 2:
        return below
    height = 1.0 - distances.between(list(below[0].labels), list(below[1].labels))
    labels = tuple(sorted(below[0].labels + below[1].labels))
    return [Branch(labels, height, tuple(below))]
