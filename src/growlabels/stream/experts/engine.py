"""The learner on indices: arrays that grow, restarts, the partition at its fixed hours."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.event import Event
from growlabels.stream.clusters.pair_counts import PairCounts
from growlabels.stream.clusters.tracker import PAIRS_HALF_LIFE, Structure, Structured
from growlabels.stream.experts import loop
from growlabels.stream.experts.bundle import Bundler
from growlabels.stream.experts.fences import LAST, look
from growlabels.stream.experts.label_sets import LabelSets, empty_sets, grown_sets, kept_sets
from growlabels.stream.experts.stack import Stack, new_stack
from growlabels.stream.experts.state import (
    COUNTED,
    DUE,
    FEATURES,
    HIGH,
    LOW,
    RIDGE,
    ROWS,
    SPARSE,
    TOLD,
    Experts,
    capacity,
    doubled,
    experts_bytes,
    grown_capacity,
    grown_experts,
    new_experts,
)
from growlabels.stream.numeric.adwin import Monitor, empty_monitor
from growlabels.stream.numeric.arithmetic import WIDEST
from growlabels.stream.numeric.rows import Rows, label_rows

AFTER_DRIFT = 100
_NO_LOGITS = np.zeros((0, 0))


@dataclass
class Engine(Structured):
    """State and settings of the learner; label and feature names are the caller's business.

    Attributes
    ----------
    slots
        Rows in the window.
    keep_recent
        Share of the recent frequency that stays each row.
    delta
        Of ADWIN; 0 switches the detector off.
    most_sets
        When so many label sets are known, the rarer half is dropped.
    check_every
        Rows between checks of the partition.
    max_bytes
        Bound on the bytes of all arrays. What a row needs is asked for at that row alone, so
        the row that finds no more room is the same however many rows come at once.
    """

    slots: int
    keep_recent: float
    delta: float
    most_sets: int
    check_every: int
    max_bytes: int = 5 * 2**28
    mode: int = RIDGE
    rows: int = 0
    experts: Experts = field(init=False)
    stack: Stack = field(default_factory=new_stack)
    sets: LabelSets = field(default_factory=empty_sets)
    monitor: Monitor = field(default_factory=empty_monitor)
    structure: Structure = field(init=False)
    _bundle: Bundler = field(default_factory=Bundler, repr=False)

    def __post_init__(self) -> None:
        self.experts = new_experts(self.mode, self.slots, 16, 8, 256)
        pairs = PairCounts(PAIRS_HALF_LIFE, min(1_000_000, self.max_bytes // 2000))
        self.structure = Structure(self.check_every, self.delta, pairs=pairs)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        arrays = *self.experts, *self.stack, *self.sets, *self.monitor
        return sum(a.nbytes for a in arrays) + self.pairs.n_bytes

    def probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Return the labels' own probabilities (rows, labels), label 0 the never-seen one."""
        return 1.0 / (1.0 + np.exp(-self._predict(rows, True)[0]))

    def choices(self, rows: Rows) -> NDArray[np.bool_]:
        """Return the chosen sets (rows, labels), label 0 the never-seen one."""
        return self._predict(rows, False)[1]

    def _predict(self, rows: Rows, wanted: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        experts = self.with_room(rows)
        shape = rows.x_start.size - 1, experts.label_rows.size
        logits, chosen = np.zeros(shape) if wanted else _NO_LOGITS, np.zeros(shape, bool)
        self._run(rows, chosen, logits=logits, asked=experts)
        return logits, chosen

    def learn(self, rows: Rows, keep: bool = True) -> NDArray[np.bool_]:
        """Predict and learn each row, up to the first that memory has no room for.

        Returns the choices made before each was learned, (rows, labels); no rows of them
        without ``keep``. What was learned is in :attr:`rows`.
        """
        total = rows.x_start.size - 1
        parts = []
        begin = 0
        while begin < total:
            end = min(total, begin + self.check_every - self.rows % self.check_every)
            part = self._learn_part(rows.part(begin, end))
            begin += len(part)
            if keep:
                parts.append(part)
            if begin < end:
                break
        if len(parts) == 1:
            return parts[0]
        width = max([part.shape[1] for part in parts], default=self.experts.label_rows.size)
        chosen = np.zeros((sum(map(len, parts)), width), bool)
        begin = 0
        for part in parts:
            chosen[begin : begin + len(part), : part.shape[1]] = part
            begin += len(part)
        return chosen

    def _learn_part(self, rows: Rows) -> NDArray[np.bool_]:
        total = rows.x_start.size - 1
        width = doubled(self.experts.label_rows.size, rows.largest()[1] + 1)
        chosen = np.zeros((total, width), bool)
        begin, counted, first = 0, 0, self.rows
        while begin < total:
            begin, why, alarm = self._run(rows, chosen, begin)
            self.rows = first + begin
            self.structure.learn(*label_rows(rows.part(counted, begin)))
            counted = begin
            if why == loop.DRIFT:
                # what the detector has not dropped is the new regime
                kept = self._restart(min(AFTER_DRIFT, int(self.monitor.totals[0])), self.mode)
                self.monitor = empty_monitor()
                self.structure.restart()
                self.pairs.learn_rows(*label_rows(kept))
                old, new, bound = alarm.tolist()
                self.events.append(Event(self.rows, "drift", (), new - old, bound))
            elif why == loop.SWITCH:
                mode = int(loop.best_mode(self.experts.totals, self.mode))
                if self._fits(mode, capacity(self.experts), self.sets):
                    self._restart(self.slots, mode)
            elif why == loop.FULL:
                self._forget_sets()
            elif why == loop.CROWDED:
                break
            if self.experts.totals[DUE]:
                self._look_at_fences()
        return chosen[:begin]

    def _look_at_fences(self) -> None:
        """Set fences again; report features of a first spike, and those that have moved."""
        e = self.experts
        if self.mode == SPARSE:
            e.totals[DUE] = 0
            return
        rows = self.kept_rows(LAST)
        last = np.zeros((rows.x_start.size - 1, e.mean.size))
        at = np.repeat(np.arange(len(last)), np.diff(rows.x_start))
        scaled = rows.x_value * e.gauge[rows.x_index]
        last[at, rows.x_index] = np.clip(scaled, -WIDEST, WIDEST)
        was = e.fences[[LOW, HIGH]]
        moved = look(e, last)
        first = np.flatnonzero(e.fences[TOLD] < 0).tolist()
        e.fences[TOLD, first] = 1.0
        for kind, features in (("spike", first), ("moved", moved)):
            for j in features:
                value, unit = last[-1, j], e.gauge[j] or 1.0
                bound = was[0, j] if value < was[0, j] else was[1, j]
                event = Event(self.rows, kind, (), value / unit, bound / unit, feature=j)
                self.events.append(event)

    def _run(
        self,
        rows: Rows,
        chosen: NDArray[np.bool_],
        begin: int = 0,
        replay: bool = False,
        logits: NDArray[np.float64] = _NO_LOGITS,
        asked: Experts | None = None,
    ) -> tuple[int, int, NDArray[np.float64]]:
        """Learn rows from ``begin`` on; only predict them with the experts that are ``asked``."""
        learn = asked is None
        tuning = loop.Tuning(self.mode, learn, replay, self.keep_recent, self.delta, self.most_sets)
        alarm = np.zeros(3)
        while True:
            experts = self.experts if asked is None else asked
            state = self._bundle(experts, self.stack, self.sets, self.monitor)
            begin, why = loop.run_rows(tuning, state, tuple(rows), begin, logits, chosen, alarm)
            if why != loop.CROWDED or not self._grow(rows.part(begin, begin + 1), replay):
                return begin, why, alarm

    def with_room(self, rows: Rows) -> Experts:
        """Return experts that can predict the rows; those of the engine stay as they are."""
        return grown_experts(self.experts, self.mode, rows.largest()[0] + 1, 1, 0)

    def _grow(self, row: Rows, replay: bool) -> bool:
        """Let the arrays grow for one row, and say whether ``max_bytes`` allowed it.

        A replay takes no more than there was before.
        """
        feature, label = row.largest()
        features, labels = row.cells()
        need = feature + 1, label + 1, features.size
        sets = grown_sets(self.sets, 1, labels.size)
        room = grown_capacity(self.experts, *need)
        if not (replay or self._fits(self.mode, room, sets)):
            return False
        self.experts, self.sets = grown_experts(self.experts, self.mode, *need), sets
        return True

    def _fits(self, mode: int, room: tuple[int, int, int], sets: LabelSets) -> bool:
        """Say whether experts with such room and these sets leave an eighth for all the rest."""
        needed = experts_bytes(mode, self.slots, *room) + sum(a.nbytes for a in sets)
        return needed <= self.max_bytes - self.max_bytes // 8

    def kept_rows(self, most: int) -> Rows:
        """Return the last rows of the window, at most ``most``, oldest first."""
        e = self.experts
        seen = int(e.totals[ROWS])
        slots = np.arange(seen - min(most, seen, self.slots), seen) % self.slots
        starts = [np.zeros(0, np.int64)]
        nodes = np.concatenate(
            starts + [np.arange(e.slot_start[s], e.slot_start[s] + e.slot_size[s]) for s in slots]
        )
        nodes %= e.node_feature.size
        numbers = e.slot_set[slots]
        begin, size = self.sets.start[numbers], self.sets.size[numbers]
        labels = [self.sets.pool[b : b + n] for b, n in zip(begin, size, strict=True)]
        return Rows(
            np.concatenate(([0], np.cumsum(e.slot_size[slots]))),
            e.node_feature[nodes],
            e.node_value[nodes],
            np.concatenate(([0], np.cumsum(size))),
            np.concatenate([*starts, *labels]),
        )

    def _restart(self, most: int, mode: int) -> Rows:
        """Start the experts afresh and let them learn the last rows again; returns these.

        What each expert is worth is learned anew only where they become others, in another mode.
        """
        rows = self.kept_rows(most)
        stack, same = self.stack, mode == self.mode
        features = self.experts.totals[FEATURES]
        before, known = self.experts, SPARSE not in (mode, self.mode)
        self.experts = new_experts(mode, self.slots, *capacity(self.experts))
        self.experts.totals[FEATURES] = features
        if known:  # fences are in units of the gauge
            self.experts.totals[[COUNTED, DUE]] = before.totals[[COUNTED, DUE]]
            self.experts.fences[:], self.experts.gauge[:] = before.fences, before.gauge
        self.mode = mode
        self.stack = new_stack()._replace(hits=stack.hits)
        self.sets = empty_sets()
        chosen = np.zeros((rows.x_start.size - 1, self.experts.label_rows.size), bool)
        self._run(rows, chosen, replay=True)
        if same:
            self.stack = stack
        return rows

    def _forget_sets(self) -> None:
        e = self.experts
        filled = min(int(e.totals[ROWS]), self.slots)
        pinned = e.slot_set[:filled]
        self.sets, renamed = kept_sets(self.sets, self.most_sets // 2, pinned)
        e.slot_set[:filled] = renamed[pinned]
