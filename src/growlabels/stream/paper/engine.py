"""The system of the iHOMER paper and nothing else: clusters of labels, a Bernoulli tree in each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.choice import Clusterer
from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.tracker import Structure, Structured
from growlabels.stream.numeric.adwin import Monitor, empty_monitor, watch
from growlabels.stream.numeric.rows import Rows
from growlabels.stream.paper.cluster_tree import (
    ClusterTree,
    Moment,
    distances,
    inherited,
    standardised,
)
from growlabels.stream.paper.growth import GRACE, TIE, best_split, merit_bound, split_leaf
from growlabels.stream.paper.tree import (
    Tree,
    grown_tree,
    learn_leaf,
    new_tree,
    set_loss,
)

MOST_NODES = 127
SWAP_DELTA = 0.05
SWAP_AFTER = 50
SWAP_EVERY = 32
PATIENCE = 1000
"""Rows after which an alternate tree that has not won is given up."""


@dataclass
class PaperEngine(Structured):
    """Clusters, trees, two levels of drift; made and used like :class:`Engine`.

    Attributes
    ----------
    slots
        Rows in the window that the nearest rows of a leaf are taken from.
    delta
        Of ADWIN, locally and globally; 0 switches both off.
    check_every
        Rows between checks of the partition.
    clusterer
        What finds the clusters.
    max_bytes
        No tree gets room for more nodes where all arrays would come to more than this. The
        window and the root of each tree come on top: they are as wide as rows and labels are.
    """

    slots: int
    delta: float
    check_every: int
    clusterer: InitVar[Clusterer]
    max_bytes: int = 5 * 2**28
    rows: int = 0
    known: int = 0
    features: int = 0
    structure: Structure = field(init=False)
    trees: list[ClusterTree] = field(default_factory=list)
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(8))
    spread: NDArray[np.float64] = field(default_factory=lambda: np.zeros(8))
    window: NDArray[np.float64] = field(init=False)
    window_labels: NDArray[np.uint8] = field(init=False)

    def __post_init__(self, clusterer: Clusterer) -> None:
        self.structure = Structure(self.check_every, self.delta, clusterer)
        self.window = np.zeros((self.slots, 8))
        self.window_labels = np.zeros((self.slots, 8), np.uint8)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    def probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Return the probability of each label by itself (rows, labels), label 0 never seen."""
        return 1.0 / (1.0 + np.exp(-self.logits(rows)))

    def logits(self, rows: Rows) -> NDArray[np.float64]:
        """Return the log odds of each label by itself (rows, labels), label 0 never seen."""
        return self._predict(rows)[0]

    def choices(self, rows: Rows) -> NDArray[np.bool_]:
        """Return the chosen sets (rows, labels), label 0 the never-seen one."""
        return self._predict(rows)[1]

    def learn(self, rows: Rows, keep: bool = True) -> NDArray[np.bool_]:
        """Predict and learn each row; return the choices made before each was learned."""
        total = rows.x_start.size - 1
        known = max(self.known, int(rows.y_index.max(initial=0)))
        chosen = np.zeros((total if keep else 0, known + 1), np.bool_)
        for r in range(total):
            present = rows.y_index[rows.y_start[r] : rows.y_start[r + 1]] - 1
            index = rows.x_index[rows.x_start[r] : rows.x_start[r + 1]]
            self._grow(int(index.max(initial=-1)) + 1, int(present.max(initial=-1)) + 1)
            moment = self._moment(rows, r)
            for cluster in self.trees:
                picked = self._learn_cluster(cluster, moment, present)
                if keep:
                    chosen[r, cluster.labels + 1] = picked
            self._remember(moment.x, present)
            self.structure.learn(np.array([0, present.size]), present)
            self._follow()
        return chosen

    def _predict(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        total = rows.x_start.size - 1
        logits = np.full((total, self.known + 1), -6.0)
        chosen = np.zeros((total, self.known + 1), np.bool_)
        for r in range(total):
            moment = self._moment(rows, r)
            for cluster in self.trees:
                _, way, share, picked = moment.ask(cluster.tree, cluster.labels)
                p = np.clip(share[way], 0.0025, 0.9975)
                logits[r, cluster.labels + 1] = np.log(p / (1 - p))
                chosen[r, cluster.labels + 1] = picked[way]
        return logits, chosen

    def _moment(self, rows: Rows, r: int) -> Moment:
        """Look at a row; features that were never learned are left out."""
        index = rows.x_index[rows.x_start[r] : rows.x_start[r + 1]]
        value = rows.x_value[rows.x_start[r] : rows.x_start[r + 1]]
        x = np.zeros(self.features)
        kept = index < self.features
        x[index[kept]] = value[kept]
        z, distance = np.empty(x.size + 1), np.empty(self.slots)
        filled = min(self.rows, self.slots)
        standardised(x, self.rows, self.mean, self.spread, z)
        distances(x, self.rows, self.spread, self.window, filled, distance)
        return Moment(x, z, distance, self.window, self.window_labels, filled)

    def _learn_cluster(
        self, cluster: ClusterTree, moment: Moment, present: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        truth = np.isin(cluster.labels, present).astype(np.float64)
        leaf, way, share, picked = moment.ask(cluster.tree, cluster.labels)
        loss = set_loss(picked[way], truth)
        cluster.tree = self._teach(cluster.tree, leaf, moment, truth, share, picked)
        if cluster.alternate is not None:
            leaf, other, share, guess = moment.ask(cluster.alternate, cluster.labels)
            saved = loss - set_loss(guess[other], truth)
            cluster.paired += (1.0, saved, saved * saved)
            cluster.alternate = self._teach(cluster.alternate, leaf, moment, truth, share, guess)
            self._compare(cluster)
        if self.delta > 0:
            old, new, bound = watch(cluster.monitor, loss, self.delta)
            if bound > 0 and new > old:
                self._note("local drift", cluster, new - old, bound)
                if cluster.alternate is None:
                    cluster.alternate = new_tree(cluster.labels.size, self.features)
                    cluster.paired[:] = 0.0
        return picked[way]

    def _teach(
        self,
        tree: Tree,
        leaf: int,
        moment: Moment,
        truth: NDArray[np.float64],
        share: NDArray[np.float64],
        picked: NDArray[np.bool_],
    ) -> Tree:
        tree = grown_tree(tree, moment.x.size, int(tree.used[0]))
        learn_leaf(tree, leaf, moment.x, moment.z, truth, share, picked)
        seen = tree.observed[leaf]
        if seen - tree.tried[leaf] < GRACE or tree.used[0] + 2 > MOST_NODES:
            return tree
        tree.tried[leaf] = seen
        feature, cut, best, second = best_split(tree, leaf, moment.x.size)
        outcomes = truth.size + 1
        bound = merit_bound(outcomes, seen)
        if feature >= 0 and (best - second > bound or bound < TIE * outcomes):
            used = int(tree.used[0]) + 2
            nodes = tree.feature.size
            wanted = used if nodes >= used else 2 * used
            if not self._has_room(tree, wanted):
                return tree
            tree = grown_tree(tree, moment.x.size, wanted)
            split_leaf(tree, leaf, feature, cut)
        return tree

    def _has_room(self, tree: Tree, nodes: int) -> bool:
        """Whether a tree may have so many nodes; the first refusal is an event."""
        more = max(nodes / tree.feature.size - 1.0, 0.0) * sum(array.nbytes for array in tree)
        if more == 0.0 or self.n_bytes + more <= self.max_bytes:
            return True
        if not any(event.kind == "full" for event in self.events):
            bytes_wanted = float(self.n_bytes + more)
            self.events.append(Event(self.rows + 1, "full", (), bytes_wanted, self.max_bytes))
        return False

    def _compare(self, cluster: ClusterTree) -> None:
        """Swap the alternate in where its loss is surely lower; give it up where surely not."""
        n, total, squares = cluster.paired.tolist()
        if n < SWAP_AFTER or n % SWAP_EVERY:
            return
        mean = total / n
        variance = max(squares / n - mean * mean, 0.0)
        confidence = math.log(2.0 / SWAP_DELTA)  # Bernstein's bound; the range is 2
        bound = math.sqrt(2.0 * variance * confidence / n) + 4.0 * confidence / (3.0 * n)
        if mean > bound:
            self._note("swap", cluster, mean, bound)
            assert cluster.alternate is not None
            cluster.tree, cluster.monitor = cluster.alternate, empty_monitor()
        elif mean >= -bound and n < PATIENCE:
            return
        cluster.alternate = None

    def _note(self, kind: str, cluster: ClusterTree, statistic: float, bound: float) -> None:
        labels = tuple(cluster.labels.tolist())
        event = Event(self.rows + 1, kind, labels, float(statistic), float(bound))
        self.structure.events.append(event)

    def _remember(self, x: NDArray[np.float64], present: NDArray[np.int64]) -> None:
        slot = self.rows % self.slots
        self.window[slot] = 0.0
        self.window[slot, : x.size] = x
        self.window_labels[slot] = 0
        self.window_labels[slot, present] = 1
        self.rows += 1
        away = x - self.mean[: x.size]
        self.mean[: x.size] += away / self.rows
        self.spread[: x.size] += away * (x - self.mean[: x.size])

    def _grow(self, features: int, labels: int) -> None:
        """Take up features and labels that appear; new labels join the pool's tree."""
        self.features = max(self.features, features)
        if self.features > self.mean.size:
            room = max(self.features, 2 * self.mean.size) - self.mean.size
            self.mean, self.spread = np.pad(self.mean, (0, room)), np.pad(self.spread, (0, room))
            self.window = np.pad(self.window, ((0, 0), (0, room)))
        if labels > self.known:
            self.known = labels
            room = max(labels, 2 * self.window_labels.shape[1]) - self.window_labels.shape[1]
            if labels > self.window_labels.shape[1]:
                self.window_labels = np.pad(self.window_labels, ((0, 0), (0, room)))
            self._follow()

    def _follow(self) -> None:
        """Let the trees follow the clusters: parents' trees go to their children."""
        wanted = list(self.structure.partition.clusters)
        taken = {label for cluster in wanted for label in cluster}
        pool = tuple(label for label in range(self.known) if label not in taken)
        wanted += [pool] if pool else []
        if [tuple(c.labels.tolist()) for c in self.trees] == wanted:
            return
        old = self.trees
        self.trees = [inherited(cluster, old, self.features) for cluster in wanted]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give all arrays of the state, for saving."""
        named = self.structure.arrays()
        for name in ("mean", "spread", "window", "window_labels"):
            named[f"paper.{name}"] = getattr(self, name)
        for i, cluster in enumerate(self.trees):
            named[f"tree{i}.labels"], named[f"tree{i}.paired"] = cluster.labels, cluster.paired
            parts = {"tree": cluster.tree, "alternate": cluster.alternate, "loss": cluster.monitor}
            for part, state in parts.items():
                if state is not None:
                    named |= {f"tree{i}.{part}.{k}": v for k, v in state._asdict().items()}
        return named

    @property
    def counts(self) -> list[int]:
        """Labels, features and trees."""
        return [self.known, self.features, len(self.trees)]

    def fill(self, counts: Sequence[int], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take up what :attr:`counts` and :meth:`arrays` gave."""
        self.known, self.features, trees = counts
        for name in ("mean", "spread", "window", "window_labels"):
            setattr(self, name, arrays[f"paper.{name}"])

        def read(kind: Any, prefix: str) -> Any:
            if f"{prefix}.{kind._fields[0]}" not in arrays:
                return None
            return kind(**{name: arrays[f"{prefix}.{name}"] for name in kind._fields})

        self.trees = [
            ClusterTree(
                arrays[f"tree{i}.labels"],
                read(Tree, f"tree{i}.tree"),
                read(Tree, f"tree{i}.alternate"),
                arrays[f"tree{i}.paired"],
                read(Monitor, f"tree{i}.loss"),
            )
            for i in range(trees)
        ]
