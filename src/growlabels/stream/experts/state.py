"""What the experts know: arrays that grow by doubling, and how to make and grow them."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.numba import borrowing

RIDGE, DENSE, SPARSE = range(3)
"""Dense rows with a ridge as second linear expert; dense and wide; sparse."""

WIDEST_RIDGE = 512
FIRST_SQUARE = 0.001
RIDGE_PENALTY = 100.0
KNOTS = 10

HELD = 4
"""Steps of the ridge that its covariance takes up together."""
TILE = 8
"""The places of the ridge come in whole tiles of so many."""
LINE = 64
"""Bytes of a line of the cache: an array that begins with one is read faster."""

ROWS, FEATURES, LABELS, ENTRIES, NODES, OLDEST, STEPS, COUNTED, DUE = range(9)
LOW, HIGH, PARK_LOW, PARK_HIGH, SPIKES, SINCE, TOLD = range(7)
FENCES = 7


class Experts(NamedTuple):
    """State of all experts, since their last restart.

    Label index 0 is a label that never occurred: it learns from every row as a negative, and a
    label that occurs for the first time starts as its copy. In linear weights place 0 is the
    intercept, so feature j is at place j + 1.

    Attributes
    ----------
    totals
        Rows; features; labels, the never-seen one included; non-zero entries of all rows;
        next and oldest place of the ring of nodes, as absolute positions; steps held; rows
        learned since there are fences; 1 when a look at the fences is due, else 0.
    gauge
        (features,): a power of two that brings the feature's first value near 1; 0 before. When
        dense, values are taken times it, so that no scale overflows.
    mean, spread, largest
        (features,): running mean, sum of squared deviations, largest absolute value.
    fences
        (FENCES, features): low and high fence, what stands for a value beyond each, faded count
        of values beyond, row of the last one, and whether an event told of one (-1: is about to).
    present
        (features,): rows in which the feature is not zero.
    linear, linear_squares, second, second_squares
        Weights and AdaGrad sums of the linear experts: (labels, features + 1) when dense,
        (features + 1, labels) when sparse.
    norms
        Sums of squared row norms for the two linear experts.
    ridge, covariance
        (labels, places) and (places, places), at most 520 places: whole tiles.
    held
        (HELD, places): steps of the ridge, of each the gain over the root of its norm; their
        outer products are yet to be taken from the covariance.
    curves, visits
        (features, knots, labels) and (features, knots), when dense: value of each label's curve
        at a knot; sum of squares of what rows had in the knot.
    missed
        (labels,): sum of the squared errors of the curves.
    label_rows, recent
        (labels,): faded count of rows with the label, as the decoder's; decayed share of rows
        with it.
    window
        (features, slots): the last rows, when dense.
    node_feature, node_value, node_slot, node_weight, follower
        A ring of the entries of the last rows: feature, value and, when sparse, slot of the row,
        weight in the unit row, next node of the same feature (-1: none).
    first, last
        (features,): oldest and newest node of a feature, as absolute positions; -1 for none.
    slot_start, slot_size, slot_set
        (slots,): first node, number of nodes and label set of each row of the window.
    """

    totals: NDArray[np.int64]
    gauge: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    largest: NDArray[np.float64]
    fences: NDArray[np.float64]
    present: NDArray[np.float64]
    linear: NDArray[np.float32]
    linear_squares: NDArray[np.float32]
    second: NDArray[np.float32]
    second_squares: NDArray[np.float32]
    norms: NDArray[np.float64]
    ridge: NDArray[np.float64]
    covariance: NDArray[np.float64]
    curves: NDArray[np.float32]
    visits: NDArray[np.float64]
    missed: NDArray[np.float64]
    held: NDArray[np.float64]
    label_rows: NDArray[np.float64]
    recent: NDArray[np.float64]
    window: NDArray[np.float32]
    node_feature: NDArray[np.int64]
    node_value: NDArray[np.float64]
    node_slot: NDArray[np.int64]
    node_weight: NDArray[np.float32]
    follower: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    slot_start: NDArray[np.int64]
    slot_size: NDArray[np.int64]
    slot_set: NDArray[np.int64]


@borrowing()
def ridge_places(features):
    """Places of the ridge for so many features and the intercept, in whole tiles."""
    return (min(features, WIDEST_RIDGE) + TILE) // TILE * TILE


def at_line(shape: tuple[int, int], kind: type[np.generic]) -> NDArray[Any]:
    """Make zeros that begin where a line of the cache does."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    room = np.zeros(size + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + size].view(kind).reshape(shape)


