"""Compiled steps of a prediction: a row as the experts see it, what they say, the choice."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.experts.curves import curve_scores, place_on_curves
from growlabels.stream.experts.label_sets import MASS, NEW, SETS, SLOPE, TOP_SETS
from growlabels.stream.experts.label_sets import ROWS as COUNTED
from growlabels.stream.experts.prefetch import enter_fresh, make_ready
from growlabels.stream.experts.scratch import PARTS, PRIOR_SHARE, SCORE_A, SCORE_B, SHIFTED
from growlabels.stream.experts.state import NODES, OLDEST, ROWS, SPARSE, ridge_places
from growlabels.stream.experts.state import RIDGE as WITH_RIDGE
from growlabels.stream.numeric.arithmetic import (
    LOGIT_LIMIT,
    best_set,
    copy,
    linear_scores,
    logit,
    nearest,
    posting_distances,
    row_distances,
    sparse_linear_scores,
    vote,
)
from growlabels.stream.numeric.numba import borrowing, compiled

PRIOR = PARTS - 1
CURVES = PARTS - 2
RIDGE_SCALE = 2.5
SHORT_WINDOW = 100
FOLLOWING = 8.0
"""What following a list costs, an entry of a row read in order being 1."""
LOW_THETA, HIGH_THETA = 0.02, 0.5


class View(NamedTuple):
    """One row as the experts see it; arrays of the other mode are empty.

    Attributes
    ----------
    places, value
        The row, sparse: features and values.
    x
        (features,): the row, each value times its gauge, when dense.
    moments, scaled, zscores, narrow
        What :func:`standardise` writes when dense; ``narrow``: the z-scores in 32 bits.
    inputs, gain
        (places,): of the ridge, as :class:`Room` has it.
    knot, share
        Where the row lies on the curves, when dense.
    plain, weighted
        When sparse, the row at length 1, and the same weighted by inverse document frequency.
    score_a, score_b
        (labels,): scores of the linear experts before scaling and clipping.
    score_c
        The same of the curves; as many as there is room for labels.
    distance
        (slots,): to the rows of the window.
    """

    places: NDArray[np.int64]
    value: NDArray[np.float64]
    x: NDArray[np.float64]
    moments: NDArray[np.float64]
    scaled: NDArray[np.float32]
    zscores: NDArray[np.float64]
    narrow: NDArray[np.float32]
    inputs: NDArray[np.float64]
    gain: NDArray[np.float64]
    knot: NDArray[np.int64]
    share: NDArray[np.float32]
    plain: NDArray[np.float32]
    weighted: NDArray[np.float32]
    score_a: NDArray[np.float64]
    score_b: NDArray[np.float64]
    score_c: NDArray[np.float32]
    distance: NDArray[np.float32]


@compiled(error_model="numpy")
def unit_rows(index, value, rows, present, plain, weighted):
    """Write a sparse row at length 1, plain and weighted by inverse document frequency."""
    one, two, top = 0.0, 0.0, 0.0
    idf = np.empty(index.size)
    for k in range(index.size):
        top = max(top, abs(value[k]))
    for k in range(index.size):
        idf[k] = math.log((rows + 2.0) / (present[index[k]] + 1.5))
        one += (value[k] / top) ** 2
        two += (value[k] / top * idf[k]) ** 2
    one = 1.0 / math.sqrt(one) if one > 0.0 else 0.0
    two = 1.0 / math.sqrt(two) if two > 0.0 else 0.0
    for k in range(index.size):
        plain[k] = value[k] / top * one
        weighted[k] = value[k] / top * idf[k] * two


@borrowing(no_cpython_wrapper=True)
def _sparse_distances(experts, index, weighted, seen, distance):
    """Follow the features' lists of rows, or read all rows, whichever should take less time."""
    ring = experts.node_weight
    follow = 0.0
    for k in range(index.size):
        follow += experts.present[index[k]]
    follow *= distance.size / max(seen, 1)
    read = experts.totals[NODES] - experts.totals[OLDEST] + experts.first.size
    if FOLLOWING * follow < read:
        lists = experts.first, experts.follower, experts.node_slot
        posting_distances(index, weighted, *lists, ring, distance)
    else:
        rows = experts.slot_start, experts.slot_size, experts.node_feature
        row_distances(index, weighted, experts.first.size, *rows, ring, distance)


