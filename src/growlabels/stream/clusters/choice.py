"""Define the interface of a label clusterer, and make one of the three by name."""

from collections.abc import Mapping
from typing import Any, Protocol

from growlabels.base.errors import UsageError
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.graph import without
from growlabels.stream.clusters.linkage import Branch, Cluster
from growlabels.stream.clusters.linkage_partition import LinkagePartition
from growlabels.stream.clusters.odac_partition import OdacPartition
from growlabels.stream.clusters.pair_counts import PairCounts


class Clusterer(Protocol):
    """Group label indices into disjoint clusters; every change at a check is an event."""

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters of two or more labels, each ascending, ordered by first label."""
        ...

    @property
    def pool(self) -> Cluster:
        """Return the labels seen so far that are in no cluster."""
        ...

    def check(self, pairs: PairCounts, row: int) -> list[Event]:
        """Update the partition from the current counts and return the changes made."""
        ...

    def alarm(self, row: int, statistic: float, bound: float) -> list[Event]:
        """Handle a global drift alarm and return the changes made."""
        ...

    def tree(self, pairs: PairCounts) -> Branch:
        """Return all labels as one tree that contains the clusters."""
        ...

    def state(self) -> dict[str, Any]:
        """Return the whole state as a JSON value."""
        ...


class RandomPartition:
    """Draw random clusters with the number and sizes of those of a :class:`LinkagePartition`.

    This is a baseline for comparisons: useful clusters must do better than random ones. A random
    permutation of the labels seen so far renames the labels of the real clusters.

    Parameters
    ----------
    seed
        Seed of the permutation, a whole number; default 0.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._true = LinkagePartition()
        self._order: list[int] = []

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters of two or more labels, each ascending, ordered by first label."""
        return tuple(sorted(tuple(sorted(map(self._at, c))) for c in self._true.clusters))

    @property
    def pool(self) -> Cluster:
        """Return the labels seen so far that are in no cluster."""
        return without(range(len(self._order)), self.clusters)

    def check(self, pairs: PairCounts, row: int) -> list[Event]:
        """Apply the changes of the real partition to the permuted labels.

        New labels enter the permutation at random places.
        """
        for i in range(len(self._order), pairs.counts.size):
            j = _draw(self.seed, i) % (i + 1)  # one step of an inside-out Fisher-Yates shuffle
            self._order.append(i)
            self._order[i], self._order[j] = self._order[j], self._order[i]
        return [
            Event(e.row, e.kind, self._renamed(e.labels), e.statistic, e.bound,
                  tuple(map(self._renamed, e.before)), tuple(map(self._renamed, e.after)))
            for e in self._true.check(pairs, row)
        ]  # fmt: skip

    def alarm(self, row: int, statistic: float, bound: float) -> list[Event]:
        """Pass the alarm to the real partition, which keeps all clusters."""
        return self._true.alarm(row, statistic, bound)

    def tree(self, pairs: PairCounts) -> Branch:
        """Return the labels as a tree of two levels; the heights of its clusters are 0."""
        below = [Branch(c, 0.0, tuple(Branch((label,), 1.0) for label in c)) for c in self.clusters]
        alone = [Branch((label,), 1.0) for label in self.pool]
        return Branch(tuple(range(len(self._order))), 0.0, (*below, *alone))

    def state(self) -> dict[str, Any]:
        """Return the whole state as a JSON value."""
        return {"seed": self.seed, "order": self._order, "true": self._true.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "RandomPartition":
        """Rebuild a partition from :meth:`state`; it continues exactly as the original would."""
        made = cls(int(state["seed"]))
        made._order = [int(label) for label in state["order"]]
        made._true = LinkagePartition.from_state(state["true"])
        return made

    def _at(self, place: int) -> int:
        """Return the label that the permutation puts at a place."""
        return self._order[place]

    def _renamed(self, cluster: Cluster) -> Cluster:
        """Return a real cluster with permuted labels."""
        return tuple(sorted(map(self._at, cluster)))


def _draw(seed: int, i: int) -> int:
    """Return 64 pseudo-random bits that depend only on ``seed`` and ``i`` (splitmix64)."""
    mask = (1 << 64) - 1
    z = (seed * 0xD1342543DE82EF95 + (i + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


CLUSTERERS = {"linkage": LinkagePartition, "odac": OdacPartition, "random": RandomPartition}


def new_clusterer(name: str, seed: int = 0) -> Clusterer:
    """Make a clusterer by name; only ``"random"`` uses the seed.

    Raises
    ------
    UsageError
        If no clusterer has that name.
    """
    UsageError.require_choice("clusterer", name, CLUSTERERS)
    return RandomPartition(seed) if name == "random" else CLUSTERERS[name]()


def clusterer_state(clusterer: Clusterer) -> dict[str, Any]:
    """Return the name and state of a clusterer as a JSON value."""
    name = next(name for name, kind in CLUSTERERS.items() if type(clusterer) is kind)
    return {"clusterer": name, **clusterer.state()}


def clusterer_from_state(state: Mapping[str, Any]) -> Clusterer:
    """Rebuild a clusterer from :func:`clusterer_state`."""
    return CLUSTERERS[state.get("clusterer", "linkage")].from_state(state)
