"""The learner for very many labels: the label tree in the place of experts and decoder."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.tracker import Structure, Structured
from growlabels.stream.experts.engine import Engine
from growlabels.stream.label_tree import loop
from growlabels.stream.label_tree.state import (
    LINE_BYTES,
    LabelTree,
    grown_tree,
    new_tree,
    with_more_lines,
)
from growlabels.stream.numeric.adwin import Monitor, empty_monitor
from growlabels.stream.numeric.rows import Rows, label_rows

CELL_BYTES = 16
"""What one feature of one label costs the linear experts."""
ROWS_AT_ONCE = 4096
MOST_LINKS = 1024
"""Pairs that the partition looks at, so that a check takes a fraction of a second."""


@dataclass
class LargeEngine(Structured):
    """State and settings, with the interface of :class:`Engine`.

    Attributes
    ----------
    delta
        Of ADWIN; 0 switches the detector off.
    max_bytes
        Bound on the bytes of all arrays; four fifths of it may go to the lines of the tree.
    """

    delta: float
    max_bytes: int
    rows: int
    structure: Structure
    tree: LabelTree = field(default_factory=new_tree)
    monitor: Monitor = field(default_factory=empty_monitor)

    @classmethod
    def of(cls, engine: Engine, max_bytes: int) -> "LargeEngine":
        """Take over settings, counts and clusters; the tree is empty."""
        engine.structure.pairs.max_links = MOST_LINKS
        return cls(engine.delta, max_bytes, engine.rows, engine.structure)

    @classmethod
    def after(cls, engine: Engine, max_bytes: int) -> "LargeEngine":
        """Take over from an engine: its rows in the window are learned again, by the tree."""
        large = cls.of(engine, max_bytes)
        large._learn_part(engine.kept_rows(engine.slots), replay=True)
        return large

    @property
    def most_lines(self) -> int:
        """Lines that the tree may have: a power of two."""
        return 1 << ((4 * self.max_bytes // 5 // LINE_BYTES).bit_length() - 1)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(a.nbytes for a in (*self.tree, *self.monitor)) + self.pairs.n_bytes

    def learn(self, rows: Rows, keep: bool = True) -> sparse.csr_array:
        """Predict and learn each row; return what was chosen before, (rows, labels)."""
        total = rows.x_start.size - 1
        parts = []
        for begin in range(0, total, ROWS_AT_ONCE):
            part = rows.part(begin, min(total, begin + ROWS_AT_ONCE))
            chosen = self._learn_part(part, replay=False)
            if keep:
                parts.append(chosen)
        return self._csr(parts)

    def _learn_part(self, rows: Rows, replay: bool) -> NDArray[np.int32]:
        self._make_room(rows)
        total = rows.x_start.size - 1
        chosen = np.zeros((total, loop.MOST_FOUND), np.int32)
        begin = 0
        while begin < total:
            first = begin
            begin, why, alarm = self._run(rows, chosen, begin, True, replay)
            if not replay:
                self.rows += begin - first
                self.structure.learn(*label_rows(rows.part(first, begin)))
            if why == loop.CROWDED:
                self.tree = with_more_lines(self.tree, self.most_lines)
            elif why == loop.DRIFT:
                old, new, bound = alarm.tolist()
                self.monitor = empty_monitor()
                self.structure.restart()
                self.events.append(Event(self.rows, "drift", (), new - old, bound))
        return chosen

    def _run(
        self, rows: Rows, chosen: NDArray[np.int32], begin: int, learn: bool, replay: bool
    ) -> tuple[int, int, NDArray[np.float64]]:
        tuning = loop.TreeTuning(learn, replay, self.delta, self.most_lines)
        alarm = np.zeros(3)
        where = self.tree, self.monitor, tuple(rows), begin
        begin, why = loop.run_tree(tuning, *where, chosen, alarm)
        return begin, why, alarm

    def _make_room(self, rows: Rows) -> None:
        labels = rows.y_index[rows.y_start[0] : rows.y_start[-1]]
        index = rows.x_index[rows.x_start[0] : rows.x_start[-1]]
        need = int(labels.max(initial=0)) + 1, int(index.max(initial=-1)) + 1
        self.tree = grown_tree(self.tree, *need)

    def choices(self, rows: Rows) -> sparse.csr_array:
        """Return the chosen sets (rows, labels), label 0 the never-seen one."""
        chosen = np.zeros((rows.x_start.size - 1, loop.MOST_FOUND), np.int32)
        self._run(rows, chosen, 0, False, False)
        return self._csr([chosen])

    def probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Return the probability of every label, (rows, labels): all nodes are opened."""
        out = np.zeros((rows.x_start.size - 1, self.tree.home.size))
        loop.every_chance(self.tree, tuple(rows)[:3], out)
        return out

    def topk(self, rows: Rows, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the likeliest labels, likeliest first, and their probabilities: (rows, k).

        Label 0, probability 0: there was none any more. Opens at most 20 nodes and one for
        each label.
        """
        shape = rows.x_start.size - 1, k
        labels, chances = np.zeros(shape, np.int64), np.zeros(shape)
        blocks = loop.BLOCKS + k
        loop.likeliest(self.tree, tuple(rows)[:3], blocks, labels, chances)
        return labels, chances

    def _csr(self, parts: list[NDArray[np.int32]]) -> sparse.csr_array:
        empty = np.zeros((0, loop.MOST_FOUND), np.int32)
        chosen = np.sort(np.concatenate([empty, *parts]), axis=1)
        start = np.concatenate(([0], np.cumsum((chosen > 0).sum(axis=1))))
        labels = chosen[chosen > 0]
        shape = len(chosen), self.tree.home.size
        return sparse.csr_array((np.ones(labels.size, bool), labels, start), shape=shape)
