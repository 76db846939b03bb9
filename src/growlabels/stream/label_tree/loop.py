"""The compiled loop over rows of the label tree: predict a row, score it, then learn it."""

import math
from typing import NamedTuple

import numpy as np

from growlabels.stream.label_tree.kernels import (
    CELLS,
    ROWS,
    USED,
    WIDTH,
    all_chances,
    feature_keys,
    learn_labels,
    search,
)
from growlabels.stream.label_tree.state import SPARE, THRESHOLDS
from growlabels.stream.numeric.adwin import watch
from growlabels.stream.numeric.arithmetic import INNER
from growlabels.stream.numeric.numba import compiled

FINISHED, DRIFT, CROWDED = range(3)
"""Why the loop stopped: all rows done; drift; more lines are due."""
BLOCKS = 20
WANTED = 5
MOST_FOUND = 150
REACH = 0.6
FADE = 0.999
FIRST_THRESHOLD = 14
SETTLED = 1000
"""Rows that decide whether the stream is dense."""


class TreeTuning(NamedTuple):
    """What the loop is told.

    Attributes
    ----------
    learn
        Learn the rows after predicting them.
    replay
        The rows were seen before: they are not watched for drift.
    delta
        Of ADWIN; 0: off.
    most_lines
        Lines that memory allows; with fewer, ask for more when they get crowded.
    """

    learn: bool
    replay: bool
    delta: float
    most_lines: int


@compiled(error_model="numpy")
def unit_row(index, value, largest, scaled, out):
    """Write a row at length 1, in 32 bits; ``scaled`` (dense rows): over the largest so far."""
    top, total = 0.0, 0.0
    row = np.empty(index.size)
    for k in range(index.size):
        j, x = index[k], value[k]
        if scaled:
            x /= max(abs(x), largest[j] if j < largest.size else 0.0)
        row[k] = x
        top = max(top, abs(x))
    for k in range(index.size):
        row[k] /= top
        total += row[k] * row[k]
    for k in range(index.size):
        out[k] = row[k] / math.sqrt(total)


@compiled(error_model="numpy")
def best_threshold(outcomes):
    """Return the place of the threshold with the best faded F1."""
    best, place = -1.0, FIRST_THRESHOLD
    for k in range(outcomes.shape[0]):
        total = 2.0 * outcomes[k, 0] + outcomes[k, 1] + outcomes[k, 2]
        if total > 0.0 and 2.0 * outcomes[k, 0] / total > best:
            best, place = 2.0 * outcomes[k, 0] / total, k
    return place


@compiled(**INNER)
def _score(tree, labels, chances, threshold, truth):
    """Count hits, false alarms and misses for every threshold; return 1 - F1 of the one used."""
    tree.outcomes[:] *= FADE
    hit, picked = 0, 0
    for k in range(labels.size):
        at = np.searchsorted(truth, labels[k])
        right = at < truth.size and truth[at] == labels[k]
        for t in range(THRESHOLDS.size):
            if chances[k] < THRESHOLDS[t]:
                break
            tree.outcomes[t, 0 if right else 1] += 1.0
            if right:
                tree.outcomes[t, 2] -= 1.0
        if chances[k] >= threshold:
            picked += 1
            hit += right
    tree.outcomes[:, 2] += truth.size
    tree.hits[0] += hit
    tree.hits[1] += picked - hit
    tree.hits[2] += truth.size - hit
    total = picked + truth.size
    return 1.0 - 2.0 * hit / total if total > 0 else 0.0


@compiled(error_model="numpy")
def is_dense(totals):
    """Say whether a quarter of the entries of the first rows was there."""
    return 4 * totals[CELLS] >= totals[ROWS] * totals[WIDTH]


@compiled(**INNER)
def _ready(tree, index, value):
    keys, unit = np.empty(index.size, np.uint64), np.empty(index.size, np.float32)
    feature_keys(index, keys)
    unit_row(index, value, tree.largest, is_dense(tree.totals), unit)
    return keys, unit


@compiled(error_model="numpy")
def run_tree(tuning, tree, monitor, rows, begin, chosen, alarm):
    """Predict rows from ``begin`` on and, if told so, learn each before the next.

    Writes ``chosen`` (rows, at most ``MOST_FOUND``): the labels over the threshold, then 0;
    and on drift ``alarm``: old mean, new mean, bound. Returns the next row and why.
    """
    x_start, x_index, x_value, y_start, y_index = rows
    labels, chances = np.empty(MOST_FOUND, np.int64), np.empty(MOST_FOUND)
    for r in range(begin, x_start.size - 1):
        index = x_index[x_start[r] : x_start[r + 1]]
        value = x_value[x_start[r] : x_start[r + 1]]
        keys, unit = _ready(tree, index, value)
        threshold = THRESHOLDS[best_threshold(tree.outcomes)]
        found = search(tree, keys, unit, BLOCKS, WANTED, REACH * threshold, labels, chances)
        for k in range(min(found, chosen.shape[1])):
            chosen[r, k] = labels[k] if chances[k] >= threshold else 0
        if not tuning.learn:
            continue
        truth = y_index[y_start[r] : y_start[r + 1]]
        loss = _score(tree, labels[:found], chances[:found], threshold, truth)
        if tree.totals[ROWS] < SETTLED:
            tree.totals[ROWS] += 1
            tree.totals[CELLS] += index.size
            if index.size:
                tree.totals[WIDTH] = max(tree.totals[WIDTH], index[-1] + 1)
        for k in range(index.size):
            tree.largest[index[k]] = max(tree.largest[index[k]], abs(value[k]))
        learn_labels(tree, keys, unit, truth)
        lines = tree.weights.shape[0]
        if tuning.delta > 0.0 and not tuning.replay:
            old, new, bound = watch(monitor, loss, tuning.delta)
            alarm[0], alarm[1], alarm[2] = old, new, bound
            if bound > 0.0 and new > old:
                return r + 1, DRIFT
        if lines < tuning.most_lines and SPARE * tree.totals[USED] > lines:
            return r + 1, CROWDED
    return x_start.size - 1, FINISHED


@compiled(error_model="numpy")
def likeliest(tree, rows, blocks, labels, chances):
    """Write the likeliest labels of each row, likeliest first, and their chances: (rows, k)."""
    x_start, x_index, x_value = rows
    for r in range(x_start.size - 1):
        part = slice(x_start[r], x_start[r + 1])
        keys, unit = _ready(tree, x_index[part], x_value[part])
        search(tree, keys, unit, blocks, labels.shape[1], 2.0, labels[r], chances[r])


@compiled(error_model="numpy")
def every_chance(tree, rows, out):
    """Write the probability of each label for each row, (rows, labels)."""
    x_start, x_index, x_value = rows
    for r in range(x_start.size - 1):
        part = slice(x_start[r], x_start[r + 1])
        keys, unit = _ready(tree, x_index[part], x_value[part])
        all_chances(tree, keys, unit, out[r])
