"""Compiled steps of learning: new labels, the experts, the window, the choice of the mode."""

import math

from growlabels.stream.experts.label_sets import FADE, POOL, SETS
from growlabels.stream.experts.ridge import ridge_step
from growlabels.stream.experts.scratch import ERROR_A, ERROR_B
from growlabels.stream.experts.state import (
    ENTRIES,
    FEATURES,
    LABELS,
    NODES,
    OLDEST,
    RIDGE,
    ROWS,
    SPARSE,
)
from growlabels.stream.numeric.arithmetic import (
    adagrad_step,
    copy,
    dot,
    gauge_of,
    sigmoid,
    sparse_adagrad_step,
)
from growlabels.stream.numeric.numba import borrowing

RATE_A, RATE_B_DENSE, RATE_B_SPARSE = 2.0, 0.3, 4.0
SPARSE_BELOW, DENSE_ABOVE = 0.25, 0.35


@borrowing()
def activate(experts, mode, labels):
    """Start labels up to index ``labels`` - 1 as copies of the label that never occurred."""
    for label in range(experts.totals[LABELS], labels):
        experts.missed[label] = experts.missed[0]
        if mode == SPARSE:
            for j in range(experts.totals[FEATURES] + 1):
                experts.linear[j, label] = experts.linear[j, 0]
                experts.linear_squares[j, label] = experts.linear_squares[j, 0]
                experts.second[j, label] = experts.second[j, 0]
                experts.second_squares[j, label] = experts.second_squares[j, 0]
            continue
        for j in range(experts.curves.shape[0]):
            for knot in range(experts.curves.shape[1]):
                experts.curves[j, knot, label] = experts.curves[j, knot, 0]
        copy(experts.linear[0], experts.linear[label])
        copy(experts.linear_squares[0], experts.linear_squares[label])
        if mode == RIDGE:
            copy(experts.ridge[0], experts.ridge[label])
        else:
            copy(experts.second[0], experts.second[label])
            copy(experts.second_squares[0], experts.second_squares[label])
    experts.totals[LABELS] = max(experts.totals[LABELS], labels)


@borrowing()
def crowded(experts, sets, features, labels, cells, present):
    """Say whether arrays must grow for a row of so many cells and labels that are present."""
    totals, used = experts.totals, sets.used
    return (
        features > experts.mean.size
        or labels > experts.label_rows.size
        or totals[NODES] - totals[OLDEST] + cells > experts.node_feature.size
        or used[SETS] >= sets.key.size
        or used[POOL] + present > sets.pool.size
    )


@borrowing(no_cpython_wrapper=True)
def learn_linear(mode, experts, room, view, truth, known):
    """Let both linear experts learn a row; ``truth`` (labels,) is 0 or 1."""
    labels = truth.size
    error_a, error_b = room.labels[ERROR_A][:labels], room.labels[ERROR_B][:labels]
    for label in range(labels):
        source = label if label < known else 0
        error_a[label] = sigmoid(view.score_a[source]) - truth[label]
        if mode == RIDGE:
            error_b[label] = 2.0 * truth[label] - 1.0 - view.score_b[source]
        else:
            error_b[label] = sigmoid(view.score_b[source]) - truth[label]
    rows = experts.totals[ROWS] + 1.0
    norms = experts.norms
    if mode == SPARSE:
        for k in range(view.plain.size):
            norms[0] += view.plain[k] * view.plain[k]
            norms[1] += view.weighted[k] * view.weighted[k]
        norms += 1.0
        rate = RATE_A * math.sqrt(rows / norms[0])
        weights, squares = experts.linear, experts.linear_squares
        sparse_adagrad_step(weights, squares, view.places, view.plain, error_a, rate)
        rate = RATE_B_SPARSE * math.sqrt(rows / norms[1])
        weights, squares = experts.second, experts.second_squares
        sparse_adagrad_step(weights, squares, view.places, view.weighted, error_b, rate)
        return
    norms[0] += dot(view.scaled, view.scaled)
    norms[1] += dot(view.zscores, view.zscores)
    rate = RATE_A * math.sqrt(rows / norms[0])
    adagrad_step(experts.linear, experts.linear_squares, view.scaled, error_a, rate)
    if mode == RIDGE:
        ridge_step(experts, view.inputs, view.gain, error_b)
    else:
        rate = RATE_B_DENSE * math.sqrt(rows / norms[1])
        adagrad_step(experts.second, experts.second_squares, view.narrow, error_b, rate)


@borrowing(no_cpython_wrapper=True)
def learn_counts(mode, keep_recent, experts, view, truth):
    """Count features and labels of a row."""
    for j in range(view.x.size):
        experts.mean[j] = view.moments[0, j]
        experts.spread[j] = view.moments[1, j]
        experts.largest[j] = view.moments[2, j]
    for k in range(view.places.size):
        j = view.places[k]
        experts.present[j] += 1.0
        if experts.gauge[j] == 0.0:
            experts.gauge[j] = gauge_of(view.value[k])
    for label in range(truth.size):
        experts.label_rows[label] = FADE * experts.label_rows[label] + truth[label]
        decayed = keep_recent * experts.recent[label]
        experts.recent[label] = decayed + (1.0 - keep_recent) * truth[label]


@borrowing(no_cpython_wrapper=True)
def forget_oldest(experts, mode, slot):
    """Free the nodes of the oldest row, which is in ``slot``."""
    mask = experts.node_feature.size - 1
    begin = experts.slot_start[slot]
    end = begin + experts.slot_size[slot]
    for node in range(begin, end):
        j = experts.node_feature[node & mask]
        if mode == SPARSE:
            experts.first[j] = experts.follower[node & mask]
            if experts.first[j] < 0:
                experts.last[j] = -1
        else:
            experts.window[j, slot] = 0.0
    experts.totals[OLDEST] = end


@borrowing(no_cpython_wrapper=True)
def remember(experts, mode, view, set_number):
    """Put a row into the window, in place of the oldest when that is full; count the row."""
    slots = experts.slot_set.size
    slot = experts.totals[ROWS] % slots
    if experts.totals[ROWS] >= slots:
        forget_oldest(experts, mode, slot)
    mask = experts.node_feature.size - 1
    begin = experts.totals[NODES]
    experts.slot_start[slot] = begin
    experts.slot_size[slot] = view.places.size
    experts.slot_set[slot] = set_number
    for k in range(view.places.size):
        node = begin + k
        place = node & mask
        j = view.places[k]
        experts.node_feature[place] = j
        experts.node_value[place] = view.value[k]
        if mode == SPARSE:
            experts.node_slot[place] = slot
            experts.node_weight[place] = view.weighted[k]
            experts.follower[place] = -1
            if experts.last[j] < 0:
                experts.first[j] = node
            else:
                experts.follower[experts.last[j] & mask] = node
            experts.last[j] = node
        else:
            experts.window[j, slot] = view.x[j]
    experts.totals[NODES] = begin + view.places.size
    experts.totals[ENTRIES] += view.places.size
    experts.totals[ROWS] += 1


@borrowing()
def fitting_mode(totals, mode, dense_mode):
    """Choose the mode that fits the running density, with some inertia."""
    area = totals[ROWS] * max(totals[FEATURES], 1)
    limit = DENSE_ABOVE if mode == SPARSE else SPARSE_BELOW
    return SPARSE if totals[ENTRIES] < limit * area else dense_mode
