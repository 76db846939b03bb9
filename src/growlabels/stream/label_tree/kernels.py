"""The compiled arithmetic of the label tree: sibling blocks, learning, best-first search.

A node holds up to 15 children. Their weights for one feature lie in one line of 16 floats, 64
bytes, found by a hash of node and feature: 15 weights and the sum of squares of AdaGrad that the
siblings share. Strict floating point, so that every path agrees to the bit.
"""

import math

import numpy as np

from growlabels.stream.numeric.arithmetic import INNER
from growlabels.stream.numeric.numba import compiled

CHILDREN = 15
LINE = 16
EASE = 0.1
SURE = 3.0
RATES = np.array([1.5, 3.0, 6.0])
"""Learning rates on trial."""
FIRST_LOSS = np.array([2.0, 0.0, 2.0])
TRIAL_FADE = 0.9995
TRIAL_EVERY, TRIAL_PLACE, TRIALS = 16, 3, 4
"""Nodes 3, 19, 35 and 51 learn at every rate, beside what they learn for the tree."""
NODES, OPEN, FILLED, LABELS, USED, ROWS, CELLS, WIDTH = range(8)
"""Places in the totals: nodes; the node that is being filled, its children; labels; lines in
use; and of the first rows their number, entries and features."""


@compiled(error_model="numpy")
def feature_keys(index, keys):
    """Spread the feature indices over 64 bits."""
    for k in range(index.size):
        mixed = np.uint64(index[k] + 1) * np.uint64(0x9E3779B97F4A7C15)
        keys[k] = mixed ^ (mixed >> np.uint64(32))


@compiled(error_model="numpy")
def line_of(key, node, lines):
    """Return the line of a feature, given by its key, under a node; lines: a power of two."""
    mixed = (key + np.uint64(node) * np.uint64(0xD1342543DE82EF95)) * np.uint64(0x2545F4914F6CDD1D)
    return np.int64((mixed >> np.uint64(33)) & np.uint64(lines - 1))


@compiled(error_model="numpy")
def block_scores(weights, bias, node, keys, value, places, out):
    """Write where a row's lines are, (entries,), and the scores of a node's children, (16,)."""
    lines = weights.shape[0]
    for k in range(keys.size):
        places[k] = line_of(keys[k], node, lines)
    for child in range(LINE):
        out[child] = bias[node, child]
    for k in range(keys.size):
        line = weights[places[k]]
        x = value[k]
        for child in range(LINE):
            out[child] += x * line[child]


@compiled(error_model="numpy")
def block_step(weights, bias, node, places, value, errors, rate):
    """Step of AdaGrad for the children of a node; ``errors`` (16,): probability - truth, then 0.

    Returns how many lines were not in use before: a line's sum of squares is negative, or zero,
    until it is used after the table has doubled.
    """
    fresh = 0
    square = np.float32(0.0)
    for child in range(CHILDREN):
        square += errors[child] * errors[child]
    for k in range(places.size):
        line = weights[places[k]]
        x = value[k]
        had = line[CHILDREN]
        if had <= 0.0:
            fresh += 1
        total = abs(had) + x * x * square
        step = np.float32(rate) * x / np.sqrt(total + np.float32(EASE))
        for child in range(LINE):
            line[child] -= step * errors[child]
        line[CHILDREN] = total
    total = bias[node, CHILDREN] + square
    step = np.float32(rate) / np.sqrt(total + np.float32(EASE))
    for child in range(LINE):
        bias[node, child] -= step * errors[child]
    bias[node, CHILDREN] = total
    return fresh


@compiled(**INNER)
def _errors(scores, truths):
    """Turn scores into probability - truth, 0 at the end; return the log loss, nats."""
    loss = 0.0
    for child in range(CHILDREN):
        true = (truths >> child) & 1
        score = scores[child]
        away = -score if true else score
        loss += max(away, 0.0) + math.log1p(math.exp(-abs(away)))
        scores[child] = np.float32(1.0 / (1.0 + math.exp(-score))) - np.float32(true)
    scores[CHILDREN] = 0.0
    return loss


