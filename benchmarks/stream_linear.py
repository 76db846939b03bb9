"""The linear experts of IHOMER and nothing else, for ``stream_speed.py``: composed on purpose.

The compiled steps of the learner without nearest rows, frequencies and the decoder of label sets:
linear A alone, one logistic model per label as in Vowpal Wabbit's one against all, or both linear
experts mixed by the stack. A label is chosen above the threshold that is best for F1.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from growlabels.stream import ArrayRows
from growlabels.stream.experts.learn import RATE_A, SPARSE_BELOW, learn_counts, learn_linear
from growlabels.stream.experts.loop import score_row
from growlabels.stream.experts.predict import (
    HIGH_THETA,
    LOW_THETA,
    RIDGE_SCALE,
    clip,
    observe,
    unit_rows,
)
from growlabels.stream.experts.scratch import MIXED, TRUTH, make_room
from growlabels.stream.experts.stack import KEEP, PENALTY
from growlabels.stream.experts.state import (
    DENSE,
    LABELS,
    RIDGE,
    ROWS,
    SPARSE,
    WIDEST_RIDGE,
    new_experts,
)
from growlabels.stream.numeric.arithmetic import (
    adagrad_step,
    dot,
    gauge_of,
    linear_scores,
    mix,
    sigmoid,
    sparse_adagrad_step,
    sparse_linear_scores,
    spread_out,
    stack_step,
    standardise,
)


def linear_only(rows: ArrayRows, both: bool) -> NDArray[np.bool_]:
    """Predict, then learn every row; return the choices (rows, labels)."""
    X, Y = sparse.csr_array(rows.X), sparse.csr_array(rows.Y)
    labels, features = Y.shape[1], X.shape[1]
    mode = SPARSE if X.nnz < SPARSE_BELOW * X.shape[0] * features else DENSE
    if mode == DENSE and both and features <= WIDEST_RIDGE:
        mode = RIDGE
    experts = new_experts(mode, 0, features, labels + 1, 1)  # no slot: no row is kept
    experts.totals[LABELS] = labels + 1
    chosen = np.zeros((X.shape[0], labels + 1), bool)
    cells = X.indptr.astype(np.int64), X.indices.astype(np.int64), X.data.astype(np.float64)
    truth = Y.indptr.astype(np.int64), Y.indices.astype(np.int64) + 1
    (_run_both if both else _run_one)(mode, experts, cells, truth, chosen)
    return chosen[:, 1:]


@njit(error_model="numpy", _nrt=False)
def _choose(hits, z, picked):
    theta = (2.0 * hits[0] + 1.0) / (2.0 * hits[0] + hits[1] + hits[2] + 2.0) / 2.0
    theta = min(max(theta, LOW_THETA), HIGH_THETA)
    for label in range(1, z.size):
        picked[label] = z[label] > math.log(theta / (1.0 - theta))


@njit(error_model="numpy", _nrt=False)
def _both(mode, experts, room, cells, truths, chosen, hits, weights, hessian, parts):
    y_start, y_index = truths
    features, labels = experts.mean.size, chosen.shape[1]
    scale = RIDGE_SCALE if mode == RIDGE else 1.0
    for r in range(len(chosen)):
        present = y_index[y_start[r] : y_start[r + 1]]
        view = observe(mode, experts, room, cells, r, features, labels, labels, True)
        for label in range(labels):
            parts[0, label] = clip(view.score_a[label])
            parts[1, label] = clip(scale * view.score_b[label])
        z, truth = room.labels[MIXED], room.labels[TRUTH]
        mix(weights, parts, z)
        _choose(hits, z, chosen[r])
        truth[:] = 0.0
        for label in present:
            truth[label] = 1.0
        stack_step(weights, hessian, parts, truth, KEEP, PENALTY)
        learn_linear(mode, experts, room, view, truth, labels)
        learn_counts(mode, 0.0, experts, view, truth)
        experts.totals[ROWS] += 1
        score_row(hits, chosen[r], present)


@njit(error_model="numpy")
def _run_both(mode, experts, cells, truths, chosen):
    room = make_room(mode, experts, cells[0], 0)
    weights, hessian = np.array([0.5, 0.5, 0.0]), np.eye(3) * PENALTY
    hits, parts = np.zeros(3, np.int64), np.ones((3, chosen.shape[1]))
    _both(mode, experts, room, cells, truths, chosen, hits, weights, hessian, parts)


@njit(error_model="numpy")
def _run_one(mode, experts, cells, truths, chosen):
    start, indices, values = cells
    y_start, y_index = truths
    hits, features, labels = np.zeros(3, np.int64), experts.mean.size, chosen.shape[1]
    z, errors, norm = np.empty(labels), np.empty(labels), 0.0
    moments, zscores = np.empty((3, features)), np.empty(features + 1)
    scaled, precision = np.empty(features + 1, np.float32), np.empty(features)
    weights, squares = experts.linear, experts.linear_squares
    for r in range(start.size - 1):
        index, value = indices[start[r] : start[r + 1]], values[start[r] : start[r + 1]]
        present = y_index[y_start[r] : y_start[r + 1]]
        plain, weighted = np.empty(index.size, np.float32), np.empty(index.size, np.float32)
        if mode == SPARSE:
            unit_rows(index, value, r, experts.present, plain, weighted)
            sparse_linear_scores(weights, index, plain, z)
            norm += 1.0 + dot(plain, plain) if index.size else 1.0
        else:
            x, mean, spread, top = np.zeros(features), experts.mean, experts.spread, experts.largest
            for k in range(index.size):
                if experts.gauge[index[k]] == 0.0:
                    experts.gauge[index[k]] = gauge_of(value[k])
            spread_out(index, value, experts.gauge, x)
            standardise(x, r, mean, spread, top, moments, scaled, zscores, precision)
            linear_scores(weights, scaled, z)
            norm += dot(scaled, scaled)
            top[:] = moments[2]
        _choose(hits, z, chosen[r])
        for label in range(labels):
            errors[label] = sigmoid(z[label])
        for label in present:
            errors[label] -= 1.0
        rate = RATE_A * math.sqrt((r + 1.0) / norm)
        if mode == SPARSE:
            sparse_adagrad_step(weights, squares, index, plain, errors, rate)
        else:
            adagrad_step(weights, squares, scaled, errors, rate)
        score_row(hits, chosen[r], present)
