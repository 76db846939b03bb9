"""A probabilistic label tree that grows and learns online, in bounded memory.

Each inner node answers for each of its up to 15 children: "is any label below present?", given
that one below the node is. A row teaches the nodes above its labels, c labels cost c times the
depth; a prediction opens the likeliest nodes first. Jasinska-Kobus, Wydmuch, Thiruvenkatachari
and Dembczynski, "Online probabilistic label trees", AISTATS 2021; the sibling blocks, the growth
and the optimiser are our own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.experts.state import doubled
from growlabels.stream.label_tree.kernels import CHILDREN, FIRST_LOSS, LINE, RATES, TRIALS, USED

FIRST_LINES = 1 << 16
TRIAL_LINES = 1 << 14
SPARE = 8  # lines for each line in use, where memory allows
LINE_BYTES = 4 * LINE
THRESHOLDS = np.geomspace(0.02, 0.8, 24)


class LabelTree(NamedTuple):
    """State of the tree; label 0 stands for labels that never occurred and has no place.

    Attributes
    ----------
    totals
        Nodes; the node that is being filled and its children so far; labels; lines in use; rows,
        entries and features of the first rows, which decide whether the stream is dense.
    weights
        (lines, 16): weights of 15 siblings for one feature, and their sum of squares.
    bias
        (nodes, 16): the same without a feature.
    child, mass
        (nodes, 15): a label, minus a node, or 0 for none; rows that had a label there.
    parent
        (nodes,): 16 times the node above plus the place there; -1 for the root.
    home
        (labels,): the same for a label; -1 for one without a place.
    mark
        (nodes,): -1, but while a row is learned.
    largest
        (features,): largest absolute value so far.
    outcomes
        (thresholds, 3): faded hits, false alarms and misses, had each been the threshold.
    hits
        Labels predicted and true, predicted and false, missed, over all rows.
    trial_weights, trial_bias, trial_loss
        (rates, lines, 16), (rates, nodes, 16), (rates,): some nodes once more for each learning
        rate on trial, and their faded log loss.
    """

    totals: NDArray[np.int64]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    child: NDArray[np.int32]
    mass: NDArray[np.int64]
    parent: NDArray[np.int64]
    home: NDArray[np.int64]
    mark: NDArray[np.int64]
    largest: NDArray[np.float64]
    outcomes: NDArray[np.float64]
    hits: NDArray[np.int64]
    trial_weights: NDArray[np.float32]
    trial_bias: NDArray[np.float32]
    trial_loss: NDArray[np.float64]


def new_tree(nodes: int = 16, labels: int = 256, features: int = 256) -> LabelTree:
    """Make a tree of one empty node, with room for so many nodes, labels and features."""
    return LabelTree(
        np.array([1, 0, 0, 0, 0, 0, 0, 0]),
        np.zeros((FIRST_LINES, LINE), np.float32),
        np.zeros((nodes, LINE), np.float32),
        np.zeros((nodes, CHILDREN), np.int32),
        np.zeros((nodes, CHILDREN), np.int64),
        np.full(nodes, -1, np.int64),
        np.full(labels, -1, np.int64),
        np.full(nodes, -1, np.int64),
        np.zeros(features),
        np.zeros((THRESHOLDS.size, 3)),
        np.zeros(3, np.int64),
        np.zeros((RATES.size, TRIAL_LINES, LINE), np.float32),
        np.zeros((RATES.size, TRIALS, LINE), np.float32),
        FIRST_LOSS.copy(),
    )


def grown_tree(tree: LabelTree, labels: int, features: int) -> LabelTree:
    """Return a tree with room for so many labels and features, and for the nodes they may need."""
    wanted = 2 + labels // (CHILDREN - 1), labels, features
    room = tree.parent.size, tree.home.size, tree.largest.size
    if all(have >= want for have, want in zip(room, wanted, strict=True)):
        return tree
    new = new_tree(*(doubled(have, want) for have, want in zip(room, wanted, strict=True)))
    grown = {
        name: getattr(new, name)
        for name in ("bias", "child", "mass", "parent", "home", "mark", "largest")
    }
    for name, array in grown.items():
        old = getattr(tree, name)
        array[: len(old)] = old
    return tree._replace(**grown)


def with_more_lines(tree: LabelTree, most: int) -> LabelTree:
    """Return a tree with twice the lines, which predicts the same; at most ``most``.

    A line is found by the lower bits of a hash, so each line's content goes to the two places
    that its features may have from now on. All the address space that may ever be needed is
    asked for at once and used bit by bit: no second copy, and huge pages.
    """
    lines = len(tree.weights)
    raw = tree.weights.base
    if not isinstance(raw, np.ndarray) or raw.size < most * LINE:
        raw = np.empty((most + 1) * LINE, np.float32)
        _lines(raw, lines)[:] = tree.weights
    weights = _lines(raw, 2 * lines)
    weights[:lines, CHILDREN] = -np.abs(weights[:lines, CHILDREN])
    weights[lines:] = weights[:lines]
    tree.totals[USED] = 0
    return tree._replace(weights=weights)


def _lines(raw: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """View the first lines of an array, each of 64 bytes at a multiple of 64."""
    skip = -raw.ctypes.data % LINE_BYTES // 4
    return raw[skip : skip + count * LINE].reshape(count, LINE)