@compiled(**INNER)
def _try_rates(tree, node, truths, keys, value, places, errors):
    """Let a node learn at every rate, each with weights of its own, and fade the losses."""
    for trial in range(RATES.size):
        weights, bias = tree.trial_weights[trial], tree.trial_bias[trial]
        block_scores(weights, bias, node // TRIAL_EVERY, keys, value, places, errors)
        loss = _errors(errors, truths)
        tree.trial_loss[trial] = TRIAL_FADE * tree.trial_loss[trial] + loss
        at = node // TRIAL_EVERY
        block_step(weights, bias, at, places, value, errors, RATES[trial])


@compiled(**INNER)
def _leaf_to_split(child, mass):
    """Descend to the child with the fewest rows until that is a label."""
    node = 0
    while True:
        slot = 0
        for other in range(1, CHILDREN):
            if mass[node, other] < mass[node, slot]:
                slot = other
        if child[node, slot] > 0:
            return node, slot
        node = -child[node, slot]


@compiled(error_model="numpy")
def place_label(tree, label):
    """Give a new label a place: in the node that is open, else under the rarest leaf.

    The label that was there becomes the first child of a new node; its old place, which means
    "anything below", keeps what it has learned.
    """
    totals, child, home = tree.totals, tree.child, tree.home
    if totals[FILLED] == CHILDREN:
        above, slot = _leaf_to_split(child, tree.mass)
        new = totals[NODES]
        old = child[above, slot]
        child[above, slot] = -new
        child[new, 0] = old
        tree.parent[new] = above * LINE + slot
        tree.mass[new, 0] = tree.mass[above, slot]
        tree.bias[new, 0] = SURE
        home[old] = new * LINE
        totals[NODES] += 1
        totals[OPEN], totals[FILLED] = new, 1
    node, slot = totals[OPEN], totals[FILLED]
    child[node, slot] = label
    home[label] = node * LINE + slot
    totals[FILLED] += 1
    totals[LABELS] += 1


@compiled(**INNER)
def paths(tree, labels, nodes, truths):
    """List the nodes above some labels, the root always; their true children as bits.

    Returns how many; counts a row for each true child.
    """
    nodes[0], truths[0] = 0, 0
    tree.mark[0] = 0
    count = 1
    for label in labels:
        place = tree.home[label]
        while place >= 0:
            node, bit = place // LINE, 1 << (place % LINE)
            at = tree.mark[node]
            if at < 0:
                at = count
                tree.mark[node] = at
                nodes[at], truths[at] = node, 0
                count += 1
            if truths[at] & bit:
                break
            truths[at] |= bit
            tree.mass[node, place % LINE] += 1
            place = tree.parent[node]
    for k in range(count):
        tree.mark[nodes[k]] = -1
    return count


@compiled(error_model="numpy")
def learn_labels(tree, keys, value, labels):
    """Learn one row: in each node above its labels, which children hold any; the rest do not.

    Places without a label learn as absent. New labels are placed first. The learning rate is the
    one that loses least where several are on trial.
    """
    rate = RATES[np.argmin(tree.trial_loss)]
    steps = 1
    for label in labels:
        if tree.home[label] < 0:
            place_label(tree, label)
    for label in labels:
        place = tree.home[label]
        while place >= 0:
            steps += 1
            place = tree.parent[place // LINE]
    nodes, truths = np.empty(steps, np.int64), np.empty(steps, np.int64)
    places = np.empty(keys.size, np.int64)
    errors = np.empty(LINE, np.float32)
    for k in range(paths(tree, labels, nodes, truths)):
        node = nodes[k]
        block_scores(tree.weights, tree.bias, node, keys, value, places, errors)
        _errors(errors, truths[k])
        tree.totals[USED] += block_step(tree.weights, tree.bias, node, places, value, errors, rate)
        if node % TRIAL_EVERY == TRIAL_PLACE and node < TRIAL_EVERY * TRIALS:
            _try_rates(tree, node, truths[k], keys, value, places, errors)


@compiled(**INNER)
def _push(chance, code, size, p, what):
    at = size
    while at > 0 and chance[(at - 1) // 2] < p:
        above = (at - 1) // 2
        chance[at], code[at] = chance[above], code[above]
        at = above
    chance[at], code[at] = p, what


@compiled(**INNER)
def _drop_top(chance, code, size):
    """Remove the top of a heap of ``size``; the last entry takes its way down."""
    p, what = chance[size - 1], code[size - 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size - 1:
            break
        if below + 1 < size - 1 and chance[below + 1] > chance[below]:
            below += 1
        if chance[below] <= p:
            break
        chance[at], code[at] = chance[below], code[below]
        at = below
    chance[at], code[at] = p, what


@compiled(error_model="numpy")
def search(tree, keys, value, blocks, wanted, floor, labels, chances):
    """Find the likeliest labels, likeliest first; return how many.

    Opens at most ``blocks`` nodes, likeliest first; ends when ``wanted`` labels are found and
    all others are below ``floor``, or ``labels`` and ``chances`` are full.
    """
    room = blocks * CHILDREN + 1
    chance, code = np.empty(room), np.empty(room, np.int64)
    places, scores = np.empty(keys.size, np.int64), np.empty(LINE, np.float32)
    chance[0], code[0] = 1.0, 0
    size, opened, found = 1, 0, 0
    while size > 0 and found < labels.size:
        p, what = chance[0], code[0]
        if found >= wanted and p < floor:
            break
        _drop_top(chance, code, size)
        size -= 1
        if what > 0:
            labels[found], chances[found] = what, p
            found += 1
            continue
        if opened == blocks:
            continue
        opened += 1
        node = -what
        block_scores(tree.weights, tree.bias, node, keys, value, places, scores)
        for slot in range(CHILDREN):
            below = tree.child[node, slot]
            if below != 0:
                _push(chance, code, size, p / (1.0 + math.exp(-scores[slot])), below)
                size += 1
    return found


@compiled(error_model="numpy")
def all_chances(tree, keys, value, out):
    """Write the probability of every label of the tree, (labels,)."""
    nodes = tree.totals[NODES]
    reach = np.empty(nodes)
    places, scores = np.empty(keys.size, np.int64), np.empty(LINE, np.float32)
    for node in range(nodes):
        above = 1.0 if node == 0 else reach[node]
        block_scores(tree.weights, tree.bias, node, keys, value, places, scores)
        for slot in range(CHILDREN):
            below = tree.child[node, slot]
            p = above / (1.0 + math.exp(-scores[slot]))
            if below > 0:
                out[below] = p
            elif below < 0:
                reach[-below] = p
