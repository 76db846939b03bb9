"""Check that the parts of a loaded learner fit together, as compiled code assumes.

A file may come from an untrusted source. Every array must have the shape that the learner itself
would make, every index must be in range, and every chain of indices must end.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.clusters.tracker import Structure
from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.label_sets import POOL, SETS, LabelSets, empty_sets
from growlabels.stream.experts.stack import new_stack
from growlabels.stream.experts.state import (
    DENSE,
    HELD,
    LABELS,
    NODES,
    OLDEST,
    RIDGE,
    ROWS,
    SPARSE,
    Experts,
    capacity,
    experts_bytes,
    new_experts,
)
from growlabels.stream.label_tree import kernels
from growlabels.stream.label_tree.engine import LargeEngine
from growlabels.stream.label_tree.state import LabelTree, new_tree
from growlabels.stream.numeric.adwin import BUCKETS, Monitor, empty_monitor
from growlabels.stream.paper import tree as hoeffding
from growlabels.stream.paper.engine import PaperEngine

_MOST = 2**62


def check_counts(arrays: Mapping[str, NDArray[Any]], fresh: Structure) -> None:
    """Raise ValueError if the pair counts or their drift detector are inconsistent."""
    saved = {name.removeprefix("pairs."): a for name, a in arrays.items() if name[:6] == "pairs."}
    for name, made in fresh.pairs.arrays().items():
        _need(_kind(saved[name]) == _kind(made), f"pairs.{name} has the wrong type or shape")
    for name in ("half_life", "limits"):
        _need(
            np.array_equal(saved[name], fresh.pairs.arrays()[name]),
            f"pairs.{name} differs from that of the settings",
        )
    keys = saved["keys"]
    scalars = saved["scalars"]
    _need(scalars.size == 4 and 0 < scalars[0] < _MOST, "pairs.scalars has the wrong type or shape")
    _need(saved["values"].size == keys.size, "pairs.values and pairs.keys differ in size")
    first, second = keys >> 32, keys & 0xFFFFFFFF
    _within(first, 0, saved["counts"].size, "pairs.keys")
    _within(second, 0, saved["counts"].size, "pairs.keys")
    _need(bool((first < second).all() and (keys[1:] > keys[:-1]).all()), "pairs.keys is not sorted")
    company = {n.removeprefix("company."): a for n, a in arrays.items() if n[:8] == "company."}
    _check_monitor(Monitor(**company), "company")


def check_engine(engine: Engine | LargeEngine | PaperEngine, labels: int) -> None:
    """Raise ValueError if the state of an engine is inconsistent.

    ``labels`` is the number of labels with names.
    """
    structure = engine.structure
    _need(0 <= structure.rows < _MOST and 0 <= engine.rows < _MOST, "rows is out of range")
    for cluster in structure.partition.clusters:
        _within(np.array(cluster), 0, structure.pairs.counts.size, "a cluster")
    if isinstance(engine, PaperEngine):
        known = engine.known
        _check_paper(engine)
    elif isinstance(engine, LargeEngine):
        known = engine.tree.home.size - 1
        _check_tree(engine.tree)
        _check_monitor(engine.monitor, "monitor")
    else:
        known = engine.experts.label_rows.size - 1
        _like(engine.stack, new_stack(), "stack")
        _check_monitor(engine.monitor, "monitor")
        _check_sets(engine.sets, int(engine.experts.totals[LABELS]))
        _check_experts(engine)
    _need(structure.pairs.counts.size <= labels, "pairs.counts has more labels than names")
    _need(labels <= known, f"names has {labels} labels, but the arrays have {known}")


def _check_experts(engine: Engine) -> None:
    """Check the arrays of the experts."""
    e, mode, slots = engine.experts, engine.mode, engine.slots
    _need(mode in (RIDGE, DENSE, SPARSE), f"mode has the unknown value {mode}")
    room = capacity(e)
    small = new_experts(mode, 1, 1, 1, 1)
    for name, array in e._asdict().items():
        _need(
            _kind(array) == _kind(getattr(small, name)),
            f"experts.{name} has the wrong type or shape",
        )
    size = sum(array.nbytes for array in e)
    _need(size == experts_bytes(mode, slots, *room), "experts do not fit each other or the window")
    _like(e, new_experts(mode, slots, *room), "experts")
    rows, features, labels, entries, nodes, oldest, steps, counted, due = e.totals.tolist()
    _need(
        0 <= rows <= engine.rows
        and room[0] > 0
        and 0 <= features <= room[0]
        and 1 <= labels <= room[1]
        and 0 <= entries < _MOST
        and 0 <= steps < HELD
        and 0 <= counted < _MOST
        and 0 <= due <= 1
        and 0 <= oldest <= nodes < _MOST
        and nodes - oldest <= room[2]
        and _doubles(room[2]),
        "experts.totals has an index out of range",
    )
    _check_window(e, mode, int(engine.sets.used[SETS]))


def _check_window(e: Experts, mode: int, sets: int) -> None:
    """Check the window of recent rows, which may refer to ``sets`` label sets."""
    rows, nodes, oldest = e.totals[[ROWS, NODES, OLDEST]].tolist()
    filled = min(rows, e.slot_set.size)
    order = np.arange(rows - filled, rows) % e.slot_set.size
    ends = oldest + np.cumsum(e.slot_size[order])
    _within(e.slot_size, 0, e.node_feature.size + 1, "experts.slot_size")
    begins = ends - e.slot_size[order]
    _need(
        np.array_equal(e.slot_start[order], begins),
        "experts.slot_start does not describe consecutive rows",
    )
    _need(
        int(ends[-1] if filled else oldest) == nodes,
        "experts.slot_size does not describe consecutive rows",
    )
    _within(e.slot_set[:filled], 0, sets, "experts.slot_set")
    _within(e.node_feature, 0, e.first.size, "experts.node_feature")
    _within(e.node_slot, 0, max(filled, 1), "experts.node_slot")
    for name in ("first", "last"):
        at = getattr(e, name)
        _within(at[at != -1], oldest, nodes, f"experts.{name}")
    if mode == SPARSE:
        live = np.arange(oldest, nodes)
        after = e.follower[live & (e.follower.size - 1)]
        _need(bool(((after == -1) | (after > live)).all()), "experts.follower refers backwards")
        _within(after, -1, nodes, "experts.follower")


def _check_sets(sets: LabelSets, labels: int) -> None:
    """Check the table of label sets."""
    for name, array in sets._asdict().items():
        _need(array.ndim == 1, f"sets.{name} has the wrong type or shape")
    _like(sets, empty_sets(sets.key.size, sets.pool.size), "sets")
    _need(_doubles(sets.key.size), "sets.key has the wrong type or shape")
    _need(sets.pool.size > 0, "sets.pool has the wrong type or shape")
    used, pool = int(sets.used[SETS]), int(sets.used[POOL])
    _need(0 <= used <= sets.key.size and 0 <= pool <= sets.pool.size, "sets.used is too large")
    _within(sets.start[:used], 0, pool + 1, "sets.start")
    _within(sets.size[:used], 0, pool + 1, "sets.size")
    _within(sets.start[:used] + sets.size[:used], 0, pool + 1, "sets.start")
    _within(sets.bucket, -1, used, "sets.bucket")
    _within(sets.chain[:used], -1, used, "sets.chain")
    _need(bool((sets.chain[:used] < np.arange(used)).all()), "sets.chain refers forwards")
    listed = min(used, sets.top.size)
    _within(sets.top[:listed], 0, used, "sets.top")
    _within(sets.place[:used], -1, listed, "sets.place")
    _within(sets.pool[:pool], 1, labels, "sets.pool")


def _check_tree(tree: LabelTree) -> None:
    """Check the label tree: each child must refer to its parent and back."""
    lines = tree.weights.shape[0]
    made = new_tree(tree.parent.size, tree.home.size, tree.largest.size)
    _need(_kind(tree.weights) == _kind(made.weights), "tree.weights has the wrong type or shape")
    weights = np.zeros((0, kernels.LINE), np.float32)
    _like(tree._replace(weights=tree.weights[:0]), made._replace(weights=weights), "tree")
    totals, line = tree.totals.tolist(), kernels.LINE
    nodes, opened = totals[kernels.NODES], totals[kernels.OPEN]
    filled, every = totals[kernels.FILLED], kernels.CHILDREN
    _need(
        _doubles(lines)
        and tree.largest.size > 0
        and 1 <= nodes <= tree.parent.size
        and 0 <= opened < nodes
        and 0 <= filled <= every
        and all(0 <= total < _MOST for total in totals),
        "tree.totals has an index out of range",
    )
    child = tree.child[:nodes].astype(np.int64)
    children = np.full(nodes, every)
    children[opened] = filled
    full = np.arange(every) < children[:, None]
    _need(np.array_equal(child != 0, full), "tree.child does not describe a tree")
    _within(child, 1 - nodes, tree.home.size, "tree.child")
    for sign, up, least in ((1, tree.home, 1), (-1, tree.parent[:nodes], 0)):
        above, slot = np.nonzero(sign * child > 0)
        below = sign * child[above, slot]
        fits = np.array_equal(up[below], above * line + slot) and np.all(up >= -1)
        fits = fits and np.count_nonzero(up >= 0) == below.size
        _need(
            bool(fits) and bool(least or (below > above).all()),
            "tree.child does not describe a tree",
        )
    _need(bool((tree.mark == -1).all()), "tree.mark is not reset")


def _check_paper(engine: PaperEngine) -> None:
    """Check the window and the trees of the paper's engine."""
    features, slots = engine.mean.size, engine.slots
    for name, kind in (("mean", "f8"), ("spread", "f8"), ("window", "f8"), ("window_labels", "u1")):
        found = _kind(getattr(engine, name))
        _need(
            found == (np.dtype(kind), 1 + ("window" in name)),
            f"paper.{name} has the wrong type or shape",
        )
    _need(
        engine.spread.size == features
        and engine.window.shape == (slots, features)
        and engine.window_labels.shape[0] == slots
        and 0 <= engine.features <= features
        and 0 <= engine.known <= engine.window_labels.shape[1],
        "the window has the wrong size",
    )
    for i, cluster in enumerate(engine.trees):
        labels, name = cluster.labels, f"tree{i}"
        _need(
            _kind(labels) == (np.dtype(np.int64), 1), f"{name}.labels has the wrong type or shape"
        )
        _within(labels, 0, engine.known, f"{name}.labels")
        _need(bool((labels[1:] > labels[:-1]).all()), f"{name}.labels does not ascend")
        _need(cluster.paired.shape == (3,), f"{name}.paired has the wrong type or shape")
        _check_monitor(cluster.monitor, f"{name}.loss")
        _check_hoeffding(cluster.tree, labels.size, f"{name}.tree")
        if cluster.alternate is not None:
            _check_hoeffding(cluster.alternate, labels.size, f"{name}.alternate")


