"""Partition labels into clusters by average linkage; change them only on evidence."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from growlabels.base.errors import RunError, UsageError, number_of
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.graph import (
    LabelGraph,
    differences,
    forest,
    kind_of,
    labels_of,
    singles,
    without,
)
from growlabels.stream.clusters.linkage import Branch, Cluster, Linkage
from growlabels.stream.clusters.pace import Pace
from growlabels.stream.clusters.pair_counts import PairCounts

_STILL = 0.02  # no new proposal while the links changed in total by at most this share


class LinkagePartition:
    """Group labels that occur together into disjoint clusters; all other labels form the pool.

    At each check, average linkage over the significant co-occurrences proposes new clusters.
    Each connected group of changes is tested separately. The contrast of its labels must rise by
    more than a Hoeffding bound, at this check and at the next. The contrast of a label is its
    mean Jaccard index above chance with its own cluster, minus the highest such mean with
    another cluster; the mean of a label in the pool with its own cluster is 0. All changes that
    pass the test are made at once. The next changes wait until the evidence has doubled, or for
    a drift alarm.

    Parameters
    ----------
    delta
        Probability of a wrong change, in (0, 1); default 0.05. It is divided by the number of
        tests so far.
    max_labels
        Largest number of labels in a cluster, at least 2; default 32.
    share
        Share, in (0, 1], of the tighter cluster's mean Jaccard index that the mean index between
        two clusters must reach before they merge; default 0.5.
    kappa
        Shrinkage of the Jaccard index in rows, at least 0; default 1. See
        :meth:`PairCounts.jaccard`.
    z
        Width of the significance test in standard errors, at least 0; default 3. See
        :meth:`PairCounts.significant`.

    Examples
    --------
    >>> import numpy as np
    >>> pairs, partition = PairCounts(), LinkagePartition()
    >>> for row in range(1, 301):
    ...     pairs.learn(np.array([[0, 1], [2, 3], [4]][row % 3]))
    ...     if row % 100 == 0:
    ...         for event in partition.check(pairs, row):
    ...             print(event.row, event.kind, event.after)
    200 form ((0, 1),)
    200 form ((2, 3),)
    >>> partition.clusters, partition.pool
    (((0, 1), (2, 3)), (4,))
    """

    def __init__(
        self,
        delta: float = 0.05,
        max_labels: int = 32,
        share: float = 0.5,
        kappa: float = 1.0,
        z: float = 3.0,
    ) -> None:
        if not 0 < number_of(delta) < 1:
            raise UsageError.parameter("delta", "must be between 0 and 1", delta)
        UsageError.require_whole("max_labels", max_labels, 2)
        for name, value in (("kappa", kappa), ("z", z)):
            if not 0 <= number_of(value) < math.inf:
                raise UsageError.parameter(name, "must be a number of at least 0", value)
        UsageError.require_above_zero("share", share, 1)
        self.delta: float = delta
        self.max_labels: int = max_labels
        self.share: float = share
        self.kappa: float = kappa
        self.z: float = z
        self._clusters: list[Cluster] = []
        self._pool: Cluster = ()
        self._pending: list[tuple[tuple[Cluster, ...], tuple[Cluster, ...]]] = []
        self._tests = 0
        self._pace = Pace()
        self._seen_keys = np.zeros(0, np.int64)
        self._seen_links = np.zeros(0)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters of two or more labels, each ascending, ordered by first label."""
        return tuple(self._clusters)

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
        self._pool = without(range(pairs.counts.size), self._clusters)
        if not self._pace.allows(pairs.n, row):
            return []
        graph = LabelGraph(pairs, self.kappa, self.z)
        if not self._pending and not self._moved(graph):
            return []
        events = []
        for before, after in self._pending:
            gain, bound = self._test(graph, before, after)
            if gain > bound:
                kept = [cluster for cluster in self._clusters if cluster not in before]
                self._clusters = sorted([*kept, *after])
                labels = labels_of(before, after)
                events.append(
                    Event(row, kind_of(before, after), labels, gain, bound, before, after)
                )
        self._pool = without(graph.labels, self._clusters)
        self._pending = []
        if events:
            self._pace.changed(pairs.n, row)
        if not self._pace.allows(pairs.n, row):
            return events
        for before, after in differences(self._clusters, self._proposal(graph)):
            gain, bound = self._test(graph, before, after)
            if gain > bound:
                self._pending.append((before, after))
        return events

    def alarm(self, row: int, statistic: float, bound: float) -> list[Event]:
        """Keep all clusters after a global alarm until the new counts contradict them."""
        return []

    def tree(self, pairs: PairCounts) -> Branch:
        """Return all labels as one tree that contains the clusters."""
        graph = LabelGraph(pairs, self.kappa, self.z)
        links = graph.links
        inside = []
        for cluster in self._clusters:
            roots = Linkage(singles(cluster), links).run()
            inside.append(roots[0] if len(roots) == 1 else forest(roots))
        above = Linkage(inside, links).run()
        return forest([*above, *singles(without(graph.labels, self._clusters))])

    def state(self) -> dict[str, Any]:
        """Return the whole state as a JSON value."""
        return {
            "settings": [self.delta, self.max_labels, self.share, self.kappa, self.z],
            "clusters": [list(cluster) for cluster in self._clusters],
            "pool": list(self._pool),
            "pending": [[list(map(list, side)) for side in change] for change in self._pending],
            "tests": self._tests,
            "pace": self._pace.state(),
            "seen_keys": self._seen_keys.tolist(),
            "seen_links": self._seen_links.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "LinkagePartition":
        """Rebuild a partition from :meth:`state`; it continues exactly as the original would."""
        try:
            made = cls(*state["settings"])
            made._clusters = [tuple(cluster) for cluster in state["clusters"]]
            made._pool = tuple(state["pool"])
            made._pending = [
                (tuple(map(tuple, before)), tuple(map(tuple, after)))
                for before, after in state["pending"]
            ]
            made._tests = int(state["tests"])
            made._pace = Pace.from_state(state["pace"])
            made._seen_keys = np.array(state["seen_keys"], np.int64)
            made._seen_links = np.array(state["seen_links"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"not the state of a partition ({error}); save the model again"
            ) from error
        return made

    def _moved(self, graph: "LabelGraph") -> bool:
        """Return whether the links changed enough since the last proposal for a new one."""
        keys = np.union1d(self._seen_keys, graph.keys)
        change = np.zeros(keys.size)
        change[np.searchsorted(keys, graph.keys)] = graph.similarities
        change[np.searchsorted(keys, self._seen_keys)] -= self._seen_links
        if np.abs(change).sum() <= _STILL * graph.similarities.sum():
            return False
        self._seen_keys, self._seen_links = graph.keys, graph.similarities
        return True

    def _proposal(self, graph: "LabelGraph") -> list[Cluster]:
        """Return the clusters that average linkage proposes."""
        linked = sorted(graph.near)
        roots = Linkage(singles(linked), graph.links).run(self.max_labels, self.share)
        return [root.labels for root in roots if len(root.labels) > 1]

    def _test(
        self, graph: "LabelGraph", before: tuple[Cluster, ...], after: tuple[Cluster, ...]
    ) -> tuple[float, float]:
        """Return the gain in contrast of a change and the bound that it must exceed."""
        labels = labels_of(before, after)
        others = [cluster for cluster in self._clusters if cluster not in before]
        gain = graph.contrast(labels, [*others, *after]) - graph.contrast(labels, self._clusters)
        self._tests += 1
        rows = max(graph.rows_with(labels), 1e-9)
        return gain, math.sqrt(math.log(self._tests / self.delta) / (2 * rows))
