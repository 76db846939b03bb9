"""Update pair counts, clusters and the global drift detector with each row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.choice import Clusterer, clusterer_from_state, clusterer_state
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.linkage import Cluster
from growlabels.stream.clusters.linkage_partition import LinkagePartition
from growlabels.stream.clusters.pace import AFRESH
from growlabels.stream.clusters.pair_counts import PairCounts
from growlabels.stream.numeric.adwin import Monitor, empty_monitor, watch
from growlabels.stream.numeric.numba import compiled

PAIRS_HALF_LIFE = 10_000.0
"""Number of rows after which a co-occurrence has half its weight."""
GLOBAL_DELTA = 0.0005
"""Default probability of a false alarm of the global drift detector."""


class Membership(NamedTuple):
    """Map labels to clusters for the compiled drift detector.

    Attributes
    ----------
    owner
        Array of shape (labels,): the index of each label's cluster; -1 in the pool.
    size
        Array of shape (clusters,): the number of labels in each cluster.
    """

    owner: NDArray[np.int64]
    size: NDArray[np.int64]


@compiled(error_model="numpy")
def row_cohesion(
    owner: NDArray[np.int64], size: NDArray[np.int64], labels: NDArray[np.int64]
) -> float:
    """Return the cohesion of a row, the mean over its clusters; -1 if it has no cluster.

    A cluster with c labels, k of them in the row, has the cohesion (k - 1) / (c - 1).
    """
    total, clusters = 0.0, 0
    for i in range(labels.size):
        own = owner[labels[i]] if labels[i] < owner.size else -1
        if own < 0:
            continue
        count, first = 0, True
        for j in range(labels.size):
            if labels[j] < owner.size and owner[labels[j]] == own:
                count += 1
                first = first and j >= i
        if first:
            total += (count - 1.0) / (size[own] - 1.0)
            clusters += 1
    return total / clusters if clusters else -1.0


@compiled(error_model="numpy")
def watch_cohesion(
    membership: Membership,
    monitor: Monitor,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int64],
    begin: int,
    end: int,
    delta: float,
    alarm: NDArray[np.float64],
) -> tuple[int, bool]:
    """Watch the rows ``begin`` to ``end - 1``; stop after a row at which cohesion has fallen.

    The old mean, the new mean and the bound are written to ``alarm``. Returns the next row and
    whether cohesion fell.
    """
    for row in range(begin, end):
        share = row_cohesion(
            membership.owner, membership.size, indices[indptr[row] : indptr[row + 1]]
        )
        if share >= 0.0:
            old, new, bound = watch(monitor, share, delta)
            if bound > 0.0 and new < old:
                alarm[0], alarm[1], alarm[2] = old, new, bound
                return row + 1, True
    return end, False


@dataclass
class Structure:
    """Hold the pair counts, the clusters and the global drift detector.

    The detector is ADWIN on the cohesion of each row: the share of a cluster's other labels that
    a label occurs with. The counts restart when cohesion falls or when a learner detects drift.
    The clusters then stay until the new counts contradict them. For the next 500 rows they are
    checked four times as often.

    Attributes
    ----------
    check_every
        Number of rows between checks of the clusters, at least 1.
    delta
        Probability of a false global alarm, in [0, 1); 0 disables the detector. Default 0.0005.
    """

    check_every: int
    delta: float = GLOBAL_DELTA
    partition: Clusterer = field(default_factory=LinkagePartition)
    pairs: PairCounts = field(default_factory=lambda: PairCounts(PAIRS_HALF_LIFE))
    monitor: Monitor = field(default_factory=empty_monitor)
    events: list[Event] = field(default_factory=list)
    rows: int = 0
    restarted: int = -AFRESH
    _membership: Membership = field(init=False)
    _watched: tuple[Cluster, ...] = ()

    def __post_init__(self) -> None:
        self._look()

    def learn(self, indptr: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        """Add rows of label indices in CSR form; checks fall at the same rows as one by one."""
        row, total = 0, indptr.size - 1
        alarm = np.zeros(3)
        while row < total:
            end = min(total, row + self._pause())
            fell = False
            begin = row
            if self.delta > 0 and self._watched:
                row, fell = watch_cohesion(
                    self._membership, self.monitor, indptr, indices, begin, end, self.delta, alarm
                )
            else:
                row = end
            part = indptr[begin : row + 1]
            self.pairs.learn_rows(part - part[0], indices[part[0] : part[-1]])
            self.rows += row - begin
            if fell:
                self._alarm(*alarm.tolist())
            if self.rows % self._step() == 0:
                self.events.extend(self.partition.check(self.pairs, self.rows))
                self._look()

    def restart(self) -> None:
        """Reset the counts after a learner detected drift; keep the clusters."""
        self.pairs.restart()
        self.restarted = self.rows

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the counts and the detector as plain arrays, for saving."""
        named: dict[str, NDArray[np.generic]] = {}
        named |= {f"pairs.{name}": array for name, array in self.pairs.arrays().items()}
        named |= {f"company.{name}": array for name, array in self.monitor._asdict().items()}
        return named

    def state(self) -> dict[str, Any]:
        """Return the rest of the state as a JSON value."""
        return {
            "partition": clusterer_state(self.partition),
            "events": [asdict(event) for event in self.events],
            "rows": self.rows,
            "restarted": self.restarted,
        }

    def fill(self, state: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore the state from :meth:`state` and :meth:`arrays`."""
        self.partition = clusterer_from_state(state["partition"])
        self.events = [_event(event) for event in state["events"]]
        self.rows, self.restarted = int(state["rows"]), int(state["restarted"])
        self.pairs = PairCounts.from_arrays(_below("pairs.", arrays))
        self._look()
        self.monitor = Monitor(**_below("company.", arrays))

    def _alarm(self, old: float, new: float, bound: float) -> None:
        """Record a global alarm and reset the counts and the detector."""
        labels = tuple(sorted(label for cluster in self.partition.clusters for label in cluster))
        self.events.append(Event(self.rows, "global drift", labels, old - new, bound))
        self.events.extend(self.partition.alarm(self.rows, old - new, bound))
        self.restart()
        self.monitor = empty_monitor()
        self._look()

    def _step(self) -> int:
        """Return the current number of rows between two checks."""
        if self.rows < self.restarted + AFRESH:
            return max(self.check_every // 4, 1)
        step = self.check_every
        if self.pairs.max_links is not None:  # with very many labels a check is slow
            step <<= max((self.rows // step).bit_length() - 2, 0)
        return step

    def _pause(self) -> int:
        """Return the number of rows until the next check."""
        step = self._step()
        return step - self.rows % step

    def _look(self) -> None:
        """Watch the current clusters; reset the detector if they changed."""
        clusters = self.partition.clusters
        if clusters != self._watched:
            self.monitor = empty_monitor()
        self._watched = clusters
        owner = np.full(self.pairs.counts.size, -1)
        for number, cluster in enumerate(clusters):
            owner[list(cluster)] = number
        self._membership = Membership(owner, np.array([len(c) for c in clusters], np.int64))


class Structured:
    """Expose the parts of an engine's :class:`Structure`."""

    structure: Structure

    @property
    def pairs(self) -> PairCounts:
        """Return the counts of labels and pairs."""
        return self.structure.pairs

    @property
    def partition(self) -> Clusterer:
        """Return the clusters of labels."""
        return self.structure.partition

    @property
    def events(self) -> list[Event]:
        """Return the events so far; labels are indices from 0."""
        return self.structure.events


def _below(prefix: str, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Any]:
    """Return the arrays whose names start with a prefix, without that prefix."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _event(event: Mapping[str, Any]) -> Event:
    """Rebuild an event from its JSON value."""
    return Event(
        event["row"],
        event["kind"],
        tuple(event["labels"]),
        event["statistic"],
        event["bound"],
        tuple(map(tuple, event["before"])),
        tuple(map(tuple, event["after"])),
        event["feature"],
    )