@borrowing(no_cpython_wrapper=True)
def observe(mode, experts, room, rows, row, features, known, labels, learn):
    """Scale a row and compute the scores of the ``known`` labels and all distances.

    ``rows``: (x_start, x_index, x_value), as in CSR. To ``learn`` says that each row is learned
    before the next is observed.
    """
    x_start, x_index, x_value = rows
    cells = slice(x_start[row], x_start[row + 1])
    index, value = x_index[cells], x_value[cells]
    dense = mode != SPARSE
    if dense and row >= room.span[1]:
        make_ready(mode, experts, room, rows, row, features, learn)
    place = row - room.span[0] if dense else 0
    width = features if dense else 0
    entries = 0 if dense else index.size
    places = ridge_places(features) if mode == WITH_RIDGE else 0
    view = View(
        index,
        value,
        room.x[place][:width],
        room.moments[place],
        room.scaled[place][: width + 1],
        room.zscores[place][: width + 1],
        room.narrow[: width + 1],
        room.inputs[place][:places],
        room.gain[place][:places],
        room.knot[:width],
        room.share[:width],
        room.plain[:entries],
        room.weighted[:entries],
        room.labels[SCORE_A][:labels],
        room.labels[SCORE_B][:labels],
        room.score_c,
        room.distance[place],
    )
    score_a, score_b = view.score_a[:known], view.score_b[:known]
    if mode == SPARSE:
        seen = experts.totals[ROWS]
        unit_rows(index, value, seen, experts.present, view.plain, view.weighted)
        sparse_linear_scores(experts.linear, index, view.plain, score_a)
        sparse_linear_scores(experts.second, index, view.weighted, score_b)
        distance = view.distance[: min(seen, view.distance.size)]
        _sparse_distances(experts, index, view.weighted, seen, distance)
        return view
    linear_scores(experts.linear, view.scaled, score_a)
    if mode == WITH_RIDGE:
        linear_scores(experts.ridge, view.inputs, score_b)
    else:
        copy(view.zscores, view.narrow)
        linear_scores(experts.second, view.narrow, score_b)
    place_on_curves(view.zscores, view.knot, view.share)
    curve_scores(experts.curves, view.knot, view.share, view.score_c)
    if learn:
        enter_fresh(experts, room, place)
    return view


@borrowing()
def clip(z):
    """Limit a log odds to +-6."""
    return min(max(z, -LOGIT_LIMIT), LOGIT_LIMIT)


@borrowing(no_cpython_wrapper=True)
def consult(mode, keep_recent, experts, sets, room, view, known):
    """Ask the experts: logits (experts + 1, labels), the nearest slots, sum of log(1 - prior)."""
    seen = experts.totals[ROWS]
    labels = view.score_a.size
    parts = room.parts[: (PARTS + 1) * labels].reshape((PARTS + 1, labels))
    prior = room.labels[PRIOR_SHARE][:known]
    absent = 0.0
    scale = RIDGE_SCALE if mode == WITH_RIDGE else 1.0
    # a decayed mean that started at zero has this much weight in all
    mass = 1.0 - keep_recent**seen if seen > 0 else 1.0
    total = sets.faded[MASS] + 4.0
    for label in range(known):
        # as if two rows with and two without each label had come first
        rows = experts.label_rows[label]
        prior[label] = (rows + 2.0) / total
        parts[0, label] = clip(view.score_a[label])
        parts[1, label] = clip(scale * view.score_b[label])
        parts[5, label] = logit(experts.recent[label] / mass)
        parts[CURVES, label] = clip(view.score_c[label])  # says nothing of sparse rows
        parts[PRIOR, label] = logit(prior[label])
        parts[PARTS, label] = 1.0
        if label > 0:
            # many labels that only occurred long ago must not add up
            absent += math.log(1.0 - prior[label] * min(rows, 1.0))
    slots = experts.slot_set.size
    filled = min(seen, slots)
    newest = (seen - 1) % slots
    near, best = room.near, room.best
    slot_set, start, size, pool = experts.slot_set, sets.start, sets.size, sets.pool
    found = nearest(view.distance, newest, min(filled, SHORT_WINDOW), near[:3], best[:3])
    vote(near, best, found, slot_set, start, size, pool, prior, parts[2][:known])
    found = nearest(view.distance, newest, filled, near, best)
    vote(near, best, min(found, 3), slot_set, start, size, pool, prior, parts[3][:known])
    vote(near, best, found, slot_set, start, size, pool, prior, parts[4][:known])
    for part in range(PARTS + 1):
        for label in range(known, labels):
            parts[part, label] = parts[part, 0]
    return parts, near[:found], absent


@borrowing(no_cpython_wrapper=True)
def choose(hits, experts, sets, room, z, odds, near, absent, picked):
    """Decode the mixed logits ``z`` (labels,) into a label set, marked in ``picked``.

    The logits are shifted by the threshold that is best for F1: half the F1 reached so far.
    """
    tp, fp, fn = hits[0], hits[1], hits[2]
    theta = (2.0 * tp + 1.0) / (2.0 * tp + fp + fn + 2.0) / 2.0
    theta = min(max(theta, LOW_THETA), HIGH_THETA)
    shift = 0.5 * math.log(theta / (1.0 - theta))
    scores = room.labels[SHIFTED][: z.size]
    for label in range(z.size):
        scores[label] = z[label] - shift
    top = min(sets.used[SETS], TOP_SETS)
    candidates = room.candidates[: top + near.size]
    copy(sets.top[:top], candidates)
    for k in range(near.size):
        candidates[top + k] = experts.slot_set[near[k]]
    mass = sets.faded[MASS]
    novelty = (sets.faded[NEW] + 0.5) / (mass + 1.0)
    rows = SLOPE * (sets.used[COUNTED] - 1) + math.log(mass)  # on the scale of the levels
    level, start, size, pool = sets.level, sets.start, sets.size, sets.pool
    winner = best_set(scores, candidates, level, start, size, pool, rows, novelty, odds, absent)
    if winner < 0:
        for label in range(1, scores.size):
            picked[label] = scores[label] > 0.0
    else:
        for k in range(size[winner]):
            picked[pool[start[winner] + k]] = True
