"""The learner for very many labels: the label tree in the place of experts and decoder."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from growlabels.stream import _tree_loop
from growlabels.stream._drift import Monitor, empty_monitor
from growlabels.stream._engine import Engine, Rows, label_rows
from growlabels.stream._experts import FEATURES, LABELS
from growlabels.stream._label_tree import (
    LINE_BYTES,
    LabelTree,
    grown_tree,
    new_tree,
    with_more_lines,
)
from growlabels.stream._partition import Event
from growlabels.stream._structure import Structure, Structured

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
        chosen = np.zeros((total, _tree_loop.MOST_FOUND), np.int32)
        begin = 0
        while begin < total:
            first = begin
            begin, why, alarm = self._run(rows, chosen, begin, True, replay)
            if not replay:
                self.rows += begin - first
                self.structure.learn(*label_rows(rows.part(first, begin)))
            if why == _tree_loop.CROWDED:
                self.tree = with_more_lines(self.tree, self.most_lines)
            elif why == _tree_loop.DRIFT:
                old, new, bound = alarm.tolist()
                self.monitor = empty_monitor()
                self.structure.restart()
                self.events.append(Event(self.rows, "drift", (), new - old, bound))
        return chosen

    def _run(
        self, rows: Rows, chosen: NDArray[np.int32], begin: int, learn: bool, replay: bool
    ) -> tuple[int, int, NDArray[np.float64]]:
        tuning = _tree_loop.TreeTuning(learn, replay, self.delta, self.most_lines)
        alarm = np.zeros(3)
        where = self.tree, self.monitor, tuple(rows), begin
        begin, why = _tree_loop.run_tree(tuning, *where, chosen, alarm)
        return begin, why, alarm

    def _make_room(self, rows: Rows) -> None:
        labels = rows.y_index[rows.y_start[0] : rows.y_start[-1]]
        index = rows.x_index[rows.x_start[0] : rows.x_start[-1]]
        need = int(labels.max(initial=0)) + 1, int(index.max(initial=-1)) + 1
        self.tree = grown_tree(self.tree, *need)

    def choices(self, rows: Rows) -> sparse.csr_array:
        """Return the chosen sets (rows, labels), label 0 the never-seen one."""
        chosen = np.zeros((rows.x_start.size - 1, _tree_loop.MOST_FOUND), np.int32)
        self._run(rows, chosen, 0, False, False)
        return self._csr([chosen])

    def probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Return the probability of every label, (rows, labels): all nodes are opened."""
        out = np.zeros((rows.x_start.size - 1, self.tree.home.size))
        _tree_loop.every_chance(self.tree, tuple(rows)[:3], out)
        return out

    def topk(self, rows: Rows, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the likeliest labels, likeliest first, and their probabilities: (rows, k).

        Label 0, probability 0: there was none any more. Opens at most 20 nodes and one for
        each label.
        """
        shape = rows.x_start.size - 1, k
        labels, chances = np.zeros(shape, np.int64), np.zeros(shape)
        blocks = _tree_loop.BLOCKS + k
        _tree_loop.likeliest(self.tree, tuple(rows)[:3], blocks, labels, chances)
        return labels, chances

    def _csr(self, parts: list[NDArray[np.int32]]) -> sparse.csr_array:
        empty = np.zeros((0, _tree_loop.MOST_FOUND), np.int32)
        chosen = np.sort(np.concatenate([empty, *parts]), axis=1)
        start = np.concatenate(([0], np.cumsum((chosen > 0).sum(axis=1))))
        labels = chosen[chosen > 0]
        shape = len(chosen), self.tree.home.size
        return sparse.csr_array((np.ones(labels.size, bool), labels, start), shape=shape)


def outgrown_at(engine: Engine, rows: Rows, most_labels: int, max_bytes: int) -> int:
    """Return the first row that brings more labels, or linear weights, than an engine is for."""
    known = engine.experts.totals
    feature, label = rows.largest()
    most = max(int(known[LABELS]) - 1, label)
    widest = max(int(known[FEATURES]), feature + 1)
    if most <= most_labels and widest * most * CELL_BYTES <= max_bytes // 8:
        return rows.x_start.size - 1
    features = _running_most(rows.x_start, rows.x_index, int(known[FEATURES]) - 1) + 1
    labels = _running_most(rows.y_start, rows.y_index, int(known[LABELS]) - 1)
    large = (labels > most_labels) | (features * labels * CELL_BYTES > max_bytes // 8)
    return int(np.argmax(large)) if large.any() else large.size


def _running_most(
    start: NDArray[np.int64], index: NDArray[np.int64], least: int
) -> NDArray[np.int64]:
    """Return the largest index up to each row; indices ascend within a row."""
    filled = np.diff(start) > 0
    most = np.full(start.size - 1, least)
    most[filled] = index[start[1:][filled] - 1]
    return np.maximum.accumulate(np.maximum(most, least))


def learn_or_outgrow(
    engine: Engine, rows: Rows, most_labels: int, keep: bool
) -> tuple[Engine | LargeEngine, NDArray[np.bool_] | sparse.csr_array]:
    """Learn rows, those that an engine is not for with the label tree.

    Returns what goes on from here and what was chosen before each row. The choice for the first
    row that was for the tree is still the engine's, as its labels were not yet known.
    """
    total, first = rows.x_start.size - 1, engine.rows
    at = outgrown_at(engine, rows, most_labels, engine.max_bytes)
    before = engine.learn(rows.part(0, at), keep)
    at = engine.rows - first
    if at == total:
        return engine, before
    asked = rows.part(at, at + 1)._replace(y_start=np.zeros(2, np.int64), y_index=rows.y_index[:0])
    last = engine.choices(asked)
    large = LargeEngine.after(engine, engine.max_bytes)
    after = large.learn(rows.part(at, total), keep)
    if not keep:
        return large, after
    parts = [sparse.csr_array(part) for part in (before, last)] + [after[1:]]
    width = after.shape[1]
    wide = [
        sparse.csr_array(
            (part.data, part.indices, part.indptr), shape=(part.indptr.size - 1, width)
        )
        for part in parts
    ]
    return large, sparse.csr_array(sparse.vstack(wide, format="csr"))
