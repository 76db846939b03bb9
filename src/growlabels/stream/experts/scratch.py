"""Arrays that the compiled loop works in: made once, so that no row has to ask for memory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.experts.label_sets import TOP_SETS
from growlabels.stream.experts.stack import EXPERTS
from growlabels.stream.experts.state import HELD, Experts

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


def new_room(experts: Experts) -> Room:
    """Make arrays for rows as wide as the experts have room for, none of them made ready yet."""
    wide, slots = experts.window.shape  # one feature, of no use, when sparse
    places, labels, cells = len(experts.covariance), experts.label_rows.size, experts.mean.size
    single = np.float32
    return Room(
        np.zeros(2, np.int64),
        np.empty((HELD, wide)),
        np.empty((HELD, 3, wide)),
        np.empty((HELD, wide + 1), single),
        np.empty((HELD, wide + 1)),
        np.empty((HELD, wide)),
        np.zeros((HELD, places)),
        np.empty((HELD, places)),
        np.empty((HELD, slots), single),
        np.empty((wide, HELD), single),
        np.empty((HELD, HELD), single),
        np.empty((8, labels)),
        np.empty((PARTS + 1) * labels),
        np.empty(wide + 1, single),
        np.empty(wide, np.int64),
        np.empty(wide, single),
        np.empty((2, wide), single),
        np.zeros(labels, single),
        np.zeros(labels, single),
        np.empty(cells, single),
        np.empty(cells, single),
        np.empty(NEAREST, np.int64),
        np.empty(NEAREST, single),
        np.empty(TOP_SETS + NEAREST, np.int64),
    )