def new_experts(mode: int, slots: int, features: int, labels: int, nodes: int) -> Experts:
    """Make experts that know nothing, with room for so many features, labels and nodes."""

    def linear(fill: float, wanted: bool) -> NDArray[np.float32]:
        if not wanted:
            return np.zeros((1, 1), np.float32)
        shape = (features + 1, labels) if mode == SPARSE else (labels, features + 1)
        return np.full(shape, fill, np.float32)

    places = ridge_places(features) if mode == RIDGE else 1
    slow = mode != RIDGE
    dense, links = (1, nodes) if mode == SPARSE else (features, 1)
    curves = (1, 1, 1) if mode == SPARSE else (features, KNOTS, labels)
    fences = np.zeros((FENCES, features))
    fences[LOW], fences[HIGH] = -np.inf, np.inf
    covariance = at_line((places, places), np.float64)
    np.fill_diagonal(covariance, 1.0 / RIDGE_PENALTY)
    return Experts(
        np.array([0, 0, 1, 0, 0, 0, 0, 0, 0]),
        np.zeros(features),
        np.zeros(features),
        np.zeros(features),
        np.zeros(features),
        fences,
        np.zeros(features),
        linear(0.0, True),
        linear(FIRST_SQUARE, True),
        linear(0.0, slow),
        linear(FIRST_SQUARE, slow),
        np.zeros(2),
        np.zeros((labels if mode == RIDGE else 1, places)),
        covariance,
        np.zeros(curves, np.float32),
        np.full(curves[:2], FIRST_SQUARE),
        np.full(labels, FIRST_SQUARE),
        np.zeros((HELD, places)),
        np.zeros(labels),
        np.zeros(labels),
        at_line((dense, slots), np.float32),
        np.zeros(nodes, np.int64),
        np.zeros(nodes),
        np.zeros(links, np.int64),
        np.zeros(links, np.float32),
        np.full(links, -1, np.int64),
        np.full(features, -1, np.int64),
        np.full(features, -1, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
    )


def capacity(experts: Experts) -> tuple[int, int, int]:
    """Room for features, labels and nodes."""
    return experts.mean.size, experts.label_rows.size, experts.node_feature.size


def grown_capacity(
    experts: Experts, features: int, labels: int, nodes: int
) -> tuple[int, int, int]:
    """Room that experts need for so many features and labels and ``nodes`` more nodes."""
    nodes += int(experts.totals[NODES] - experts.totals[OLDEST])
    have = capacity(experts)
    return doubled(have[0], features), doubled(have[1], labels), doubled(have[2], nodes)


def experts_bytes(mode: int, slots: int, features: int, labels: int, nodes: int) -> int:
    """Bytes of the arrays that :func:`new_experts` makes."""
    linear = 8 * (features + 1) * labels
    places = ridge_places(features)
    ridge, second = (8 * places * (labels + places + HELD), 8) if mode == RIDGE else (48, linear)
    dense, links = (1, nodes) if mode == SPARSE else (features, 1)
    curves = 12 if mode == SPARSE else 4 * features * KNOTS * (labels + 2)
    once = 8 * (11 + (7 + FENCES) * features + 3 * labels + 2 * nodes + 3 * slots)
    return once + linear + second + ridge + curves + 4 * dense * slots + 20 * links


def grown_experts(experts: Experts, mode: int, features: int, labels: int, nodes: int) -> Experts:
    """Return experts with room for so many features and labels and ``nodes`` more nodes.

    Arrays that have room as they are are shared with the old experts.
    """
    room = capacity(experts)
    features, labels, nodes = grown_capacity(experts, features, labels, nodes)
    if (features, labels, nodes) == room:
        return experts
    slots = experts.slot_set.size
    wider = (features, labels) != room[:2]
    wide = new_experts(mode, slots, features, labels, 1) if wider else experts
    ring = new_experts(mode, slots, 1, 1, nodes) if nodes > room[2] else experts
    grown = {}
    for name in Experts._fields:
        in_ring = name.startswith("node_") or name == "follower"
        old, new = getattr(experts, name), getattr(ring if in_ring else wide, name)
        if new is not old and in_ring:
            new.reshape(-1, old.size)[:] = old  # a node's place is its position modulo the size
        elif new is not old:
            new[tuple(slice(0, size) for size in old.shape)] = old
        grown[name] = new
    return Experts(**grown)


def doubled(have: int, want: int) -> int:
    """Double ``have`` until it is at least ``want``."""
    while have < want:
        have *= 2
    return have
