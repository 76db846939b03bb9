"""Arrays that a run over rows works in: made once, so that no row has to ask for memory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.experts.label_sets import TOP_SETS
from growlabels.stream.experts.stack import EXPERTS
from growlabels.stream.experts.state import HELD, SPARSE
from growlabels.stream.numeric.arithmetic import INNER
from growlabels.stream.numeric.numba import compiled

PARTS = len(EXPERTS)
NEAREST = 10
SCORE_A, SCORE_B, PRIOR_SHARE, MIXED, SHIFTED, TRUTH, ERROR_A, ERROR_B = range(8)


class Room(NamedTuple):
    """What is worked in; lines are as long as the experts have room, cells as the widest row.

    Of the first ones there is a line for each row that is made ready ahead.

    Attributes
    ----------
    span
        First row made ready, and the row after the last.
    x
        (rows, features): each value times its gauge.
    moments, scaled, zscores, precision
        What :func:`standardise` writes.
    inputs, gain
        (rows, places): what the ridge takes of the z-scores, then zeros; its covariance times
        that, without the steps it holds.
    distance
        (rows, slots): to the rows of the window as it was before the first.
    parked, spikes
        (rows, features), (rows,): whether a value was beyond its fence; whether any was.
    columns, between
        (features, rows): x in 32 bits, as in the window; (rows, rows): distances between them.
    labels
        (8, labels): lines for one number per label.
    parts
        What the experts say, label after label of each.
    narrow
        (features,): z-scores in 32 bits.
    knot, share, steps
        (features,), (features,), (2, features): a row's place on the curves; their steps.
    score_c, error_c
        (labels,): scores of the curves, 0 unless they are asked; their errors.
    plain, weighted
        (cells,): a sparse row as the two linear experts see it.
    near, best, candidates
        Slots of the nearest rows, their distances; sets to choose from.
    """

    span: NDArray[np.int64]
    x: NDArray[np.float64]
    moments: NDArray[np.float64]
    scaled: NDArray[np.float32]
    zscores: NDArray[np.float64]
    precision: NDArray[np.float64]
    inputs: NDArray[np.float64]
    gain: NDArray[np.float64]
    distance: NDArray[np.float32]
    parked: NDArray[np.bool_]
    spikes: NDArray[np.bool_]
    columns: NDArray[np.float32]
    between: NDArray[np.float32]
    labels: NDArray[np.float64]
    parts: NDArray[np.float64]
    narrow: NDArray[np.float32]
    knot: NDArray[np.int64]
    share: NDArray[np.float32]
    steps: NDArray[np.float32]
    score_c: NDArray[np.float32]
    error_c: NDArray[np.float32]
    plain: NDArray[np.float32]
    weighted: NDArray[np.float32]
    near: NDArray[np.int64]
    best: NDArray[np.float32]
    candidates: NDArray[np.int64]


@compiled(**INNER)
def make_room(mode, experts, x_start, begin):
    """Make room for rows from ``begin`` on, none of them made ready yet."""
    dense = mode != SPARSE
    rows = min(x_start.size - 1 - begin, HELD) if dense else 1
    features = experts.mean.size if dense else 0
    places, labels, cells = experts.covariance.shape[0], experts.label_rows.size, 0
    for r in range(begin, x_start.size - 1 if not dense else begin):
        cells = max(cells, x_start[r + 1] - x_start[r])
    return Room(
        np.zeros(2, np.int64),
        np.empty((rows, features)),
        np.empty((rows, 3, features)),
        np.empty((rows, features + 1), np.float32),
        np.empty((rows, features + 1)),
        np.empty((rows, features)),
        np.zeros((rows, places)),
        np.empty((rows, places)),
        np.empty((rows, experts.slot_set.size), np.float32),
        np.empty((rows, features), np.bool_),
        np.empty(rows, np.bool_),
        np.empty((features, rows), np.float32),
        np.empty((rows, rows), np.float32),
        np.empty((8, labels)),
        np.empty((PARTS + 1) * labels),
        np.empty(features + 1, np.float32),
        np.empty(features, np.int64),
        np.empty(features, np.float32),
        np.empty((2, features), np.float32),
        np.zeros(labels, np.float32),
        np.zeros(labels, np.float32),
        np.empty(cells, np.float32),
        np.empty(cells, np.float32),
        np.empty(NEAREST, np.int64),
        np.empty(NEAREST, np.float32),
        np.empty(TOP_SETS + NEAREST, np.int64),
    )