def _check_hoeffding(tree: hoeffding.Tree, labels: int, name: str) -> None:
    """Check a Hoeffding tree."""
    _need(tree.low.ndim == 2, f"{name}.low has the wrong type or shape")
    nodes, features = tree.low.shape
    wanted = nodes, labels + 1, features
    _need(tree.part_mean.shape == wanted, f"{name}.part_mean has the wrong type or shape")
    _like(tree, hoeffding.new_tree(labels, features, nodes), name)
    used = int(tree.used[0])
    _need(1 <= used <= nodes, f"{name}.used is too large")
    _within(tree.feature[:used], -1, features, f"{name}.feature")
    split = np.flatnonzero(tree.feature[:used] >= 0)
    below = tree.below[split]
    _within(below, 0, used, f"{name}.below")
    _need(bool((below > split[:, None]).all()), f"{name}.below refers backwards")


def _check_monitor(monitor: Monitor, name: str) -> None:
    """Check a drift detector."""
    _like(monitor, empty_monitor(), name)
    _within(monitor.filled, 0, BUCKETS + 1, f"{name}.filled")
    _need(bool((np.abs(monitor.totals) < _MOST).all()), f"{name}.totals is out of range")


def _like(found: Any, made: Any, name: str) -> None:
    """Raise if an array differs in type or shape from the one that the learner makes."""
    for field in made._fields:
        one, other = getattr(found, field), getattr(made, field)
        same = (one.dtype, one.shape) == (other.dtype, other.shape)
        _need(same, f"{name}.{field} has the wrong type or shape")


def _kind(array: NDArray[Any]) -> tuple[np.dtype[Any], int]:
    """Return the type and the number of dimensions of an array."""
    return array.dtype, array.ndim


def _doubles(size: int) -> bool:
    """Return whether a size is a power of two; a size of 0 could never double."""
    return size > 0 and size & (size - 1) == 0


def _within(index: NDArray[Any], least: int, end: int, name: str) -> None:
    """Raise unless all indices are in the half-open range from ``least`` to ``end``."""
    fits = index.size == 0 or (index.min() >= least and index.max() < end)
    _need(bool(fits), f"{name} has an index out of range")


def _need(fits: bool, otherwise: str) -> None:
    """Raise ValueError with a message unless a condition holds."""
    if not fits:
        raise ValueError(otherwise)
